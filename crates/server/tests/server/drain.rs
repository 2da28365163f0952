//! The server's end in two steps.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::support::{DEADLINE, Server};

const JOB: &str = r#"{"pipeline": "orders"}"#;

#[tokio::test]
async fn a_server_that_drains_takes_no_job_and_does_all_else() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let running = server.running("orders");
    assert_eq!(server.get("/readyz").await.status, 200);
    // There is no such pipeline, which is found out only where jobs are taken.
    server.post("/api/jobs", JOB).await.problem(422, "bad_body");
    server.lifecycle.draining.cancel();
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)), "{}", ready.text());
    let refused = server.post("/api/jobs", JOB).await;
    refused.problem(503, "shutting_down");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.get(&format!("/api/jobs/{running}/status")).await.status, 200);
    server.complete(running);
    client.find(|frame| frame["data"]["status"] == "COMPLETED").await;
    server.watch().await;
    server.post(&format!("/api/jobs/{running}/cancel"), "").await.problem(409, "job_ended");
}

#[tokio::test]
async fn then_it_shuts_down() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let mut on_own_port = server.connect_at(server.live_address, "/ws", "").await.unwrap();
    on_own_port.find(|frame| frame["type"] == "snapshot").await;
    server.lifecycle.draining.cancel();
    client.until_pong().await;
    server.lifecycle.shutdown.cancel();
    assert_eq!(u16::from(client.closed().await.code), 1001);
    assert_eq!(u16::from(on_own_port.closed().await.code), 1001);
    drop((client, on_own_port));
    timeout(DEADLINE.min(Duration::from_secs(8)), server.task).await.expect("in time").unwrap().unwrap();
}
