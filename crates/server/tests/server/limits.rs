//! Clients that are too many, too slow or gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etlplus_core::log::LogLevel;
use futures::StreamExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{DEADLINE, Server, eventually};

#[tokio::test]
async fn beyond_the_most_connections_the_upgrade_is_refused() {
    let server = Server::with(json!({"monitoring": {"websocket": {"max_connections": 2}}})).await;
    let (first, _) = server.watch().await;
    let mut stream = server.begin("GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    crate::support::http::events(&mut stream, |name, _| name == "snapshot").await;
    let upgrade = "connection: close, Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let request = format!("GET /ws HTTP/1.1\r\nhost: localhost\r\n{upgrade}\r\n");
    let answer = server.send(&request).await;
    answer.problem(503, "too_many_connections");
    assert!(answer.header("retry-after").is_some());
    server.get("/api/events").await.problem(503, "too_many_connections");
    // Who goes makes room.
    drop(first);
    eventually("a place is free", async || {
        let answer = server.get("/api/monitor/connections").await.json();
        answer["connections"].as_array().unwrap().len() == 1
    })
    .await;
    server.watch().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_closed_and_costs_others_nothing() {
    let server = Arc::new(Server::start().await);
    let job = server.running("orders");
    let (mut slow, _) = server.watch().await;
    let (mut reader, _) = server.watch().await;
    let begun = Instant::now();
    // A few MB: more than the kernel takes for a client, less than what is too much by itself.
    for batch in 0..100 {
        server.say(job, LogLevel::Info, (0..100).map(|line| format!("{batch} {line} {}", "x".repeat(500))));
        for line in 0..100 {
            let frame = reader.find(|frame| frame["type"] == "job_log_message").await;
            let text = frame["data"]["message"].as_str().unwrap();
            assert!(text.starts_with(&format!("{batch} {line} ")), "{text}");
        }
    }
    assert!(begun.elapsed() < DEADLINE);
    eventually("only the one that reads is left", async || {
        let answer = server.get("/api/monitor/connections").await.json();
        answer["connections"].as_array().unwrap().len() == 1
    })
    .await;
    assert!(begun.elapsed() > Duration::from_secs(5), "it had its time");
    // What the kernel holds is read first; it ends in the middle of what was told, but not of a frame.
    assert_eq!(u16::from(slow.closed().await.code), 4008);
}

#[tokio::test(flavor = "multi_thread")]
async fn far_too_much_unread_closes_at_once() {
    let server = Server::start().await;
    let job = server.running("orders");
    let (mut slow, _) = server.watch().await;
    let (mut pacer, _) = server.watch().await;
    pacer.set_filters(serde_json::json!([{"minLevel": "ERROR"}])).await;
    let begun = Instant::now();
    let text = "x".repeat(16_000);
    for _ in 0..40 {
        server.say(job, LogLevel::Info, (0..64).map(|_| text.clone()));
        // The ring of the bus holds less than all of it, so each part has to be told before the next is said.
        server.say(job, LogLevel::Error, ["told".to_owned()]);
        pacer.find(|frame| frame["type"] == "job_log_message").await;
    }
    eventually("it is closed", async || {
        let answer = server.get("/api/monitor/connections").await.json();
        answer["connections"].as_array().unwrap().len() == 1
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(5), "not after the time for slow clients");
    assert_eq!(u16::from(slow.closed().await.code), 4008);
}

#[tokio::test]
async fn a_heartbeat_comes_each_interval_and_no_answer_to_it_closes() {
    let interval = Duration::from_millis(200);
    let server = Server::with(json!({"monitoring": {"websocket": {"heartbeat_interval": "200ms"}}})).await;
    let (mut alive, _) = server.watch().await;
    let (dead, _) = server.watch().await;
    // The client answers pings while it is read.
    let begun = Instant::now();
    for _ in 0..6 {
        alive.find(|frame| frame["type"] == "heartbeat").await;
    }
    assert!(begun.elapsed() >= interval * 5, "{:?}", begun.elapsed());
    let listed = server.get("/api/monitor/connections").await.json();
    assert_eq!(listed["connections"].as_array().unwrap().len(), 1, "the one that does not answer is closed");
    let mut dead = dead.socket;
    loop {
        match tokio::time::timeout(DEADLINE, dead.next()).await.unwrap().unwrap().unwrap() {
            Message::Close(frame) => break assert_eq!(u16::from(frame.unwrap().code), 4012),
            _ => continue,
        }
    }
}
