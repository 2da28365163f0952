//! Facts that are about no move and no word of a job.

use std::collections::BTreeMap;

use chrono::Utc;
use etlplus_core::ids::JobId;
use etlplus_core::ports::{Alert, AlertRule, AlertStatus, Change};
use serde_json::{Value, json};

use crate::support::http::events;
use crate::support::{Server, ws::Client};

fn alert(rule: AlertRule, labels: &[(&str, &str)], job: Option<JobId>) -> Change {
    let labels: BTreeMap<_, _> = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (message, remedy) = ("it broke".to_owned(), "mend it".to_owned());
    Change::Alert(Alert { rule, labels, status: AlertStatus::Firing, at: Utc::now(), message, remedy, job })
}

async fn noticed(client: &mut Client) -> Vec<Value> {
    let frames = client.until_pong().await;
    frames.into_iter().filter(|frame| frame["type"] == "system_notification").collect()
}

#[tokio::test]
async fn an_alert_reaches_who_watches_in_its_place() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let job = server.running("orders");
    server.store.apply(vec![alert(AlertRule::JobFailed, &[("pipeline", "orders")], Some(job))]);
    let place = server.store.position().offset.get();
    server.complete(job);
    let told = client.find(|frame| frame["type"] == "system_notification").await;
    assert_eq!((&told["data"]["kind"], &told["offset"]), (&json!("alert"), &json!(place)));
    assert_eq!(told["data"]["alert"]["rule"], "job_failed", "{told}");
    let next = client.frame().await;
    assert_eq!((&next["type"], &next["offset"]), (&json!("job_status_update"), &json!(place + 1)));
}

#[tokio::test]
async fn a_filter_chooses_among_alerts_as_among_everything() {
    let server = Server::start().await;
    let job = server.running("orders");
    let (of_job, of_pipeline, of_machine) = (
        alert(AlertRule::JobFailed, &[("pipeline", "orders")], Some(job)),
        alert(AlertRule::JobFailed, &[("pipeline", "customers")], None),
        alert(AlertRule::Disk, &[], None),
    );
    for (filters, expected) in [
        (json!([]), 3),
        (json!([{"types": ["system_notification"]}]), 3),
        (json!([{"types": ["job_status_update"]}]), 0),
        (json!([{"jobIds": [job.to_string()]}]), 1),
        (json!([{"pipelines": ["customers"]}]), 1),
        (json!([{"pipelines": ["orders"]}]), 1),
        (json!([{"pipelines": ["none"]}]), 0),
        (json!([{"statuses": ["RUNNING"]}]), 0),
        (json!([{"minLevel": "ERROR"}]), 3),
        (json!([{"pipelines": ["orders"]}, {"types": ["system_notification"]}]), 3),
    ] {
        let (mut client, _) = server.watch().await;
        client.set_filters(filters.clone()).await;
        server.store.apply(vec![of_job.clone(), of_pipeline.clone(), of_machine.clone()]);
        server.all_told().await;
        assert_eq!(noticed(&mut client).await.len(), expected, "{filters}");
    }
}

#[tokio::test]
async fn a_change_of_settings_is_told_with_who_made_it() {
    let server = Server::guarded().await;
    let (mut client, _) = server.watch().await;
    let head = format!("GET /api/events HTTP/1.1\r\nhost: localhost\r\n{}\r\n", server.headers);
    let mut stream = server.begin(&head).await;
    events(&mut stream, |name, _| name == "snapshot").await;
    let change = json!({"monitoring": {"websocket": {"max_connections": 7}}}).to_string();
    assert_eq!(server.post("/api/monitor/config", &change).await.status, 200);
    let told = client.find(|frame| frame["type"] == "system_notification").await;
    assert_eq!(told["data"]["kind"], "settings");
    let settings = &told["data"]["settings"];
    assert_eq!((&settings["by"], &settings["version"]), (&json!("token first"), &json!(1)), "{told}");
    assert_eq!(settings["keys"][0]["key"], "monitoring.websocket.max_connections");
    let same = events(&mut stream, |name, _| name == "system_notification").await;
    assert_eq!(same.last().unwrap().2, told, "an event stream tells the same");
    assert_eq!(server.get("/api/monitor/connections").await.json()["maxConnections"], 7);
}
