//! Settings over REST: shown with their origins, and changed while the server runs.

use serde_json::{Value, json};

use crate::support::Server;

const CONFIG: &str = "/api/monitor/config";

/// The settings themselves, as the seed's file has them.
fn monitoring(shown: &Value) -> Value {
    json!({"monitoring": shown["monitoring"]})
}

#[tokio::test]
async fn a_change_holds_at_once_and_is_shown() {
    let server = Server::start().await;
    let shown = server.get(CONFIG).await;
    assert_eq!(shown.header("etag"), Some("\"0\""));
    let shown = shown.json();
    assert_eq!(shown["monitoring"]["websocket"]["max_connections"], 1000);
    assert_eq!(shown["monitoring"]["websocket"]["heartbeat_interval"], 30);
    assert_eq!(shown["monitoring"]["notifications"]["retry_delay"], 5000);
    let change = json!({"monitoring": {
        "websocket": {"max_connections": 1, "heartbeat_interval": "100ms", "message_queue_size": 7},
        "job_tracking": {"metrics_collection_enabled": false},
    }});
    let answer = server.post(CONFIG, &change.to_string()).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"1\"")), "{}", answer.text());
    assert_eq!(answer.json(), server.get(CONFIG).await.json());
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
async fn each_value_says_where_it_comes_from_and_what_waits_for_a_restart() {
    let server = Server::with(json!({"jobs": {"timeout": "25m"}, "monitoring": {"websocket": {"port": 8081}}})).await;
    let change = json!({"server": {"listen": "127.0.0.1:9999"}, "retention": {"jobs": {"max_age": "7d"}}});
    let changed = server.post(CONFIG, &change.to_string()).await.json();
    assert_eq!(changed["pending_restart"], json!(["server.listen"]));
    assert_eq!(changed["server"]["listen"], "127.0.0.1:8080", "it holds until the restart");
    assert_eq!(changed["retention"]["jobs"]["max_age"], "7d");
    assert_eq!(changed["jobs"]["timeout"], "25m");
    let entry =
        |key: &str| changed["origins"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone();
    let listen = entry("server.listen");
    assert_eq!((&listen["value"], &listen["pending_restart"]), (&json!("127.0.0.1:9999"), &json!(true)));
    assert_eq!((&listen["applies"], &listen["origin"]), (&json!("next_start"), &json!({"from": "changed"})));
    let timeout = entry("jobs.timeout");
    assert_eq!(timeout["origin"], json!({"from": "file", "path": "/etc/etlplus.json"}));
    assert_eq!(entry("monitoring.websocket.enabled")["origin"], json!({"from": "default"}));
    // null takes a change back.
    let back = server.post(CONFIG, &json!({"server": {"listen": null}}).to_string()).await.json();
    assert_eq!((&back["pending_restart"], &back["version"]), (&json!([]), &json!(2)));
}

#[tokio::test]
async fn what_is_shown_can_be_sent_back() {
    let seed = json!({"monitoring": {
        "websocket":
            {"enabled": true, "port": 8081, "max_connections": 100, "heartbeat_interval": 30, "message_queue_size": 1000},
        "job_tracking": {"progress_update_interval": 5, "log_streaming_enabled": true,
            "metrics_collection_enabled": true, "timeout_warning_threshold": 1500},
        "notifications": {"enabled": true, "job_failure_alerts": true, "timeout_warnings": true,
            "resource_alerts": true, "retry_attempts": 3, "retry_delay": 5000},
    }});
    let server = Server::with(seed.clone()).await;
    let before = server.get(CONFIG).await.json();
    for (section, keys) in seed["monitoring"].as_object().unwrap() {
        for (key, value) in keys.as_object().unwrap() {
            assert_eq!(before["monitoring"][section][key], *value, "{section}.{key} has the seed's own shape");
        }
    }
    let sections = ["server", "jobs", "retention", "log", "monitoring"];
    let mut all: Value = sections.iter().map(|section| ((*section).to_owned(), before[section].clone())).collect();
    // The test's own server runs nothing, which no file could say.
    all["jobs"].as_object_mut().unwrap().remove("max_concurrent_jobs");
    let sent_back = server.post(CONFIG, &all.to_string()).await;
    assert_eq!(sent_back.status, 200, "{}", sent_back.text());
    let after = sent_back.json();
    assert_eq!(monitoring(&after), monitoring(&before));
    for section in ["server", "jobs", "retention", "log", "access"] {
        assert_eq!(after[section], before[section], "{section}");
    }
}

#[tokio::test]
async fn secrets_are_masked() {
    let channel =
        json!({"type": "webhook", "url": "https://hooks.example.com/secret-path", "secret": "${HOOK_SECRET}"});
    let server = Server::with(json!({"monitoring": {"notifications": {"channels": {"oncall": channel}}}})).await;
    let answer = server.get(CONFIG).await;
    assert!(!answer.text().contains("secret-path"), "{}", answer.text());
    let shown = &answer.json()["monitoring"]["notifications"]["channels"]["oncall"];
    assert_eq!((&shown["type"], &shown["secret"]), (&json!("webhook"), &json!("${HOOK_SECRET}")));
}

#[tokio::test]
async fn every_fault_is_named_and_nothing_is_changed() {
    let server = Server::start().await;
    let before = server.get(CONFIG).await.json();
    for (change, keys) in [
        (
            json!({"monitoring": {"websocket": {"max_connections": 0, "heartbeat_interval": 0, "message_queue_size": 0},
                "job_tracking": {"log_streaming_enabled": false}}}),
            vec![
                "monitoring.websocket.max_connections",
                "monitoring.websocket.heartbeat_interval",
                "monitoring.websocket.message_queue_size",
            ],
        ),
        (
            json!({"monitoring": {"websocket": {"max_connections": "many", "speed": 1},
                "notifications": {"memory_threshold": 140}, "other": 1}, "more": 1}),
            vec![
                "monitoring.websocket.max_connections",
                "monitoring.websocket.speed",
                "monitoring.notifications.memory_threshold",
                "monitoring.other",
                "more",
            ],
        ),
        (
            json!({"monitoring": {"websocket": {"heartbeat_interval": "soon"}}}),
            vec!["monitoring.websocket.heartbeat_interval"],
        ),
        (json!({"monitoring": 5}), vec!["monitoring"]),
    ] {
        let problem = server.post(CONFIG, &change.to_string()).await.problem(422, "settings_invalid");
        let named = problem["errors"].as_array().unwrap().iter();
        let mut named: Vec<_> = named.map(|error| error["key"].as_str().unwrap()).collect();
        let mut keys = keys;
        named.sort();
        keys.sort();
        assert_eq!(named, keys, "{problem}");
    }
    assert_eq!(server.get(CONFIG).await.json(), before);
    server.post(CONFIG, "[]").await.problem(422, "bad_body");
    server.post(CONFIG, "{").await.problem(400, "bad_json");
}

#[tokio::test]
async fn a_change_for_another_version_is_refused() {
    let server = Server::start().await;
    let change = r#"{"monitoring": {"websocket": {"max_connections": 5}}}"#;
    let post = async |headers: &str| {
        let length = change.len();
        let head = format!("POST {CONFIG} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}");
        server.send(&format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{change}")).await
    };
    let first = post("if-match: \"0\"\r\n").await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"1\"")), "{}", first.text());
    let stale = post("if-match: \"0\"\r\n").await;
    stale.problem(412, "stale_settings");
    assert_eq!(stale.header("etag"), Some("\"1\""), "it says which one holds");
    assert_eq!(post("if-match: *\r\n").await.json()["version"], 2);
    assert_eq!(post("").await.json()["version"], 3);
    for wrong in ["3", "\"3", "\"3\" \"4\"", "*, \"3\""] {
        post(&format!("if-match: {wrong}\r\n")).await.problem(400, "bad_if_match");
    }
    // Right by their form, and none of them the ETag that holds.
    for other in ["", "W/\"3\"", "\"three\"", "\"\"", "\"0\", \"7\"", "\"99999999999999999999999\""] {
        let stale = post(&format!("if-match: {other}\r\n")).await;
        let problem = stale.problem(412, "stale_settings");
        assert!(problem["detail"].as_str().unwrap().contains("version 3"), "{problem}");
        assert_eq!(stale.header("etag"), Some("\"3\""), "{other}");
    }
    assert_eq!(server.get(CONFIG).await.json()["version"], 3);
    assert_eq!(post("if-match: \"0\", \"3\"\r\n").await.json()["version"], 4, "one of them holds");
    assert_eq!(post("if-match: \"0\"\r\nif-match: \"4\"\r\n").await.json()["version"], 5, "two headers are one list");
}

#[tokio::test]
async fn the_document_says_which_if_match_is_none() {
    let document = etlplus_server::openapi_document();
    let parameters = document["paths"][CONFIG]["post"]["parameters"].as_array().unwrap();
    let schema = &parameters.iter().find(|parameter| parameter["name"] == "If-Match").unwrap()["schema"];
    let schema = jsonschema::validator_for(schema).unwrap();
    for right in ["*", "", "\"3\"", "\"0\", \"7\"", "W/\"3\",\"three\"", "\"\""] {
        assert!(schema.is_valid(&json!(right)), "{right}");
    }
    for wrong in ["3", "\"3", "*, \"3\"", "\"3\" \"4\"", "\"3\","] {
        assert!(!schema.is_valid(&json!(wrong)), "{wrong}");
    }
}

#[tokio::test]
async fn a_change_is_told_to_who_watches() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    server.post(CONFIG, r#"{"monitoring": {"websocket": {"max_connections": 5}}}"#).await;
    let frame = client.find(|frame| frame["type"] == "system_notification").await;
    assert!(frame["offset"].is_u64(), "it is a fact: {frame}");
    let data = &frame["data"];
    assert_eq!((&data["kind"], &data["severity"]), (&json!("settings"), &json!("INFO")));
    assert_eq!((&data["settings"]["version"], &data["settings"]["by"]), (&json!(1), &json!("local")));
    let key = json!({"key": "monitoring.websocket.max_connections", "value": "5"});
    assert_eq!(data["settings"]["keys"], json!([key]));
}
