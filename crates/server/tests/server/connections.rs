//! Who watches, and what an administrator can do about it.

use std::time::Duration;

use etlplus_core::access::Role;
use etlplus_core::log::LogLevel;
use serde_json::{Value, json};

use crate::support::{Server, bearer, eventually};

async fn list(server: &Server) -> Vec<Value> {
    server.get("/api/monitor/connections").await.json()["connections"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_connection_says_who_it_is_and_where() {
    let server = Server::guarded().await;
    let (viewer, _) = server.token("wall screen", Role::Viewer, None).await;
    let mut client = server.connect_at(server.address, "/ws", &bearer(&viewer)).await.unwrap();
    client.find(|frame| frame["type"] == "snapshot").await;
    client.set_filters(json!([{"pipelines": ["orders"]}])).await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, (0..10).map(|line| format!("line {line}")));
    client.find(|frame| frame["data"]["message"] == "line 9").await;
    // Nothing that it wants, but it was told all up to there.
    let other = server.running("customers");
    server.complete(other);
    server.all_told().await;
    let row = &list(&server).await[0];
    assert_eq!((&row["principal"], &row["kind"]), (&json!("token wall screen"), &json!("web_socket")));
    assert_eq!((&row["lag"], &row["queuedBytes"]), (&json!(0), &json!(0)));
    assert_eq!(row["filters"], json!([{"pipelines": ["orders"]}]));
    assert!(row["sentBytes"].as_u64().unwrap() > 2_000, "{row}");
}

#[tokio::test]
async fn a_client_that_does_not_read_lags_by_as_many_facts_as_it_was_not_told() {
    let server = Server::start().await;
    let (mut slow, _) = server.watch().await;
    let job = server.running("orders");
    server.all_told().await;
    let before = server.store.position().offset.get();
    // More than the kernel takes for a client that reads nothing.
    for _ in 0..40 {
        server.say(job, LogLevel::Info, (0..100).map(|_| "x".repeat(1_000)));
    }
    let newest = server.store.position().offset.get();
    eventually("it lags", async || list(&server).await[0]["lag"].as_u64().unwrap() > 0).await;
    let row = list(&server).await.remove(0);
    let (at, lag) = (row["position"]["offset"].as_u64().unwrap(), row["lag"].as_u64().unwrap());
    assert!(at >= before && at + lag <= newest && row["queuedBytes"].as_u64().unwrap() > 0, "{row}");
    slow.find(|frame| frame["offset"] == newest).await;
    eventually("it has caught up", async || list(&server).await[0]["lag"] == 0).await;
}

#[tokio::test]
async fn a_filter_can_be_given_to_a_connection() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    server.running("orders");
    server.running("customers");
    let id = list(&server).await[0]["connectionId"].as_str().unwrap().to_owned();
    let address = format!("/api/monitor/connections/{id}/filters");
    let filters = json!({"filters": [{"pipelines": ["orders"], "minLevel": "WARN"}]});
    assert_eq!(server.put(&address, &filters.to_string()).await.status, 204);
    // It did not ask, so there is no answer: the new snapshot says it.
    let snapshot = client.find(|frame| frame["type"] == "snapshot" || frame["type"] == "ack").await;
    assert_eq!(snapshot["data"]["jobs"].as_array().unwrap().len(), 1, "{snapshot}");
    server.running("customers");
    server.all_told().await;
    assert_eq!(client.until_pong().await, Vec::<Value>::new(), "nothing of others comes any more");
    assert_eq!(list(&server).await[0]["filters"], filters["filters"]);
    for (wrong, key) in [
        (json!({"filters": {}}), "filters"),
        (json!({"filters": [{"jobIds": ["x"]}]}), "filters[0].jobIds"),
        (json!({"filters": [{"types": ["pong"]}]}), "filters[0].types"),
        (json!({"filter": []}), "filters"),
    ] {
        let problem = server.put(&address, &wrong.to_string()).await.problem(422, "bad_body");
        assert_eq!(problem["errors"][0]["key"], key, "{problem}");
    }
    assert_eq!(list(&server).await[0]["filters"], filters["filters"], "nothing is changed by what is wrong");
}

#[tokio::test]
async fn one_connection_is_told_something_and_others_are_not() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let id = list(&server).await[0]["connectionId"].as_str().unwrap().to_owned();
    let (mut other, _) = server.watch().await;
    let address = format!("/api/monitor/connections/{id}/messages");
    let message = json!({"title": "Maintenance", "message": "at noon", "severity": "WARNING"});
    assert_eq!(server.post(&address, &message.to_string()).await.status, 204);
    let told = client.find(|frame| frame["type"] == "system_notification").await;
    assert_eq!((&told["data"]["kind"], &told["data"]["message"]), (&json!("message"), &json!("at noon")));
    assert_eq!((&told["data"]["severity"], &told["offset"]), (&json!("WARNING"), &json!(null)));
    assert_eq!(other.until_pong().await, Vec::<Value>::new());
    for wrong in [json!({"title": "a"}), json!({"title": "", "message": "b"}), json!({"title": "a", "message": 1})] {
        server.post(&address, &wrong.to_string()).await.problem(422, "bad_body");
    }
    let long = json!({"title": "a", "message": "x".repeat(4001)});
    server.post(&address, &long.to_string()).await.problem(422, "bad_body");
}

#[tokio::test]
async fn a_connection_is_closed_with_the_word_not_to_come_back() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let id = list(&server).await[0]["connectionId"].as_str().unwrap().to_owned();
    let address = format!("/api/monitor/connections/{id}");
    assert_eq!(server.delete(&address).await.status, 204);
    assert_eq!(u16::from(client.closed().await.code), 4503);
    assert_eq!(list(&server).await, Vec::<Value>::new());
    server.delete(&address).await.problem(404, "connection_not_found");
    let (message, filters) = (r#"{"title": "a", "message": "b"}"#, r#"{"filters": []}"#);
    let gone = "connection_not_found";
    server.post(&format!("{address}/messages"), message).await.problem(404, gone);
    server.put(&format!("{address}/filters"), filters).await.problem(404, gone);
    server.delete("/api/monitor/connections/first").await.problem(404, gone);
}

#[tokio::test]
async fn websockets_can_be_switched_off_and_on_while_event_streams_go_on() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let mut stream = server.begin("GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let set = async |enabled: bool| {
        let change = json!({"monitoring": {"websocket": {"enabled": enabled}}}).to_string();
        assert_eq!(server.post("/api/monitor/config", &change).await.status, 200);
    };
    set(false).await;
    let closed = tokio::time::timeout(Duration::from_secs(2), client.closed()).await.expect("at once");
    assert_eq!((u16::from(closed.code), closed.reason.as_str()), (1001, "WebSockets are switched off"));
    assert_eq!(server.connect_at(server.address, "/ws", "").await.err(), Some(503));
    server.get("/ws").await.problem(503, "websocket_disabled");
    let job = server.running("orders");
    let is_job = |name: &str, data: &Value| name == "job_status_update" && data["data"]["jobId"] == job.to_string();
    crate::support::http::events(&mut stream, is_job).await;
    set(true).await;
    server.watch().await;
}

#[tokio::test]
async fn the_live_channels_own_port_has_nothing_else() {
    let server = Server::guarded().await;
    let port = server.live_address;
    let mut client = server.connect_at(port, "/ws", &server.headers).await.unwrap();
    assert_eq!(client.frame().await["type"], "connection_ack");
    assert!(server.connect_at(port, "/api/ws", &server.headers).await.is_ok());
    assert_eq!(server.connect_at(port, "/ws", "authorization: Bearer etlp_no\r\n").await.err(), Some(401));
    let get = async |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n", server.headers);
        server.send_to(port, &head).await
    };
    assert_eq!(get("/livez").await.status, 200);
    for path in ["/", "/api/me", "/api/events", "/metrics", "/api/monitor/jobs", "/readyz"] {
        get(path).await.problem(404, "not_found");
    }
}
