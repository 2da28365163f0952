//! Alerts over REST and over the live channel.

use std::collections::BTreeMap;

use chrono::Utc;
use etlplus_core::ids::JobId;
use etlplus_core::ports::{
    Alert, AlertRule, AlertStatus, Change, ChannelState, Delivery, DeliveryState, DeliveryTry, LogPosition,
};
use serde_json::{Value, json};

use crate::support::Server;

fn alert(rule: AlertRule, status: AlertStatus, job: Option<JobId>) -> Alert {
    Alert {
        rule,
        labels: BTreeMap::from([("pipeline".to_owned(), "orders".to_owned())]),
        status,
        at: Utc::now(),
        message: "orders failed".to_owned(),
        remedy: "look at its log".to_owned(),
        job,
    }
}

impl Server {
    fn alert(&self, rule: AlertRule, status: AlertStatus, job: Option<JobId>) -> LogPosition {
        self.store.apply(vec![Change::Alert(alert(rule, status, job))])
    }
}

#[tokio::test]
async fn alerts_are_listed_by_filters_page_by_page() {
    let server = Server::start().await;
    let job = server.submit("orders");
    server.alert(AlertRule::JobFailed, AlertStatus::Firing, Some(job));
    server.alert(AlertRule::Disk, AlertStatus::Firing, None);
    server.alert(AlertRule::Disk, AlertStatus::Resolved, None);
    let listed = async |query: &str| {
        let list = server.get(&format!("/api/alerts?{query}")).await.json();
        let alerts = list["alerts"].as_array().unwrap().iter();
        let alerts: Vec<String> = alerts.map(|one| format!("{} {}", one["rule"], one["status"])).collect();
        (alerts.join(", ").replace('"', ""), list["nextCursor"].as_str().map(str::to_owned))
    };
    assert_eq!(listed("").await, ("disk resolved, disk firing, job_failed firing".to_owned(), None));
    assert_eq!(listed("rule=disk&status=firing").await.0, "disk firing");
    assert_eq!(listed(&format!("jobId={job}")).await.0, "job_failed firing");
    let (first, cursor) = listed("limit=2").await;
    assert_eq!(first, "disk resolved, disk firing");
    assert_eq!(listed(&format!("limit=2&cursor={}", cursor.unwrap())).await, ("job_failed firing".to_owned(), None));
    let bad = "rule=fire&status=on&jobId=7&cursor=18446744073709551615&limit=0&what=1";
    let problem = server.get(&format!("/api/alerts?{bad}")).await.problem(422, "bad_parameter");
    let keys: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["rule", "status", "jobId", "cursor", "limit", "what"]);
}

#[tokio::test]
async fn each_try_of_a_delivery_is_told() {
    let server = Server::start().await;
    let place = server.alert(AlertRule::JobFailed, AlertStatus::Firing, None);
    let (at, tries) = (Utc::now(), vec![DeliveryTry { at: Utc::now(), error: Some("it answered 500".to_owned()) }]);
    for (channel, state) in [
        ("oncall", DeliveryState::Waiting { due: at }),
        ("mail", DeliveryState::Delivered { at }),
        ("old", DeliveryState::Failed { at, reason: "there is no such channel any more".to_owned() }),
    ] {
        let delivery =
            Delivery { alert: place, channel: channel.to_owned(), state, tries: tries.clone(), tries_made: 7 };
        server.store.deliver(delivery);
    }
    let list = server.get("/api/alerts").await.json();
    let shown = &list["alerts"][0];
    assert_eq!(shown["offset"], place.offset.get());
    let deliveries = shown["deliveries"].as_array().unwrap();
    let states: Vec<_> = deliveries.iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["waiting", "delivered", "failed"]);
    assert!(deliveries[0]["due"].is_string() && deliveries[0]["at"].is_null(), "{}", deliveries[0]);
    assert!(deliveries[1]["at"].is_string() && deliveries[1]["due"].is_null(), "{}", deliveries[1]);
    assert_eq!(deliveries[2]["reason"], "there is no such channel any more");
    assert_eq!(
        (&deliveries[0]["triesMade"], &deliveries[0]["tries"][0]["error"]),
        (&json!(7), &json!("it answered 500"))
    );
    assert_eq!(deliveries[0]["key"], format!("{}.{}.oncall", place.epoch, place.offset));
}

#[tokio::test]
async fn an_alert_is_told_to_who_watches_once_and_as_a_fact() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let job = server.submit("orders");
    let place = server.alert(AlertRule::JobFailed, AlertStatus::Firing, Some(job));
    let frame = client.find(|frame| frame["type"] == "system_notification").await;
    assert_eq!((&frame["offset"], &frame["epoch"]), (&json!(place.offset.get()), &json!(place.epoch.to_string())));
    let data = &frame["data"];
    assert_eq!(
        (&data["kind"], &data["severity"], &data["title"]),
        (&json!("alert"), &json!("ERROR"), &json!("A job failed"))
    );
    assert_eq!((&data["alert"]["jobId"], &data["remedy"]), (&json!(job.to_string()), &json!("look at its log")));
    server.alert(AlertRule::JobFailed, AlertStatus::Resolved, Some(job));
    let frame = client.find(|frame| frame["type"] == "system_notification").await;
    assert_eq!((&frame["data"]["severity"], &frame["data"]["alert"]["status"]), (&json!("INFO"), &json!("resolved")));
    assert!(client.until_pong().await.iter().all(|frame| frame["type"] != "system_notification"));
}

#[tokio::test]
async fn channels_are_shown_and_tried() {
    let server = Server::start().await;
    let channel = |name: &str, is_up: bool| ChannelState {
        name: name.to_owned(),
        kind: "webhook",
        is_up,
        waiting: Some(3),
        retry_at: (!is_up).then(Utc::now),
        last_error: (!is_up).then(|| "https://hooks.example.com answered 500".to_owned()),
    };
    server.channels.add(channel("good", true));
    server.channels.add(channel("bad", false));
    let list = server.get("/api/alerts/channels").await.json();
    let shown = |index: usize, key: &str| list["channels"][index][key].clone();
    assert_eq!((shown(0, "name"), shown(0, "up"), shown(0, "retryAt")), (json!("good"), json!(true), Value::Null));
    assert_eq!((shown(1, "kind"), shown(1, "up"), shown(1, "waiting")), (json!("webhook"), json!(false), json!(3)));
    let sent = server.post("/api/alerts/channels/good/test", "{}").await;
    assert_eq!((sent.status, &sent.json()["channel"]), (200, &json!("good")), "{}", sent.text());
    let problem = server.post("/api/alerts/channels/bad/test", "").await.problem(502, "channel_failed");
    assert!(problem["detail"].as_str().unwrap().contains("answered 500"), "{problem}");
    server.post("/api/alerts/channels/pager/test", "").await.problem(404, "channel_not_found");
    server.post("/api/alerts/channels/good/test", r#"{"to": "me"}"#).await.problem(422, "bad_body");
}
