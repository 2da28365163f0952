//! Logs over REST.

use etlplus_core::log::LogLevel;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::support::http::events;
use crate::support::{DEADLINE, Server};

fn texts(page: &Value) -> Vec<&str> {
    page["lines"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_page_goes_on_after_the_one_before() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, (0..1500).map(|number| number.to_string()));
    server.say(job, LogLevel::Error, ["bad".to_owned()]);
    let address = format!("/api/jobs/{job}/logs");
    let first = server.get(&address).await.json();
    assert_eq!((texts(&first).len(), texts(&first)[999]), (1000, "999"));
    let second = server.get(&format!("{address}?after={}", first["nextAfter"])).await.json();
    assert_eq!((texts(&second).len(), texts(&second)[500]), (501, "bad"));
    let end = server.get(&format!("{address}?after={}", second["nextAfter"])).await.json();
    assert_eq!(end, json!({"lines": [], "nextAfter": null}));
    assert_eq!(texts(&server.get(&format!("{address}?level=WARN")).await.json()), ["bad"]);
    assert_eq!(texts(&server.get(&format!("{address}?tail=2")).await.json()), ["1499", "bad"]);
    assert_eq!(texts(&server.get(&format!("{address}?limit=1500")).await.json()).len(), 1500);
    for bad in ["after=x", "limit=0", "limit=10001", "level=LOUD", "tail=0", "tail=1&after=1", "from=1"] {
        server.get(&format!("{address}?{bad}")).await.problem(422, "bad_parameter");
    }
}

#[tokio::test]
async fn a_download_has_every_line() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, (0..1700).map(|number| format!("line {number}")));
    let answer = server.get_with(&format!("/api/jobs/{job}/logs"), "accept: application/x-ndjson\r\n").await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let text = answer.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1700);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!((&line["message"], &line["offset"]), (&json!(format!("line {number}")), &json!(number + 3)));
    }
}

#[tokio::test]
async fn a_download_breaks_off_where_the_store_goes_away() {
    let server = Server::start().await;
    let job = server.running("orders");
    // More than sockets and buffers take, so that the store is still needed when it goes.
    server.say(job, LogLevel::Info, (0..40_000).map(|_| "x".repeat(400)));
    let head = format!("GET /api/jobs/{job}/logs HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\n\r\n");
    let mut stream = server.begin(&head).await;
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    server.store.set_away(true);
    let mut rest = Vec::new();
    let _reset = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a client must see that it is not all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_to_the_end_of_its_job() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, ["before".to_owned()]);
    let head = format!("GET /api/jobs/{job}/logs HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n");
    let mut stream = server.begin(&format!("{head}\r\n")).await;
    let first = events(&mut stream, |_, _| true).await;
    assert_eq!((&first[0].0[..], &first[0].2["message"]), ("job_log_message", &json!("before")));
    server.say(server.running("other"), LogLevel::Info, ["of another job".to_owned()]);
    for number in 0..700 {
        server.say(job, LogLevel::Info, [number.to_string()]);
    }
    server.complete(job);
    let rest = events(&mut stream, |name, _| name == "end").await;
    assert_eq!(rest.len(), 701);
    for (number, (_, id, row)) in rest[..700].iter().enumerate() {
        assert_eq!((&row["message"], id), (&json!(number.to_string()), &row["offset"].to_string()));
    }
    // Who was broken off goes on where it was.
    let mut stream = server.begin(&format!("{head}last-event-id: {}\r\n\r\n", rest[698].1)).await;
    let resumed = events(&mut stream, |name, _| name == "end").await;
    assert_eq!((resumed.len(), &resumed[0]), (2, &rest[699]));
}
