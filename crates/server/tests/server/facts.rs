//! What happens reaches everybody who watches: once, in order, without a hole.

use std::sync::Arc;

use crate::support::Server;
use etlplus_core::Failure;
use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::JobInput;
use etlplus_core::log::LogLevel;
use serde_json::{Value, json};

fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |frame| frame["type"] == kind
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_goes_on_into_deltas_without_a_hole() {
    let server = Arc::new(Server::start().await);
    let job = server.running("orders");
    let (mut pacer, _) = server.watch().await;
    let mut watchers = Vec::new();
    for number in 0..2000 {
        server.say(job, LogLevel::Info, [format!("line {number}")]);
        // What was said has to be told before more is: so the watchers below join while facts are under way.
        if number % 10 == 9 {
            pacer.find(|frame| frame["data"]["message"] == format!("line {number}")).await;
        }
        if number % 200 != 100 || watchers.len() == 8 {
            continue;
        }
        let server = server.clone();
        watchers.push(tokio::spawn(async move {
            let (mut client, snapshot) = server.watch().await;
            let mut expected = snapshot["offset"].as_u64().unwrap() + 1;
            // The snapshot's last line is the one before the first that follows.
            let last = snapshot["data"]["jobs"][0]["recentLogs"].as_array().unwrap().last().cloned();
            let mut number = last.map(|line| line["message"].as_str().unwrap()[5..].parse::<u64>().unwrap() + 1);
            while number != Some(2000) {
                let frame = client.find(is("job_log_message")).await;
                assert_eq!(frame["offset"], expected);
                let said = frame["data"]["message"].as_str().unwrap()[5..].parse().unwrap();
                assert_eq!(number.unwrap_or(said), said);
                (expected, number) = (expected + 1, Some(said + 1));
            }
        }));
    }
    assert_eq!(watchers.len(), 8);
    for watcher in watchers {
        watcher.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_each_see_every_transition() {
    let server = Arc::new(Server::start().await);
    let mut watchers = Vec::new();
    for _ in 0..200 {
        let (mut client, _) = server.watch().await;
        watchers.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 30 {
                let frame = client.find(is("job_status_update")).await;
                seen.push((frame["data"]["jobId"].clone(), frame["data"]["status"].clone()));
            }
            seen
        }));
    }
    let mut expected = Vec::new();
    for _ in 0..10 {
        let job = server.running("orders");
        server.complete(job);
        expected.extend(["PENDING", "RUNNING", "COMPLETED"].map(|status| (json!(job.to_string()), json!(status))));
    }
    for watcher in watchers {
        assert_eq!(watcher.await.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_log_lines_arrives_whole_and_in_order() {
    let server = Server::start().await;
    let job = server.running("orders");
    let (mut client, _) = server.watch().await;
    let text = "x".repeat(200);
    server.say(job, LogLevel::Info, (0..20_000).map(|number| format!("{number} {text}")));
    for number in 0..20_000 {
        let frame = client.find(is("job_log_message")).await;
        assert_eq!(frame["data"]["message"], format!("{number} {text}"));
    }
    assert_eq!(client.until_pong().await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_fact_says_all_that_it_knows_by_itself() {
    let server = Server::start().await;
    let (mut client, snapshot) = server.watch().await;
    assert_eq!(snapshot["data"]["jobs"], json!([]));
    let job = server.running("orders");
    let submitted = client.frame().await;
    assert_eq!(submitted["data"]["previousStatus"], Value::Null);
    assert_eq!((&submitted["data"]["cause"], &submitted["data"]["metrics"]), (&json!("submit"), &Value::Null));
    let started = client.frame().await;
    assert_eq!(started["data"]["previousStatus"], "PENDING");
    assert_eq!(started["data"]["metrics"]["executionTime"], 0);
    assert_eq!(started["data"]["metrics"]["recordsProcessed"], 0);
    assert_eq!((&started["epoch"], started["offset"].as_u64()), (&submitted["epoch"], Some(2)));
    server.step(job, JobInput::Cancel);
    let stopping = client.frame().await;
    assert_eq!((&stopping["data"]["status"], &stopping["data"]["stopping"]), (&json!("RUNNING"), &json!(true)));
    assert_eq!(stopping["data"]["metrics"], Value::Null);
    let failure = Failure::data("too_many_rejects", "half of the rows are bad", "look at them");
    let attempt = AttemptNumber::FIRST;
    let progress = Some(crate::support::progress(1000));
    server.step(job, JobInput::Failed { attempt, failure, progress, retry_at: None });
    let failed = client.frame().await["data"].clone();
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("FAILED"), &json!("too_many_rejects")));
    assert_eq!(failed["errorMessage"], "half of the rows are bad: look at them");
    assert_eq!(failed["metrics"]["recordsProcessed"], 1000);
    assert_eq!((failed["metrics"]["memoryPeak"].as_u64(), &failed["progressPercent"]), (Some(2 << 20), &json!(10.0)));
    assert!(failed["endTime"].is_string() && failed["startTime"].is_string(), "{failed}");
}

#[tokio::test]
async fn readings_are_progress_and_metrics_and_end_with_their_attempt() {
    let server = Server::start().await;
    let job = server.running("orders");
    let (mut client, _) = server.watch().await;
    server.read(job, 4500).await;
    let progress = client.frame().await;
    assert_eq!(progress["type"], "job_progress_update");
    assert_eq!((&progress["data"]["progressPercent"], &progress["data"]["eta"]), (&json!(45.0), &json!(1500)));
    assert_eq!(progress["data"]["currentStep"], "Extract: 4,500 rows");
    assert_eq!(progress["offset"], Value::Null);
    let metrics = client.frame().await;
    assert_eq!(metrics["type"], "job_metrics_update");
    assert_eq!(metrics["data"]["metrics"]["processingRate"], 150.5);
    assert_eq!(metrics["data"]["metrics"]["cpuUsage"], 0.5);
    assert!(metrics["data"]["metrics"]["executionTime"].is_u64());
    server.complete(job);
    assert_eq!(client.frame().await["data"]["status"], "COMPLETED");
    // A late reading of the attempt that has ended, before one of a job that runs.
    server.read(job, 4600).await;
    let other = server.running("orders");
    client.find(|frame| frame["data"]["status"] == "RUNNING").await;
    server.read(other, 1).await;
    let shown = client.frame().await;
    assert_eq!((&shown["type"], &shown["data"]["jobId"]), (&json!("job_progress_update"), &json!(other.to_string())));
}

#[tokio::test]
async fn who_fell_behind_the_bus_gets_a_new_snapshot() {
    let server = Server::start().await;
    let job = server.running("orders");
    let (mut client, first) = server.watch().await;
    // More than the ring holds, recorded while nobody else has a turn.
    server.say(job, LogLevel::Info, (0..70_000).map(|number| number.to_string()));
    let renewed = client.find(is("snapshot")).await;
    assert_eq!((&renewed["offset"], &renewed["epoch"]), (&json!(70_002), &first["epoch"]));
    let lines = renewed["data"]["jobs"][0]["recentLogs"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[99]["message"]), (100, &json!("69999")));
    server.complete(job);
    let next = client.frame().await;
    assert_eq!((&next["offset"], &next["data"]["status"]), (&json!(70_003), &json!("COMPLETED")));
}

#[tokio::test]
async fn a_view_that_cannot_be_renewed_is_not_shown_as_live() {
    let server = Server::start().await;
    let job = server.running("orders");
    let (mut client, _) = server.watch().await;
    server.store.set_away(true);
    server.say(job, LogLevel::Info, (0..70_000).map(|number| number.to_string()));
    server.get(&format!("/api/jobs/{job}/metrics")).await.problem(503, "store_unavailable");
    crate::support::eventually("neither the view nor the store answers", async || {
        server.get(&format!("/api/jobs/{job}/status")).await.status == 503
    })
    .await;
    server.store.set_away(false);
    assert_eq!(client.find(is("snapshot")).await["offset"], 70_002);
}

#[tokio::test]
async fn without_the_live_view_the_store_answers() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, ["kept".to_owned()]);
    let (mut client, _) = server.watch().await;
    server.store.end_bus();
    assert_eq!(u16::from(client.closed().await.code), 1001);
    let shown = server.get(&format!("/api/jobs/{job}/status")).await.json();
    assert_eq!((&shown["live"], &shown["status"]), (&json!(false), &json!("RUNNING")));
    assert_eq!(shown["recentLogs"][0]["message"], "kept");
    assert_eq!(server.get("/api/monitor/jobs").await.json()["jobs"][0]["status"], "RUNNING");
    server.get("/api/events").await.problem(503, "live_unavailable");
    server.get("/api/monitor/connections").await.problem(503, "live_unavailable");
}

#[tokio::test]
async fn the_channel_ends_with_the_server() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    server.lifecycle.shutdown.cancel();
    assert_eq!(u16::from(client.closed().await.code), 1001);
    drop(client);
    tokio::time::timeout(crate::support::DEADLINE, server.task).await.unwrap().unwrap().unwrap();
}
