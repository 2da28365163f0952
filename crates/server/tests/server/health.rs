//! How the server itself is.

use chrono::Utc;
use etlplus_core::ports::ChannelState;
use serde_json::{Value, json};

use crate::support::Server;

fn check(health: &Value, name: &str) -> Value {
    let mut checks = health["checks"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name} in {health}")).clone()
}

#[tokio::test]
async fn a_server_is_ready_until_it_drains_or_its_store_is_away() {
    let server = Server::start().await;
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"ready": true, "reasons": []})));
    server.store.set_away(true);
    let away = server.get("/readyz").await;
    assert_eq!((away.status, &away.json()["ready"]), (503, &json!(false)));
    assert!(away.json()["reasons"][0].as_str().unwrap().contains("the disk is away"), "{}", away.text());
    server.store.set_away(false);
    server.store.set_full(true);
    let full = server.get("/readyz").await;
    assert_eq!((full.status, &full.json()["ready"]), (503, &json!(false)), "what it is given could not be recorded");
    server.store.set_full(false);
    assert_eq!(server.get("/readyz").await.status, 200);
    server.store.set_away(true);
    server.lifecycle.draining.cancel();
    let reasons = server.get("/readyz").await.json()["reasons"].clone();
    assert_eq!((reasons.as_array().unwrap().len(), &reasons[0]), (2, &json!("the server is about to end")));
    // Whoever only asks whether it lives is not told to kill it.
    assert_eq!(server.get("/livez").await.status, 200);
    server.store.set_away(false);
    assert_eq!(server.get("/readyz").await.status, 503, "it still drains");
}

#[tokio::test]
async fn health_says_what_works_and_what_does_not() {
    let server = Server::start().await;
    server.running("orders");
    server.submit("people");
    let (_client, _) = server.watch().await;
    let health = server.get("/api/health").await.json();
    assert_eq!((&health["status"], &health["version"]), (&json!("ok"), &json!("0.0.0-test")), "{health}");
    assert_eq!(health["jobs"], json!({"running": 1, "waiting": 1, "paused": 0}));
    assert_eq!(health["connections"], 1);
    server.clock.leap(std::time::Duration::from_secs(100));
    assert!(server.get("/api/health").await.json()["uptimeSeconds"].as_u64().unwrap() >= 100);
    server.channels.add(ChannelState {
        name: "oncall".to_owned(),
        kind: "webhook",
        is_up: false,
        waiting: Some(1),
        retry_at: Some(Utc::now()),
        last_error: None,
    });
    let health = server.get("/api/health").await.json();
    assert_eq!((&health["status"], &health["alertChannels"]), (&json!("degraded"), &json!({"up": 0, "down": 1})));
    assert!(check(&health, "alerts")["detail"].as_str().unwrap().contains("oncall"), "{health}");
    server.store.set_away(true);
    let answer = server.get("/api/health").await;
    assert_eq!(answer.status, 200, "it can still say what is wrong");
    let health = answer.json();
    assert_eq!((&health["status"], &health["jobs"]), (&json!("failing"), &Value::Null));
    assert_eq!(check(&health, "store")["remedy"], "bring it back");
}

#[tokio::test]
async fn metrics_come_as_prometheus_reads_them() {
    let server = Server::start().await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(answer.text().contains("etlplus_test 1\n"), "{}", answer.text());
}
