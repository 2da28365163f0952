//! Alerts by mail, to a real mail server.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::foreign::{Foreign, node};
use crate::http::request;
use crate::server::{Server, job_of, orders, wait_for_end};
use crate::support::{Folder, ORDERS};

#[tokio::test]
async fn a_failed_job_is_told_by_mail() {
    let mut command = node("smtp.cjs");
    command.stdin(Stdio::piped());
    let mut mail = Foreign::start(command);
    let _stdin = mail.stdin();
    let port = mail.line().await;
    let settings = format!(
        "[monitoring.notifications]\nresource_alerts = false\n[monitoring.notifications.channels.ops]\ntype = \"email\"\n\
         host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"etlplus@example.com\"\nto = [\"ops@example.com\"]\n"
    );
    let broken = ORDERS.replace("path: orders.csv", "path: gone.csv");
    let folder = Folder::with_orders(orders(10, 0)).file("broken.yaml", broken).file("etlplus.toml", settings);
    let server = Server::start(&folder, &["--config", "etlplus.toml"]);
    let client = server.client();
    let job = client.submit(&job_of(&folder, "broken.yaml")).await.expect("it is accepted");
    wait_for_end(&client, &job.job_id).await;

    let received: Value = serde_json::from_str(&mail.line().await).expect("JSON");
    assert_eq!(received["from"], "etlplus@example.com");
    assert_eq!(received["to"], json!(["ops@example.com"]));
    let message = received["message"].as_str().expect("a text");
    let unfolded = message.replace("=\r\n", "");
    for part in ["Subject:", "orders", job.job_id.as_str(), "gone.csv"] {
        assert!(unfolded.contains(part), "{part} is missing:\n{message}");
    }

    request(&server, "POST", "/api/alerts/channels/ops/test", &[], Some(&json!({}))).expect(200);
    let test: Value = serde_json::from_str(&mail.line().await).expect("JSON");
    assert!(test["message"].as_str().is_some_and(|text| text.to_lowercase().contains("test")), "{test:#}");
}
