//! Whatever is sent to the server: it answers what is wrong, and lives on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::server::{Server, job_of, orders, wait_for_end};
use crate::support::Folder;

/// Sends `request` as it is, and gives the status and the body.
fn send(server: &Server, request: &[u8]) -> (u16, String) {
    let mut socket = TcpStream::connect(("127.0.0.1", server.port().parse().expect("a port"))).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket takes a timeout");
    // A server that answers early may close before all is sent.
    let _ = socket.write_all(request);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_else(|| panic!("no answer: {answer:.300}")), body.to_owned())
}

fn get(server: &Server, path: &str) -> (u16, String) {
    send(server, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes())
}

/// Posts `body`, and gives the status and the answer.
pub(crate) fn post(server: &Server, path: &str, media_type: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    send(server, [head.as_bytes(), body.as_bytes()].concat().as_slice())
}

#[track_caller]
fn problem((status, body): (u16, String), expected: u16, code: &str) -> Value {
    assert_eq!(status, expected, "{body:.500}");
    let problem: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body:.500}"));
    assert_eq!(problem["code"], code, "{problem:#}");
    assert!(problem["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{problem:#}");
    problem
}

#[tokio::test]
async fn each_bad_request_is_told_what_is_wrong_and_the_server_lives_on() {
    let folder = Folder::with_orders(orders(10, 0));
    let server = Server::start(&folder, &[]);

    for id in ["0197734a-5b2e-7c80-9d5d-2f6e3b1c4a00", "..%2f..%2fetc%2fpasswd", "a%00b", "job_123", &"1".repeat(5000)]
    {
        problem(get(&server, &format!("/api/jobs/{id}/status")), 404, "job_not_found");
    }
    let (status, _) = get(&server, &format!("/api/jobs/{}/status", "1".repeat(1 << 20)));
    assert!(matches!(status, 404 | 414 | 431), "an id of 1 MiB: {status}");

    let found = problem(get(&server, "/api/monitor/jobs?status=DONE&colour=red&limit=0"), 422, "bad_parameter");
    let keys: Vec<&str> =
        found["errors"].as_array().expect("errors").iter().filter_map(|error| error["key"].as_str()).collect();
    assert!(["status", "colour", "limit"].iter().all(|key| keys.contains(key)), "{keys:?}");

    problem(post(&server, "/api/jobs", "application/json", "{\"definition\": "), 400, "bad_json");
    problem(post(&server, "/api/jobs", "text/plain", "{}"), 415, "unsupported_media_type");
    problem(
        post(&server, "/api/jobs", "application/json", &format!("\"{}\"", "x".repeat(10 << 20))),
        413,
        "body_too_large",
    );

    let deep = format!("name: deep\nsource: {}{}", "[".repeat(1000), "]".repeat(1000));
    let body = serde_json::json!({ "definition": deep, "folder": "/nowhere" }).to_string();
    let found = problem(post(&server, "/api/jobs", "application/json", &body), 422, "pipeline_invalid");
    assert!(found["errors"][0]["line"].is_number(), "{found:#}");
    let body = serde_json::json!({ "definition": "x".repeat(2 << 20), "folder": "/nowhere" }).to_string();
    problem(post(&server, "/api/jobs", "application/json", &body), 422, "pipeline_invalid");

    // A page of elsewhere can neither submit nor watch.
    let foreign = b"GET /api/monitor/jobs HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    problem(send(&server, foreign), 403, "foreign_host");

    let id = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it lives").job_id;
    let job = wait_for_end(&server.client(), &id).await;
    assert_eq!(job.metrics.records_successful, 10);
}

#[tokio::test]
async fn one_connection_more_than_may_be_is_told_to_come_later() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-connections", "2"]);
    let upgrade = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let open = || {
        let mut socket = TcpStream::connect(("127.0.0.1", server.port().parse().expect("a port"))).expect("it listens");
        socket.write_all(upgrade.as_bytes()).expect("it reads");
        let mut answer = [0; 512];
        let length = socket.read(&mut answer).expect("it answers");
        (socket, String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    let (first, answer) = open();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let (_second, answer) = open();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let (_third, answer) = open();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.to_lowercase().contains("retry-after"), "{answer}");
    // A place that is given up is free again.
    drop(first);
    let deadline = std::time::Instant::now() + crate::server::DEADLINE;
    while !open().1.starts_with("HTTP/1.1 101") {
        assert!(std::time::Instant::now() < deadline, "the place never became free");
    }
}
