//! The live channel as server-sent events.

use crate::support::Server;
use crate::support::http::events;
use etlplus_core::log::LogLevel;
use serde_json::json;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn events_carry_the_same_as_the_websocket() {
    let server = Server::start().await;
    let mut stream = server.begin("GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let first = events(&mut stream, |name, _| name == "snapshot").await;
    assert_eq!(first[0].0, "connection_ack");
    let (mut client, _) = server.watch().await;
    let job = server.running("orders");
    server.read(job, 10).await;
    let read = events(&mut stream, |name, _| name == "job_metrics_update").await;
    assert_eq!(read[read.len() - 2].0, "job_progress_update");
    server.say(job, LogLevel::Info, ["hello".to_owned()]);
    server.complete(job);
    let told = events(&mut stream, |_, frame| frame["data"]["status"] == "COMPLETED").await;
    for (name, id, frame) in read.iter().chain(&told).filter(|(_, id, _)| !id.is_empty()) {
        assert_eq!(frame["type"], *name);
        assert_eq!(*id, format!("{}:{}", frame["epoch"].as_str().unwrap(), frame["offset"]));
        assert_eq!(client.find(|other| other["offset"] == frame["offset"]).await, *frame);
    }
    let listed = server.get("/api/monitor/connections").await.json();
    assert_eq!(listed["connections"][0]["kind"], "sse");
}

#[tokio::test]
async fn parameters_are_a_filter() {
    let server = Server::start().await;
    let path = "/api/events?pipeline=orders,people&type=job_log_message&minLevel=WARN&status=RUNNING";
    let mut stream = server.begin(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    events(&mut stream, |name, _| name == "snapshot").await;
    let listed = server.get("/api/monitor/connections").await.json();
    let filters = json!([{"pipelines": ["orders", "people"], "types": ["job_log_message"],
        "statuses": ["RUNNING"], "minLevel": "WARN"}]);
    assert_eq!(listed["connections"][0]["filters"], filters);
    let (other, job) = (server.running("other"), server.running("orders"));
    server.say(other, LogLevel::Error, ["not this".to_owned()]);
    server.say(job, LogLevel::Info, ["nor this".to_owned()]);
    server.say(job, LogLevel::Error, ["this".to_owned()]);
    let told = events(&mut stream, |_, _| true).await;
    assert_eq!(told[0].2["data"]["message"], "this");
    for (query, key) in
        [("jobId=x", "jobId"), ("type=ack", "type"), ("status=DONE", "status"), ("minLevel=", "minLevel"), ("a=b", "a")]
    {
        let problem = server.get(&format!("/api/events?{query}")).await.problem(422, "bad_parameter");
        assert_eq!(problem["errors"][0]["key"], key, "{problem}");
    }
}

#[tokio::test]
async fn a_stream_says_that_it_lives_and_ends_with_the_server() {
    let options = json!({"monitoring": {"websocket": {"heartbeat_interval": "100ms"}}});
    let server = Server::with(options).await;
    let mut stream = server.begin("GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(": keep-alive\n") {
        let count = tokio::time::timeout(crate::support::DEADLINE, stream.read(&mut buffer)).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    server.lifecycle.shutdown.cancel();
    let mut rest = Vec::new();
    tokio::time::timeout(crate::support::DEADLINE, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&rest).ends_with("0\r\n\r\n"), "the stream ends as a whole");
    server.task.await.unwrap().unwrap();
}
