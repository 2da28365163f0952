//! What the server says about itself: metrics and its log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use etlplus_core::log::LogLevel;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Server, eventually};

/// The value of the first metric whose name and labels begin so.
fn value(text: &str, of: &str) -> Option<f64> {
    text.lines().find(|line| line.starts_with(of)).and_then(|line| line.rsplit(' ').next()?.parse().ok())
}

#[tokio::test]
async fn what_is_sent_and_answered_is_measured() {
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    let server = Server::start().await;
    eventually("what nothing has counted yet is there", async || {
        let text = metrics.render();
        let unlabelled = ["etlplus_frames_sent_total", "etlplus_bytes_sent_total", "etlplus_samples_conflated_total"];
        unlabelled.into_iter().all(|of| value(&text, of) == Some(0.0))
    })
    .await;
    let (mut client, _) = server.watch().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, (0..50).map(|line| format!("line {line}")));
    client.find(|frame| frame["data"]["message"] == "line 49").await;
    server.get("/api/jobs/0198f7a0-0000-7000-8000-000000000001/status").await.problem(404, "job_not_found");
    server.get("/no/such/address").await;
    let id = server.get("/api/monitor/connections").await.json()["connections"][0]["connectionId"].clone();
    eventually("the connection is counted", async || {
        let text = metrics.render();
        value(&text, "etlplus_connections{kind=\"websocket\"}").is_some_and(|count| count >= 1.0)
            && value(&text, "etlplus_bytes_sent_total").is_some_and(|bytes| bytes > 5_000.0)
    })
    .await;
    server.delete(&format!("/api/monitor/connections/{}", id.as_str().unwrap())).await;
    client.closed().await;
    let text = metrics.render();
    for (of, least) in [
        ("etlplus_frames_sent_total", 52.0),
        ("etlplus_connections_closed_total{code=\"4503\"}", 1.0),
        ("etlplus_live_lag_facts", 0.0),
        ("etlplus_samples_conflated_total", 0.0),
        (r#"etlplus_http_requests_total{method="GET",route="/api/jobs/{id}/status",status="404"}"#, 1.0),
        (r#"etlplus_http_requests_total{method="GET",route="none",status="404"}"#, 1.0),
        (r#"etlplus_http_request_seconds_count{route="/api/jobs/{id}/status"}"#, 1.0),
    ] {
        let found = value(&text, of).unwrap_or_else(|| panic!("{of} is not in {text}"));
        assert!(found >= least, "{of} is {found}");
    }
    assert!(!text.contains("/no/such"), "what clients write is no label");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn what_is_logged_of_a_request_names_it_and_who_sent_it_and_no_token() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.with_max_level(tracing::Level::DEBUG).finish());
    let server = Server::guarded().await;
    let head = format!("POST /api/tokens HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}", server.headers);
    let body = r#"{"name": "ci", "role": "viewer"}"#;
    let rest = "content-type: application/json\r\nx-request-id: walk-1\r\n";
    let answer = server.send(&format!("{head}{rest}content-length: {}\r\n\r\n{body}", body.len())).await;
    assert_eq!(answer.status, 201);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_request: Vec<_> = lines.filter(|line| line["span"]["id"] == "walk-1").collect();
    let messages: Vec<_> = of_request.iter().map(|line| line["fields"]["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["a token is made", "answered"], "{text}");
    assert_eq!(of_request[0]["span"]["principal"], "token first");
    assert_eq!(of_request[1]["fields"]["status"], 201);
    let made = answer.json()["token"].as_str().unwrap().to_owned();
    let used = server.headers.trim().rsplit(' ').next().unwrap();
    assert!(used.starts_with("etlp_") && !text.contains(used) && !text.contains(&made), "a token is in the log");
}

#[tokio::test]
async fn a_message_that_means_nothing_is_logged_by_its_code_alone() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    client.say(r#"{"type": "attack at dawn"}"#).await;
    assert_eq!(client.frame().await["type"], "error_message");
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_message = lines.iter().find(|line| line["fields"]["code"] == "unknown_type");
    assert!(of_message.is_some_and(|line| line["fields"]["connection"].is_string()), "{text}");
    assert!(!text.contains("attack at dawn"), "{text}");
}
