//! Many connections, and many questions at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use etlplus_api::JobStatus;
use futures::StreamExt;

use super::Watcher;
use crate::http::get;
use crate::server::{Server, job_of, orders, talkative, wait_for_end};
use crate::support::{Folder, ORDERS};

/// Bytes of memory that the process holds.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("this is Linux");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_bounded_with_a_hundred_long_running_connections() {
    const GROWTH_MAX: u64 = 48 << 20;
    let yaml = format!("{ORDERS}rejects: {{ max_percent: 100 }}\n");
    let folder = Folder::with_orders(orders(10, 400)).file("orders.yaml", yaml);
    let server = Server::start(&folder, &[]);
    let client = server.client();
    for _ in 0..100 {
        let mut watcher = Watcher::start(&server).await;
        // Each reads all that it is told, for as long as the test goes on.
        tokio::spawn(async move { while watcher.0.next().await.is_some_and(|message| message.is_ok()) {} });
    }
    let run = async |jobs: usize| {
        for _ in 0..jobs {
            let job = client.submit(&talkative(job_of(&folder, "orders.yaml"))).await.expect("it is accepted").job_id;
            assert_eq!(wait_for_end(&client, &job).await.status, JobStatus::Completed);
        }
    };
    let sent = || {
        let connections = get(&server, "/api/monitor/connections").expect(200);
        let all = connections["connections"].as_array().expect("a list");
        assert_eq!(all.len(), 100, "nobody was closed");
        all.iter().filter_map(|one| one["sentBytes"].as_u64()).sum::<u64>()
    };
    run(5).await;
    let (memory, told) = (resident(server.pid()), sent());
    run(20).await;
    let (grown, told) = (resident(server.pid()).saturating_sub(memory), sent() - told);
    assert!(told > 4 * GROWTH_MAX, "{told} bytes were sent: too few to tell");
    assert!(grown < GROWTH_MAX, "{grown} bytes more after {told} bytes were sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitoring_queries_are_answered_under_load() {
    const SLOWEST: Duration = Duration::from_secs(10);
    let yaml = format!("{ORDERS}rejects: {{ max_percent: 100 }}\n");
    let folder = Folder::with_orders(orders(10, 2000)).file("orders.yaml", yaml);
    let folder = folder.file("etlplus.yaml", "server: { requests_per_second: 100000 }\n");
    let server = Arc::new(Server::start(&folder, &["--config", "etlplus.yaml"]));
    let client = server.client();
    let first = client.submit(&talkative(job_of(&folder, "orders.yaml"))).await.expect("it is accepted").job_id;
    wait_for_end(&client, &first).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let paths = [
        "/api/monitor/jobs?status=COMPLETED,RUNNING&pipeline=orders&limit=100".to_owned(),
        format!("/api/jobs/{first}/logs?level=DEBUG&limit=1000"),
        format!("/api/jobs/{first}/metrics"),
    ];
    let readers: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let (server, is_over) = (server.clone(), is_over.clone());
            std::thread::spawn(move || {
                let (mut answers, mut slowest) = (0_u32, Duration::ZERO);
                while !is_over.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    get(&server, &path).expect(200);
                    slowest = slowest.max(asked.elapsed());
                    answers += 1;
                }
                (path, answers, slowest)
            })
        })
        .collect();
    let mut jobs = Vec::new();
    for _ in 0..30 {
        let job = client.submit(&talkative(job_of(&folder, "orders.yaml"))).await.expect("it is accepted").job_id;
        jobs.push(job);
    }
    for job in &jobs {
        let ended = wait_for_end(&client, job).await;
        assert_eq!((ended.status, ended.metrics.records_failed), (JobStatus::Completed, 2000));
    }
    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        let (path, answers, slowest) = reader.join().expect("each answer was 200");
        assert!(answers > 20 && slowest < SLOWEST, "{path}: {answers} answers, the slowest after {slowest:?}");
    }
    // What was written meanwhile is found.
    let list = get(&server, "/api/monitor/jobs?status=COMPLETED&limit=100").expect(200);
    assert_eq!(list["jobs"].as_array().expect("a list").len(), jobs.len() + 1);
}
