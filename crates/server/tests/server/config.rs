//! Options that change while the server runs.

use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn a_change_holds_at_once_and_is_shown() {
    let server = Server::start().await;
    let shown = server.get("/api/monitor/config").await.json();
    assert_eq!(shown["monitoring"]["websocket"]["max_connections"], 1000);
    assert_eq!(shown["monitoring"]["websocket"]["heartbeat_interval"], 30.0);
    assert_eq!(shown["monitoring"]["websocket"]["port"], server.address.port());
    let change = json!({"monitoring": {
        "websocket": {"max_connections": 1, "heartbeat_interval": "100ms", "message_queue_size": 7},
        "job_tracking": {"metrics_collection_enabled": false},
    }});
    let answer = server.post("/api/monitor/config", &change.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), server.get("/api/monitor/config").await.json());
    assert_eq!(answer.json()["monitoring"]["job_tracking"]["log_streaming_enabled"], true);
    let job = server.running("orders");
    let mut client = server.connect().await;
    assert_eq!(client.frame().await["data"]["limits"]["messageQueueSize"], 7);
    // It beats in the new interval, has no room for a second, and tells no metrics.
    client.find(|frame| frame["type"] == "heartbeat").await;
    server.get("/api/events").await.problem(503, "too_many_connections");
    server.read(job, 1).await;
    client.find(|frame| frame["type"] == "job_progress_update").await;
    server.complete(job);
    let next = client.find(|frame| frame["type"] != "heartbeat").await;
    assert_eq!(next["type"], "job_status_update");
}

#[tokio::test]
async fn every_fault_is_named_and_nothing_is_changed() {
    let server = Server::start().await;
    let before = server.get("/api/monitor/config").await.json();
    for (change, keys) in [
        (
            json!({"monitoring": {"websocket": {"max_connections": 0, "heartbeat_interval": 0, "message_queue_size": 0},
                "job_tracking": {"log_streaming_enabled": false}}}),
            vec!["websocket.max_connections", "websocket.heartbeat_interval", "websocket.message_queue_size"],
        ),
        (
            json!({"monitoring": {"websocket": {"port": 1, "max_connections": "many", "speed": 1},
                "job_tracking": {"timeout_warning_threshold": 5, "log_streaming_enabled": "no"},
                "notifications": {"enabled": true}, "other": 1}, "more": 1}),
            vec![
                "websocket.port",
                "websocket.max_connections",
                "websocket.speed",
                "job_tracking.timeout_warning_threshold",
                "job_tracking.log_streaming_enabled",
                "notifications",
                "other",
                "more",
            ],
        ),
        (json!({"monitoring": {"websocket": {"heartbeat_interval": "soon"}}}), vec!["websocket.heartbeat_interval"]),
        (json!({"monitoring": {"websocket": {"max_connections": -1}}}), vec!["websocket.max_connections"]),
        (json!({"monitoring": 5}), vec![""]),
    ] {
        let problem = server.post("/api/monitor/config", &change.to_string()).await.problem(422, "bad_body");
        let named = problem["errors"].as_array().unwrap().iter();
        let mut named: Vec<_> = named
            .map(|error| error["key"].as_str().unwrap().trim_start_matches("monitoring").trim_start_matches('.'))
            .collect();
        let mut keys = keys;
        named.sort();
        keys.sort();
        assert_eq!(named, keys, "{problem}");
    }
    assert_eq!(server.get("/api/monitor/config").await.json(), before);
}
