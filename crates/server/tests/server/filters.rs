//! What a filter lets through.

use crate::support::Server;
use crate::support::ws::Client;
use etlplus_core::log::LogLevel;
use serde_json::{Value, json};

/// The types, pipelines and texts of all frames up to the last one that this test makes.
async fn shown(server: &Server, client: &mut Client) -> Vec<String> {
    // Another filter is answered after everything that the old one let through.
    let done = client_done(server, client).await;
    let of = |frame: &Value| {
        let data = &frame["data"];
        let what = data["message"].as_str().or(data["status"].as_str()).unwrap_or("");
        format!("{} {} {what}", frame["type"].as_str().unwrap(), data["pipeline"].as_str().unwrap_or(""))
            .trim()
            .to_owned()
    };
    done.iter().map(of).collect()
}

async fn client_done(server: &Server, client: &mut Client) -> Vec<Value> {
    // The hub has heard of a fact once the status of its job comes from the live view.
    let job = server.submit("barrier");
    crate::support::eventually("the hub is up to date", async || {
        server.get(&format!("/api/jobs/{job}/status")).await.json()["live"] == true
    })
    .await;
    client.say(json!({"type": "set_filters", "data": {"filters": []}}).to_string()).await;
    let mut frames = Vec::new();
    loop {
        let frame = client.frame().await;
        if frame["type"] == "ack" {
            client.frame().await;
            return frames;
        }
        if frame["data"]["pipeline"] != "barrier" {
            frames.push(frame);
        }
    }
}

/// Two pipelines, each with a job that starts, says two lines, is read once and completes.
async fn play(server: &Server) {
    for pipeline in ["orders", "people"] {
        let job = server.running(pipeline);
        server.say(job, LogLevel::Debug, ["quiet".to_owned()]);
        server.say(job, LogLevel::Warn, ["loud".to_owned()]);
        server.complete(job);
    }
}

#[tokio::test]
async fn each_kind_of_list_lets_through_what_it_names() {
    let server = Server::start().await;
    let cases = [
        (
            json!([{"pipelines": ["people"], "types": ["job_log_message"]}]),
            vec!["job_log_message people quiet", "job_log_message people loud"],
        ),
        (
            json!([{"types": ["job_log_message"], "minLevel": "WARN"}]),
            vec!["job_log_message orders loud", "job_log_message people loud"],
        ),
        // Of log lines the level decides, other messages it leaves alone.
        (
            json!([{"pipelines": ["orders"], "minLevel": "ERROR"}]),
            vec![
                "job_status_update orders PENDING",
                "job_status_update orders RUNNING",
                "job_status_update orders COMPLETED",
            ],
        ),
        // The status after the fact; of a log line the one that its job has then.
        (
            json!([{"pipelines": ["orders"], "statuses": ["RUNNING"]}]),
            vec!["job_status_update orders RUNNING", "job_log_message orders quiet", "job_log_message orders loud"],
        ),
        // Clauses are alternatives.
        (
            json!([{"statuses": ["COMPLETED"]}, {"pipelines": ["people"], "statuses": ["PENDING"]}]),
            vec![
                "job_status_update orders COMPLETED",
                "job_status_update people PENDING",
                "job_status_update people COMPLETED",
            ],
        ),
        (json!([{"pipelines": []}]), vec![]),
        (json!([{"jobIds": ["0198f7a0-0000-7000-8000-000000000001"]}]), vec![]),
    ];
    for (filters, expected) in cases {
        let (mut client, _) = server.watch().await;
        client.set_filters(filters.clone()).await;
        play(&server).await;
        assert_eq!(shown(&server, &mut client).await, expected, "{filters}");
    }
}

#[tokio::test]
async fn a_filter_of_jobs_follows_one_job_with_its_readings() {
    let server = Server::start().await;
    let (job, other) = (server.running("orders"), server.running("orders"));
    let (mut client, snapshot) = server.watch().await;
    assert_eq!(snapshot["data"]["jobs"].as_array().unwrap().len(), 2);
    let snapshot = client.set_filters(json!([{"jobIds": [job.to_string()]}])).await;
    assert_eq!(snapshot["data"]["jobs"].as_array().unwrap().len(), 1);
    server.read(other, 1).await;
    server.read(job, 2).await;
    server.say(other, LogLevel::Info, ["not this".to_owned()]);
    server.say(job, LogLevel::Info, ["this".to_owned()]);
    let mut kinds: Vec<String> = Vec::new();
    while kinds.len() < 3 {
        let frame = client.frame().await;
        assert_eq!(frame["data"]["jobId"], job.to_string());
        kinds.push(frame["type"].as_str().unwrap().to_owned());
    }
    kinds.sort();
    assert_eq!(kinds, ["job_log_message", "job_metrics_update", "job_progress_update"]);
}

#[tokio::test]
async fn a_snapshot_shows_jobs_and_lines_that_the_filter_lets_through() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, ["plain".to_owned()]);
    server.say(job, LogLevel::Error, ["bad".to_owned()]);
    let people = server.submit("people");
    crate::support::eventually("the live view has both", async || {
        server.get(&format!("/api/jobs/{people}/status")).await.json()["live"] == true
    })
    .await;
    let (mut client, _) = server.watch().await;
    let snapshot = client.set_filters(json!([{"statuses": ["RUNNING"], "minLevel": "WARN"}])).await;
    let jobs = snapshot["data"]["jobs"].as_array().unwrap();
    assert_eq!((jobs.len(), &jobs[0]["pipeline"]), (1, &json!("orders")), "{snapshot}");
    let lines = jobs[0]["recentLogs"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[0]["message"]), (1, &json!("bad")));
    let snapshot = client.set_filters(json!([{"pipelines": []}])).await;
    assert_eq!(snapshot["data"]["jobs"], json!([]));
}

#[tokio::test]
async fn a_snapshot_has_room_for_the_newest_lines() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, (0..20).map(|number| format!("{number:02} {}", "x".repeat(16_000))));
    let (mut client, _) = server.watch().await;
    let last = server.running("people");
    client.find(|frame| frame["data"]["jobId"] == last.to_string()).await;
    let snapshot = client.set_filters(json!([{"pipelines": ["orders"]}])).await;
    let lines = snapshot["data"]["jobs"][0]["recentLogs"].as_array().unwrap();
    let numbers: Vec<_> = lines.iter().map(|line| &line["message"].as_str().unwrap()[..2]).collect();
    assert_eq!(numbers, ["16", "17", "18", "19"], "64 KiB of them");
}

#[tokio::test]
async fn what_is_switched_off_is_not_sent() {
    let tracking = json!({"log_streaming_enabled": false, "metrics_collection_enabled": false});
    let options = json!({"monitoring": {"job_tracking": tracking}});
    let server = Server::with(options).await;
    let (mut client, _) = server.watch().await;
    let job = server.running("orders");
    client.find(|frame| frame["data"]["status"] == "RUNNING").await;
    server.say(job, LogLevel::Info, ["hello".to_owned()]);
    server.read(job, 1).await;
    assert_eq!(client.frame().await["type"], "job_progress_update");
    server.complete(job);
    assert_eq!(client.frame().await["data"]["status"], "COMPLETED");
}
