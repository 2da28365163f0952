//! Places from which nobody can go on.

use std::num::NonZeroUsize;
use std::sync::Arc;

use etlplus_core::log::LogLevel;
use etlplus_core::ports::{Alerts, Consequences, Retention, RetentionLimits, Rules};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::disk::Disk;
use crate::support::ws::subscribe;

/// Asks for all after a place that cannot be had, and holds the answer to be a gap, a snapshot and then what happens.
async fn assert_gap(disk: &Disk, epoch: &str, offset: u64, reason: &str) {
    let mut client = disk.greeted().await;
    client.say(subscribe(epoch, offset, &json!([{"pipelines": ["orders"]}]))).await;
    assert_eq!(client.frame().await["type"], "ack");
    let gap = client.frame().await;
    assert_eq!(gap["type"], "gap", "{gap}");
    assert_eq!(gap["data"], json!({"reason": reason, "since": {"epoch": epoch, "offset": offset}}));
    let (snapshot, _) = client.snapshot().await;
    let place = |frame: &Value| (frame["epoch"].clone(), frame["offset"].as_u64());
    assert_eq!(place(&snapshot), place(&gap));
    assert_eq!(place(&snapshot), (json!(disk.epoch()), Some(disk.position().offset.get())));
    let jobs = snapshot["data"]["jobs"].as_array().unwrap();
    assert!(jobs.iter().all(|job| job["pipeline"] == "orders"), "{snapshot}");
    let job = disk.start_job("orders", "nightly").await;
    assert_eq!(client.frame().await["data"]["jobId"], job.to_string(), "live after it");
    disk.complete(job).await;
}

#[tokio::test]
async fn a_place_of_another_log_or_in_the_future_is_a_gap() {
    let disk = Disk::start(json!({})).await;
    disk.start_job("people", "nightly").await;
    let epoch = disk.epoch();
    assert_gap(&disk, &Uuid::now_v7().to_string(), 1, "other_epoch").await;
    assert_gap(&disk, &epoch, disk.position().offset.get() + 1, "in_future").await;
    assert_gap(&disk, &epoch, u64::MAX, "in_future").await;
    let disk = disk.restart().await;
    assert_gap(&disk, &epoch, disk.position().offset.get() + 1, "in_future").await;
}

#[tokio::test]
async fn a_place_before_what_is_kept_is_a_gap_and_the_oldest_one_is_none() {
    let disk = Disk::start(json!({})).await;
    let job = disk.start_job("orders", "nightly").await;
    for part in 0..10 {
        disk.say(job, LogLevel::Info, (0..100).map(|line| format!("{part} {line}"))).await;
    }
    disk.complete(job).await;
    let limits = RetentionLimits { lines_max: Some(300), ..RetentionLimits::default() };
    let step = NonZeroUsize::new(10_000).unwrap();
    // What the rules for alerts have not seen is kept for them.
    let no_rules: Rules = Arc::new(|_, _| Consequences::default());
    while disk.store().advance(no_rules.clone(), step).await.unwrap() > 0 {}
    while disk.store().prune(limits, step).await.unwrap().more {}
    let disk = disk.restart().await;
    assert_gap(&disk, &disk.epoch(), 5, "expired").await;
    // The first line that is kept has this place in its log.
    let mut client = disk.greeted().await;
    client.say(subscribe(&disk.epoch(), 702, &json!([{"types": ["job_log_message"]}]))).await;
    assert_eq!(client.frame().await["type"], "ack");
    let (facts, _) = client.facts_until(|frame| frame["type"] == "bookmark").await;
    let first: Value = serde_json::from_str(&facts[0]).unwrap();
    assert_eq!((facts.len(), &first["data"]["message"]), (300, &json!("7 0")));
}
