//! Snapshots that are too large for one message.

use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::JobInput;
use serde_json::{Value, json};

use crate::support::http::events;
use crate::support::ws::{PART_BYTES_MAX, whole};
use crate::support::{Server, eventually};

const JOBS: usize = 10_000;

/// A server with so many active jobs that their snapshot is a large one, and their ids.
async fn crowded(pipeline: &str) -> (Server, Vec<String>) {
    let server = Server::start().await;
    let jobs: Vec<String> = (0..JOBS).map(|_| server.submit(pipeline).to_string()).collect();
    eventually("the live view has them all", async || {
        server.get(&format!("/api/jobs/{}/status", jobs[JOBS - 1])).await.json()["live"] == json!(true)
    })
    .await;
    (server, jobs)
}

#[track_caller]
fn assert_shows(snapshot: &Value, jobs: &[String]) {
    let shown: Vec<&str> = snapshot["data"]["jobs"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(shown.len(), jobs.len());
    assert!(shown.iter().zip(jobs).all(|(shown, job)| shown == job), "by id, each once");
}

fn id(job: &Value) -> &str {
    job["jobId"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_come_in_parts_and_what_follows_has_no_hole() {
    let (server, jobs) = crowded("orders").await;
    let mut client = server.connect().await;
    assert_eq!(client.frame().await["type"], "connection_ack");
    // It goes on while the parts are on their way.
    let added = server.running("orders").to_string();
    let (snapshot, parts) = client.snapshot().await;
    assert!(parts > 5, "{parts} parts");
    let mut next = snapshot["offset"].as_u64().unwrap();
    assert!(next >= JOBS as u64, "{next}");
    let in_it = snapshot["data"]["jobs"].as_array().unwrap().len();
    assert!((JOBS..=JOBS + 1).contains(&in_it), "{in_it}");
    server.complete(added.parse().unwrap());
    while next < JOBS as u64 + 3 {
        let frame = client.frame().await;
        next += 1;
        assert_eq!((frame["offset"].as_u64(), id(&frame["data"])), (Some(next), added.as_str()));
    }
    // The answer to a filter is a snapshot like any other.
    client.say(json!({"type": "set_filters", "id": "1", "data": {"filters": []}}).to_string()).await;
    assert_eq!(client.frame().await["id"], "1");
    let (snapshot, parts) = client.snapshot().await;
    assert!(parts > 5, "{parts} parts");
    assert_shows(&snapshot, &jobs);
    // One that shows little is one part.
    client.say(json!({"type": "set_filters", "data": {"filters": [{"jobIds": [jobs[7]]}]}}).to_string()).await;
    assert_eq!(client.frame().await["type"], "ack");
    let (snapshot, parts) = client.snapshot().await;
    assert_eq!(parts, 1);
    assert_shows(&snapshot, &jobs[7..8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_streams_carry_the_same_parts() {
    let (server, jobs) = crowded("orders").await;
    let mut stream = server.begin("GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let told = events(&mut stream, |name, frame| name == "snapshot" && frame["data"]["more"] == json!(false)).await;
    let parts: Vec<_> = told.into_iter().filter(|(name, ..)| name == "snapshot").collect();
    let (last, others) = parts.split_last().unwrap();
    assert!(others.len() > 5 && others.iter().all(|(_, id, _)| id.is_empty()), "nobody can go on from a part");
    assert!(last.1.ends_with(&format!(":{JOBS}")), "{}", last.1);
    assert!(parts.iter().all(|(.., frame)| frame.to_string().len() <= PART_BYTES_MAX));
    assert_shows(&whole(parts.into_iter().map(|(.., frame)| frame).collect()), &jobs);
    let added = server.submit("orders").to_string();
    let told = events(&mut stream, |_, _| true).await;
    assert_eq!((id(&told[0].2["data"]), told[0].2["offset"].as_u64()), (added.as_str(), Some(JOBS as u64 + 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_beyond_what_a_client_may_be_behind_closes_nobody_who_reads() {
    // 50 MB, where 32 MiB of facts close a client.
    let name = "o".repeat(5000);
    let (server, jobs) = crowded(&name).await;
    let mut client = server.connect().await;
    assert_eq!(client.frame().await["type"], "connection_ack");
    // The snapshot waits as a whole when this is sent.
    server.step(jobs[0].parse().unwrap(), JobInput::Start { attempt: AttemptNumber::FIRST });
    eventually("most of it waits", async || {
        let listed = server.get("/api/monitor/connections").await.json();
        listed["connections"][0]["queuedBytes"].as_u64().unwrap() > 33 << 20
    })
    .await;
    let (snapshot, _) = client.snapshot().await;
    assert_shows(&snapshot, &jobs);
    let started = client.frame().await;
    assert_eq!((id(&started["data"]), &started["data"]["status"]), (jobs[0].as_str(), &json!("RUNNING")));
}

#[tokio::test]
async fn a_job_that_is_larger_than_a_part_comes_alone() {
    let server = Server::start().await;
    let names = ["small".to_owned(), "l".repeat(PART_BYTES_MAX), "small".to_owned()];
    let jobs = names.map(|name| server.submit(&name).to_string());
    let mut client = server.connect().await;
    assert_eq!(client.frame().await["type"], "connection_ack");
    for (job, more) in jobs.iter().zip([true, true, false]) {
        let part = client.frame().await;
        assert_eq!(part["data"]["more"], json!(more));
        assert_shows(&part, std::slice::from_ref(job));
    }
}
