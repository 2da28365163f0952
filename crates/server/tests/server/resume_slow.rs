//! Clients that are far behind, and read slowly or not at all.

use std::time::Duration;

use etlplus_core::log::LogLevel;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::disk::Disk;
use crate::support::eventually;
use crate::support::http::parse;
use crate::support::ws::subscribe;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than the kernel holds for a client, many times over.
const LINES: u64 = 40_000;

async fn behind() -> Disk {
    let disk = Disk::start(json!({})).await;
    let job = disk.start_job("orders", "nightly").await;
    for part in 0..LINES / 1000 {
        let text = "x".repeat(400);
        disk.say(job, LogLevel::Info, (0..1000).map(|line| format!("{} {text}", part * 1000 + line))).await;
    }
    disk.complete(job).await;
    // What was missed is nowhere but in the store.
    disk.restart().await
}

async fn connections(disk: &Disk) -> Vec<Value> {
    let mut stream = TcpStream::connect(disk.address()).await.unwrap();
    let head = "GET /api/monitor/connections HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    parse(disk.address(), &bytes).json()["connections"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_far_behind_and_stops_reading_for_a_while_arrives() {
    let disk = behind().await;
    let mut client = disk.greeted().await;
    client.say(subscribe(&disk.epoch(), 0, &json!([{"types": ["job_log_message"]}]))).await;
    assert_eq!(client.frame().await["type"], "ack");
    let message = |frame: &Value| frame["data"]["message"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    for line in 0..100 {
        assert_eq!(message(&client.frame().await), line.to_string());
    }
    // As long as would be too slow for one that is live, with more than it may be behind.
    let begun = Instant::now();
    let mut most = 0;
    while begun.elapsed() < Duration::from_secs(7) {
        let row = &connections(&disk).await[0];
        most = most.max(row["queuedBytes"].as_u64().unwrap());
        assert!(row["lag"].as_u64().unwrap() > 30_000, "the fault fired: {row}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(most > 0 && most < 128 << 10, "{most} bytes waited for it in the server");
    // What happens meanwhile comes after what was missed.
    let job = disk.start_job("people", "nightly").await;
    disk.say(job, LogLevel::Info, ["last".to_owned()]).await;
    for line in 100..LINES {
        assert_eq!(message(&client.frame().await), line.to_string());
    }
    let rest = [client.frame().await, client.frame().await];
    let is_in = |kind: &str| rest.iter().any(|frame| frame["type"] == kind);
    assert!(is_in("bookmark") && is_in("job_log_message"), "{rest:?}");
    assert_eq!(connections(&disk).await[0]["lag"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_wish_ends_a_replay() {
    let disk = behind().await;
    let mut client = disk.greeted().await;
    client.say(subscribe(&disk.epoch(), 0, &json!([]))).await;
    assert_eq!(client.frame().await["type"], "ack");
    for _ in 0..10 {
        assert!(client.frame().await["offset"].is_u64());
    }
    // No more is read, so it cannot have ended.
    client.say(subscribe(&disk.epoch(), 20_000, &json!([]))).await;
    client.say(r#"{"type": "set_filters", "id": "f", "data": {"filters": [{"pipelines": ["people"]}]}}"#).await;
    let mut facts = 0;
    let answer = loop {
        let frame = client.frame().await;
        match frame["id"].as_str() {
            Some("f") => break frame,
            _ => facts += usize::from(frame["type"] == "job_log_message"),
        }
    };
    assert_eq!(answer["type"], "ack");
    assert!(facts > 0 && facts < 10_000, "{facts} came of the replays that were given up");
    assert_eq!(client.snapshot().await.0["offset"], disk.position().offset.get());
    let job = disk.start_job("people", "nightly").await;
    let next = client.frame().await;
    assert_eq!((&next["data"]["jobId"], &next["data"]["status"]), (&json!(job.to_string()), &json!("PENDING")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_of_its_replay_is_closed_as_gone() {
    let disk = Disk::start(json!({"monitoring": {"websocket": {"heartbeat_interval": "200ms"}}})).await;
    let job = disk.start_job("orders", "nightly").await;
    disk.say(job, LogLevel::Info, (0..LINES).map(|line| format!("{line} {}", "x".repeat(400)))).await;
    let mut client = disk.greeted().await;
    client.say(subscribe(&disk.epoch(), 0, &json!([]))).await;
    eventually("it is closed", async || connections(&disk).await.is_empty()).await;
    assert_eq!(u16::from(client.closed().await.code), 4012);
}
