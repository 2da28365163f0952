//! What goes on while something else is changed or away.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{MANY, Watcher, is_move, last};
use crate::http::{get, post};
use crate::server::{Server, is_running, job_of, orders, talkative, wait_for, wait_for_end};
use crate::support::{Folder, ORDERS};

#[tokio::test]
async fn a_change_of_settings_interrupts_neither_a_connection_nor_a_job() {
    let folder = Folder::with_orders(orders(MANY, 10));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let mut watcher = Watcher::start(&server).await;
    let job = client.submit(&talkative(job_of(&folder, "orders.yaml"))).await.expect("it is accepted").job_id;
    wait_for(&client, &job, |job| is_running(job) && job.metrics.records_processed > 0).await;
    let changes = [
        json!({"monitoring": {"websocket": {"max_connections": 1, "heartbeat_interval": 7, "message_queue_size": 5000}}}),
        json!({"monitoring": {"job_tracking": {"progress_update_interval": 1, "timeout_warning_threshold": 3000}}}),
        json!({"monitoring": {"notifications": {"enabled": false, "retry_attempts": 5}}}),
        json!({"jobs": {"max_concurrent_jobs": 1, "timeout": "2h"}}),
    ];
    for change in &changes {
        post(&server, "/api/monitor/config", change).expect(200);
    }
    let shown = get(&server, &format!("/api/jobs/{job}/status")).expect(200);
    assert_eq!(shown["status"], "RUNNING", "the changes came while it ran: {shown:#}");
    let frames = watcher.until(|frame| is_move(frame, &job, "COMPLETED")).await;
    // Each change is itself a fact, and the same socket was told every fact.
    let told = frames.iter().filter(|frame| frame["type"] == "system_notification" && frame["offset"].is_u64());
    assert_eq!(told.count(), changes.len());
    let offsets: Vec<u64> = frames.iter().filter_map(|frame| frame["offset"].as_u64()).collect();
    assert!(offsets.windows(2).all(|pair| pair[1] == pair[0] + 1), "{offsets:?}");
    let ended = wait_for_end(&client, &job).await;
    assert_eq!((ended.attempt, ended.metrics.records_successful), (1, MANY));
}

/// Another program that holds the server's database, as a backup that went wrong would.
struct Holder(Child);

impl Holder {
    fn start(folder: &Folder) -> Self {
        let script = "import sqlite3, sys\n\
                      c = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)\n\
                      c.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\nsys.stdin.read()\n";
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(folder.path("data/etlplus.db")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it was asked for")).read_line(&mut line).expect("a line");
        assert_eq!(line.trim(), "held");
        Self(child)
    }

    fn let_go(mut self) {
        let mut stdin = self.0.stdin.take().expect("it was asked for");
        stdin.flush().expect("nothing waits");
        drop(stdin);
        assert!(self.0.wait().expect("it ends").success());
    }
}

#[tokio::test]
async fn while_the_database_is_away_monitoring_goes_on_and_is_synced_when_it_is_back() {
    const BAD: u64 = 3000;
    let yaml = format!("{ORDERS}rejects: {{ max_percent: 100 }}\n");
    let folder = Folder::with_orders(orders(MANY, BAD)).file("orders.yaml", yaml);
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let mut watcher = Watcher::start(&server).await;
    let job = client.submit(&talkative(job_of(&folder, "orders.yaml"))).await.expect("it is accepted").job_id;
    let is_progress = |frame: &Value| frame["type"] == "job_progress_update";
    let before = last(&watcher.until(is_progress).await)["data"]["recordsProcessed"].as_u64().expect("a count");

    let holder = Holder::start(&folder);
    // Readings still come, and the status is still told.
    watcher.until(|frame| is_progress(frame) && frame["data"]["recordsProcessed"].as_u64() > Some(before)).await;
    let shown = get(&server, &format!("/api/jobs/{job}/status")).expect(200);
    assert_eq!((&shown["status"], &shown["live"]), (&json!("RUNNING"), &json!(true)), "{shown:#}");
    // It is away indeed: nothing is accepted that cannot be recorded.
    let body = serde_json::to_value(job_of(&folder, "orders.yaml")).expect("JSON");
    post(&server, "/api/jobs", &body).problem(503, "store_unavailable");
    holder.let_go();

    let frames = watcher.until(|frame| is_move(frame, &job, "COMPLETED")).await;
    let line = |frame: &Value| (frame["type"] == "job_log_message").then(|| frame["data"]["line"].as_u64());
    let told: Vec<u64> = frames.iter().filter_map(line).flatten().collect();
    assert!(told.windows(2).all(|pair| pair[1] == pair[0] + 1), "no line was left out or told twice");
    let page = get(&server, &format!("/api/jobs/{job}/logs?limit=10000")).expect(200);
    let lines = page["lines"].as_array().expect("lines");
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line["line"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "each line is kept once");
    let rejected =
        lines.iter().filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with("rejected ")));
    assert_eq!(rejected.count() as u64, BAD);
    let ended = wait_for_end(&client, &job).await;
    assert_eq!((ended.metrics.records_successful, ended.metrics.records_failed), (MANY, BAD));
}
