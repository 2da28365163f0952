//! Clients that come back go on where they were.

use std::collections::BTreeMap;

use chrono::Utc;
use etlplus_core::log::LogLevel;
use etlplus_core::ports::{Alert, AlertRule, AlertStatus, Change, SettingsChange, SettingsVersion};
use serde_json::{Value, json};

use crate::support::Server;
use crate::support::disk::Disk;
use crate::support::ws::{self, subscribe};

fn is_bookmark(frame: &Value) -> bool {
    frame["type"] == "bookmark"
}

/// A job that says something, one that ends, an alert and a change of settings.
async fn play(disk: &Disk) {
    let orders = disk.start_job("orders", "nightly").await;
    let people = disk.start_job("people", "hourly").await;
    for level in [LogLevel::Debug, LogLevel::Warn, LogLevel::Error] {
        disk.say(orders, level, (0..20).map(|line| format!("{line}: \u{fc}ber \"{level}\" \u{1f600}"))).await;
        disk.say(people, level, ["a line\nof two".to_owned()]).await;
    }
    disk.complete(orders).await;
    let alert = Alert {
        rule: AlertRule::JobFailed,
        labels: BTreeMap::from([("pipeline".to_owned(), "people".to_owned())]),
        status: AlertStatus::Firing,
        at: Utc::now(),
        message: "people failed".to_owned(),
        remedy: "look".to_owned(),
        job: Some(people),
    };
    disk.record(Change::Alert(alert)).await;
    let keys = vec![("jobs.timeout".to_owned(), Some("5m".to_owned()))];
    let version = SettingsVersion::from_number(1);
    let change = SettingsChange { version, at: Utc::now(), by: "token ops".to_owned(), keys };
    let expected = SettingsVersion::from_number(0);
    disk.record(Change::Settings { expected, overlay: "{}".to_owned(), change }).await;
    // Nothing is left for the next server to take over.
    disk.complete(people).await;
}

/// The facts of a replay from the start of the log, and the place of the bookmark at its end.
async fn replayed(disk: &Disk, filters: &Value) -> (Vec<String>, Value) {
    let mut client = disk.greeted().await;
    client.say(subscribe(&disk.epoch(), 0, filters)).await;
    let ack = client.frame().await;
    assert_eq!((&ack["type"], &ack["id"]), (&json!("ack"), &json!("s")), "{ack}");
    client.facts_until(is_bookmark).await
}

#[tokio::test]
async fn what_was_missed_comes_from_memory_as_it_was_told_and_then_what_happens() {
    let server = Server::start().await;
    let (mut reference, _) = server.watch().await;
    let (mut client, snapshot) = server.watch().await;
    let epoch = snapshot["epoch"].as_str().unwrap().to_owned();
    let job = server.running("orders");
    let seen = client.find(|frame| frame["data"]["status"] == "RUNNING").await["offset"].as_u64().unwrap();
    drop(client);
    server.say(job, LogLevel::Info, (0..3000).map(|line| format!("line {line}")));
    server.complete(job);
    let (facts, last) = reference.facts_until(|frame| frame["data"]["status"] == "COMPLETED").await;
    let mut client = server.connect_at(server.address, "/ws?start=subscribe", "").await.unwrap();
    assert_eq!(client.frame().await["type"], "connection_ack");
    client.say(subscribe(&epoch, seen, &json!([]))).await;
    assert_eq!(client.frame().await["type"], "ack");
    let (missed, bookmark) = client.facts_until(is_bookmark).await;
    assert_eq!(missed[..3000], facts[seen as usize..]);
    assert_eq!(serde_json::from_str::<Value>(&missed[3000]).unwrap(), last);
    assert_eq!((&bookmark["offset"], &bookmark["epoch"]), (&last["offset"], &json!(epoch)));
    assert_eq!(bookmark["data"], json!({"caughtUp": true}));
    let next = server.submit("orders");
    assert_eq!(client.text().await, reference.text().await, "live again");
    assert_eq!(client.until_pong().await, [] as [Value; 0], "nothing of {next} comes twice");
}

#[tokio::test]
async fn every_kind_of_fact_comes_from_the_store_after_a_restart_as_it_was_told() {
    let disk = Disk::start(json!({})).await;
    let mut client = ws::connect(disk.address(), "/ws", "").await.unwrap();
    client.find(|frame| frame["type"] == "snapshot").await;
    play(&disk).await;
    // What happened before is told before the answer.
    client.say(subscribe(&disk.epoch(), disk.position().offset.get(), &json!([]))).await;
    let (live, _) = client.facts_until(|frame| frame["type"] == "ack").await;
    let kinds = ["job_status_update", "job_log_message", "\"kind\":\"alert\"", "\"kind\":\"settings\""];
    assert!(kinds.iter().all(|kind| live.iter().any(|fact| fact.contains(kind))), "all kinds are there");
    drop(client);
    let epoch = disk.epoch();
    let disk = disk.restart().await;
    assert_eq!(disk.epoch(), epoch);
    let (facts, bookmark) = replayed(&disk, &json!([])).await;
    assert_eq!(facts, live, "byte for byte");
    assert_eq!(bookmark["offset"], disk.position().offset.get());
    // Nothing was missed: only the bookmark comes.
    let mut client = disk.greeted().await;
    client.say(subscribe(&epoch, disk.position().offset.get(), &json!([]))).await;
    assert_eq!(client.frame().await["type"], "ack");
    assert_eq!(client.frame().await["type"], "bookmark");
}

#[tokio::test]
async fn a_replay_lets_through_what_the_filter_lets_through_live() {
    let disk = Disk::start(json!({})).await;
    let cases = [
        json!([{"pipelines": ["people"]}]),
        json!([{"tags": ["hourly", "weekly"], "types": ["job_log_message"]}]),
        json!([{"tags": ["weekly"]}]),
        json!([{"minLevel": "ERROR"}]),
        // Of a log line it is the status that its job had then.
        json!([{"statuses": ["RUNNING"], "types": ["job_log_message"]}, {"statuses": ["COMPLETED"]}]),
        json!([{"statuses": ["COMPLETED"]}]),
        json!([{"types": ["system_notification"], "pipelines": ["people"]}]),
        json!([{"jobIds": []}]),
    ];
    let mut clients = Vec::new();
    for filters in &cases {
        let mut client = ws::connect(disk.address(), "/ws", "").await.unwrap();
        client.set_filters(filters.clone()).await;
        clients.push(client);
    }
    play(&disk).await;
    let newest = disk.position().offset.get();
    let mut live = Vec::new();
    for client in &mut clients {
        // Told by the old filter before the new one is acknowledged.
        client.say(subscribe(&disk.epoch(), newest, &json!([]))).await;
        live.push(client.facts_until(|frame| frame["type"] == "ack").await.0);
    }
    let counts: Vec<_> = live.iter().map(Vec::len).collect();
    assert!(counts.iter().filter(|count| **count > 0).count() == 6, "{counts:?}");
    let of_memory = disk;
    for (filters, live) in cases.iter().zip(&live) {
        assert_eq!(replayed(&of_memory, filters).await.0, *live, "{filters} from memory");
    }
    drop(clients);
    let disk = of_memory.restart().await;
    for (filters, live) in cases.iter().zip(&live) {
        let (facts, bookmark) = replayed(&disk, filters).await;
        assert_eq!(facts, *live, "{filters} from the store");
        assert_eq!(bookmark["offset"], newest, "also where nothing passes");
    }
}

#[tokio::test]
async fn a_filtered_connection_learns_by_heartbeats_where_it_is() {
    let disk = Disk::start(json!({"monitoring": {"websocket": {"heartbeat_interval": "200ms"}}})).await;
    let mut client = ws::connect(disk.address(), "/ws", "").await.unwrap();
    let snapshot = client.set_filters(json!([{"pipelines": ["people"]}])).await;
    assert_eq!(snapshot["offset"], 0);
    let job = disk.start_job("orders", "nightly").await;
    disk.say(job, LogLevel::Info, ["of no concern".to_owned()]).await;
    let bookmark = client.find(|frame| !["heartbeat"].contains(&frame["type"].as_str().unwrap())).await;
    assert_eq!((&bookmark["type"], &bookmark["epoch"]), (&json!("bookmark"), &json!(disk.epoch())));
    // It may have come between two of the facts.
    let mut place = bookmark["offset"].as_u64().unwrap();
    while place < disk.position().offset.get() {
        place = client.find(is_bookmark).await["offset"].as_u64().unwrap();
    }
    // Where it is known to be, nothing has to be said.
    for _ in 0..3 {
        assert_eq!(client.frame().await["type"], "heartbeat");
    }
    let concerned = disk.start_job("people", "nightly").await;
    let facts = [client.find(|frame| frame["type"] != "heartbeat").await, client.frame().await];
    assert!(facts.iter().all(|fact| fact["data"]["jobId"] == concerned.to_string()), "{facts:?}");
    for _ in 0..3 {
        assert_eq!(client.frame().await["type"], "heartbeat", "a fact says where it is by itself");
    }
}

#[tokio::test]
async fn subscribe_changes_filter_and_place_of_an_open_connection() {
    let disk = Disk::start(json!({})).await;
    play(&disk).await;
    let mut client = disk.greeted().await;
    // Without a place it is answered as set_filters is, and without a filter by everything.
    client.say(r#"{"type": "subscribe", "id": "1"}"#).await;
    assert_eq!(client.frame().await["id"], "1");
    assert_eq!(client.snapshot().await.0["data"]["jobs"], json!([]));
    client.say(subscribe(&disk.epoch(), 0, &json!([{"statuses": ["COMPLETED"]}]))).await;
    assert_eq!(client.frame().await["type"], "ack");
    let (facts, _) = client.facts_until(is_bookmark).await;
    assert_eq!(facts.len(), 2, "{facts:?}");
    client.say(r#"{"type": "subscribe", "id": "2", "data": {"since": {"epoch": "x", "offset": 1}}}"#).await;
    let refused = client.frame().await;
    assert_eq!((&refused["data"]["code"], &refused["id"]), (&json!("bad_position"), &json!("2")), "{refused}");
    let job = disk.start_job("orders", "nightly").await;
    disk.complete(job).await;
    assert_eq!(client.frame().await["data"]["status"], "COMPLETED", "filter and place are as they were");
}

#[tokio::test]
async fn who_has_not_said_where_to_begin_is_at_no_place() {
    let disk = Disk::start(json!({"monitoring": {"websocket": {"heartbeat_interval": "200ms"}}})).await;
    let job = disk.start_job("orders", "nightly").await;
    let mut client = disk.greeted().await;
    disk.complete(job).await;
    for _ in 0..3 {
        assert_eq!(client.frame().await["type"], "heartbeat", "a bookmark would make it begin after what it misses");
    }
    client.say(subscribe(&disk.epoch(), 0, &json!([]))).await;
    let (facts, _) = client.facts_until(is_bookmark).await;
    assert_eq!(facts.len(), 3);
}
