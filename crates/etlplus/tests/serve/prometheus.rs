//! A real Prometheus that reads the metrics.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;

use crate::foreign::packages;
use crate::http::{get, get_at};
use crate::server::{DEADLINE, Server, job_of, orders, wait_for_end};
use crate::support::{Folder, ORDERS};

/// A program of Prometheus: the system's, or the one that `scripts/setup` unpacked.
fn program(name: &str) -> Command {
    let unpacked = packages().join("prometheus/usr/bin").join(name);
    let mut command = Command::new(if unpacked.exists() { unpacked } else { name.into() });
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What Prometheus says of an expression; `None` where it says nothing, or is not there yet.
fn query(port: u16, expression: &str) -> Option<f64> {
    let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
    // While it starts it says so in plain text.
    let answer = get_at(port, &format!("/api/v1/query?query={encoded}")).filter(|answer| answer.status == 200)?;
    let answer: Value = answer.json();
    answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
}

#[tokio::test]
async fn it_scrapes_what_happened() {
    let folder = Folder::with_orders(orders(90, 10)).file("prometheus.yml", "");
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let job = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted");
    wait_for_end(&client, &job.job_id).await;

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let target = server.address.trim_start_matches("http://");
    let settings = format!(
        "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}\nscrape_configs:\n  - job_name: etlplus\n    \
         static_configs: [{{ targets: ['{target}'] }}]\n"
    );
    std::fs::write(folder.path("prometheus.yml"), settings).expect("it can be written");
    let mut prometheus = program("prometheus");
    prometheus
        .arg(format!("--config.file={}", folder.path("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.path("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _prometheus = prometheus.spawn().expect("it starts; run scripts/setup");

    let deadline = Instant::now() + DEADLINE;
    for (expression, expected) in [
        ("up{job=\"etlplus\"}", 1.0),
        ("etlplus_jobs_submitted_total", 1.0),
        ("etlplus_jobs_ended_total{status=\"completed\"}", 1.0),
        ("etlplus_records_total{outcome=\"successful\"}", 90.0),
        ("etlplus_records_total{outcome=\"failed\"}", 10.0),
        ("etlplus_job_duration_seconds_count{status=\"completed\"}", 1.0),
        ("etlplus_jobs_running", 0.0),
    ] {
        loop {
            let found = query(port, expression);
            if found == Some(expected) {
                break;
            }
            assert!(Instant::now() < deadline, "{expression} is {found:?}, not {expected}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    assert!(query(port, "etlplus_store_commit_seconds_count > 0").is_some(), "commits are measured");
}

/// Prometheus' own linter, which knows its conventions.
#[tokio::test]
async fn its_linter_has_nothing_to_say() {
    let folder = Folder::with_orders(orders(10, 0)).file("orders.yaml", ORDERS);
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let job = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted");
    wait_for_end(&client, &job.job_id).await;
    let answer = get(&server, "/metrics");
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
    std::fs::write(folder.path("metrics.txt"), &answer.body).expect("it can be written");
    let metrics = std::fs::File::open(folder.path("metrics.txt")).expect("it is there");
    let linted = program("promtool").args(["check", "metrics"]).stdin(metrics).output().await.expect("it starts");
    let said = String::from_utf8_lossy(&linted.stderr).into_owned() + &String::from_utf8_lossy(&linted.stdout);
    assert!(linted.status.success() && said.trim().is_empty(), "{said}");
}
