//! Logging in on the page, and what becomes of what was opened once a token is over.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use etlplus_core::access::Role;
use etlplus_core::log::LogLevel;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{DEADLINE, Server, bearer, eventually};

/// How soon what a token opened has to be closed once it is over.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_token_becomes_a_cookie_that_no_script_reads() {
    let mut server = Server::guarded().await;
    let (viewer, _) = server.token("page", Role::Viewer, None).await;
    server.headers = String::new();
    let login = server.post("/api/login", &json!({"token": viewer}).to_string()).await;
    assert_eq!(login.status, 200, "{}", login.text());
    assert_eq!((&login.json()["name"], &login.json()["role"]), (&json!("page"), &json!("viewer")));
    let cookie = login.header("set-cookie").unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Max-Age"), "it lasts as long as the browser runs: {cookie}");
    let cookie = format!("cookie: {}\r\n", cookie.split(';').next().unwrap());
    assert_eq!(server.get_with("/api/me", &cookie).await.json()["name"], "page");
    let origin = format!("origin: http://{}\r\n", server.address);
    let own = format!("{cookie}{origin}host: {}\r\n", server.address);
    assert!(server.connect_at(server.address, "/ws", &own).await.is_ok(), "the page's socket");
    let foreign = format!("{cookie}origin: http://evil.example\r\n");
    assert_eq!(server.connect_at(server.address, "/ws", &foreign).await.err(), Some(403));
    server.get_with("/api/me", &foreign).await.problem(403, "foreign_origin");
    let logout = server.post("/api/logout", "").await;
    assert_eq!(logout.status, 204);
    assert!(logout.header("set-cookie").unwrap().starts_with("etlplus_token=; "));
}

#[tokio::test]
async fn a_login_from_a_foreign_page_is_refused() {
    let server = Server::guarded().await;
    let (viewer, _) = server.token("page", Role::Viewer, None).await;
    let body = json!({"token": viewer}).to_string();
    let head = "POST /api/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\norigin: http://evil.example\r\n";
    let kind = format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer = server.send(&format!("{head}{kind}{body}")).await;
    answer.problem(403, "foreign_origin");
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn ten_logins_fail_in_a_minute_and_the_right_token_always_passes() {
    let server = Server::guarded().await;
    let (good, _) = server.token("good", Role::Viewer, None).await;
    let (wrong, good) = (json!({"token": "etlp_no"}).to_string(), json!({"token": good}).to_string());
    for _ in 0..10 {
        assert_eq!(server.post("/api/login", &good).await.status, 200);
        server.post("/api/login", &wrong).await.problem(401, "token_unknown");
    }
    let late = server.post("/api/login", &wrong).await;
    late.problem(429, "too_many_logins");
    assert_eq!(server.post("/api/login", &good).await.status, 200, "what others do from its address is not its fault");
    let wait: u64 = late.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    server.clock.leap(Duration::from_secs(60));
    server.post("/api/login", &wrong).await.problem(401, "token_unknown");
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_half_a_minute() {
    let server = Server::guarded().await;
    let open = async |ticket: &str| {
        server.connect_at(server.address, &format!("/ws?ticket={ticket}"), "").await.map(drop).err()
    };
    let ticket = server.ticket(&server.headers).await;
    assert_eq!(open(&ticket).await, None);
    assert_eq!(open(&ticket).await, Some(401), "it was used");
    let late = server.ticket(&server.headers).await;
    server.clock.leap(Duration::from_secs(30));
    assert_eq!(open(&late).await, Some(401), "it is over");
    let of_revoked = server.token("gone", Role::Viewer, None).await;
    let ticket = server.ticket(&bearer(&of_revoked.0)).await;
    server.delete(&format!("/api/tokens/{}", of_revoked.1)).await;
    assert_eq!(open(&ticket).await, Some(401), "its owner's token was revoked");
    let ticket = server.ticket(&server.headers).await;
    let address = format!("/api/events?ticket={ticket}&type=job_log_message");
    assert_eq!(server.status_of(&format!("GET {address} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await, 200);
}

#[tokio::test]
async fn who_asks_for_many_tickets_keeps_nobody_from_theirs() {
    // It is more than anybody may in a second.
    let server = Server::guarded_with(json!({"server": {"requests_per_second": 100_000}})).await;
    let (greedy, _) = server.token("greedy", Role::Viewer, None).await;
    let mine = server.ticket(&server.headers).await;
    let first = server.ticket(&bearer(&greedy)).await;
    for _ in 0..1100 {
        server.ticket(&bearer(&greedy)).await;
    }
    let other = server.ticket(&server.headers).await;
    let open = async |ticket: &str| {
        server.connect_at(server.address, &format!("/ws?ticket={ticket}"), "").await.map(drop).err()
    };
    assert_eq!((open(&mine).await, open(&other).await, open(&first).await), (None, None, Some(401)));
}

#[tokio::test]
async fn a_ticket_that_came_too_often_is_good_for_another_try() {
    let server = Server::guarded_with(json!({"server": {"requests_per_second": 1}})).await;
    let (viewer, _) = server.token("viewer", Role::Viewer, None).await;
    let ticket = server.ticket(&bearer(&viewer)).await;
    let open = async || server.connect_at(server.address, &format!("/ws?ticket={ticket}"), "").await.map(drop).err();
    let me = format!("GET /api/me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n", bearer(&viewer));
    // What the ticket's owner asks for is counted together.
    eventually("it is too often", async || server.send(&me).await.status == 429).await;
    assert_eq!(open().await, Some(429));
    eventually("it may come again", async || match open().await {
        None => true,
        Some(status) => {
            assert_eq!(status, 429, "the ticket is as good as before");
            false
        }
    })
    .await;
}

/// Everything that a token can keep open.
struct Opened {
    socket: crate::support::ws::Client,
    events: TcpStream,
    log: TcpStream,
}

async fn open(server: &Server, token: &str) -> Opened {
    let job = server.running("orders");
    server.say(job, LogLevel::Info, ["hello".to_owned()]);
    let headers = bearer(token);
    let mut socket = server.connect_at(server.address, "/ws", &headers).await.unwrap();
    socket.frame().await;
    let stream = async |path: &str| {
        let accept = "accept: text/event-stream\r\n";
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{accept}{headers}\r\n");
        let mut stream = server.begin(&head).await;
        let mut begun = [0; 12];
        timeout(DEADLINE, stream.read_exact(&mut begun)).await.unwrap().unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200", "{path}");
        stream
    };
    let events = stream("/api/events").await;
    let log = stream(&format!("/api/jobs/{job}/logs")).await;
    Opened { socket, events, log }
}

async fn all_end(opened: &mut Opened, code: u16) {
    let begun = Instant::now();
    let all = async {
        assert_eq!(u16::from(opened.socket.closed().await.code), code);
        let mut rest = String::new();
        opened.events.read_to_string(&mut rest).await.unwrap();
        assert!(rest.contains(&format!(": closed {code}")), "{rest}");
        opened.log.read_to_string(&mut rest).await.unwrap();
    };
    timeout(CLOSED_WITHIN, all).await.unwrap_or_else(|_| panic!("not within {:?}", begun.elapsed()));
}

#[tokio::test]
async fn what_a_revoked_token_opened_is_closed_within_five_seconds() {
    let server = Server::guarded().await;
    let (text, id) = server.token("watcher", Role::Viewer, None).await;
    let (other, _) = server.token("other", Role::Viewer, None).await;
    let mut opened = open(&server, &text).await;
    let mut left_alone = server.connect_at(server.address, "/ws", &bearer(&other)).await.unwrap();
    left_alone.find(|frame| frame["type"] == "snapshot").await;
    assert_eq!(server.delete(&format!("/api/tokens/{id}")).await.status, 200);
    all_end(&mut opened, 4500).await;
    left_alone.until_pong().await;
}

#[tokio::test]
async fn what_an_expired_token_opened_is_closed_within_five_seconds() {
    let server = Server::guarded().await;
    let (text, _) = server.token("watcher", Role::Viewer, Some(Utc::now() + TimeDelta::seconds(60))).await;
    let mut opened = open(&server, &text).await;
    server.clock.leap(Duration::from_secs(60));
    all_end(&mut opened, 4005).await;
}
