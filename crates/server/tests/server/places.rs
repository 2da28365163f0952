//! More connections than there are places.

use std::time::{Duration, Instant};

use etlplus_core::ids::JobId;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::http::{Answer, events, parse};
use crate::support::{DEADLINE, Server, eventually};

/// Places of HTTP.
const REGULAR: usize = 1024;
/// Those beyond, for what has to come through.
const RESERVE: usize = 128;
/// An answer that comes at once does not wait for anybody else's timeout.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Both ends of every connection are in this process.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

impl Server {
    async fn idle(&self, count: usize) -> Vec<TcpStream> {
        let mut idle = Vec::new();
        for _ in 0..count {
            idle.push(TcpStream::connect(self.address).await.unwrap());
        }
        idle
    }

    /// A follower of the job's log, once it has its answer.
    async fn follow(&self, job: JobId) -> TcpStream {
        let head = "host: localhost\r\naccept: text/event-stream\r\n";
        let mut stream = self.begin(&format!("GET /api/jobs/{job}/logs HTTP/1.1\r\n{head}\r\n")).await;
        let mut begun = String::new();
        while !begun.contains(": the log follows") {
            let mut bytes = [0; 1024];
            let count = timeout(DEADLINE, stream.read(&mut bytes)).await.unwrap().unwrap();
            assert!(count > 0, "{begun}");
            begun.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        assert!(begun.contains("connection: close"), "no request can come after it: {begun}");
        stream
    }
}

fn refused(answer: &Answer) {
    let problem = answer.problem(503, "too_many_connections");
    assert!(problem["detail"].as_str().unwrap().contains("HTTP, 1024"), "{problem}");
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn who_follows_a_log_takes_a_slot_of_the_live_channel() {
    let server = Server::with(json!({"monitoring": {"websocket": {"max_connections": 2}}})).await;
    let job = server.running("orders");
    let address = format!("/api/jobs/{job}/logs");
    let (first, mut second) = (server.follow(job).await, server.follow(job).await);
    for form in ["text/event-stream", "application/x-ndjson"] {
        let answer = server.get_with(&address, &format!("accept: {form}\r\n")).await;
        answer.problem(503, "too_many_connections");
        assert!(answer.header("retry-after").is_some());
    }
    server.get("/api/events").await.problem(503, "too_many_connections");
    assert_eq!(server.get(&address).await.status, 200, "a page is soon over");
    // Who goes makes room, and so does the end of a job.
    drop(first);
    eventually("a download finds a slot", async || {
        server.get_with(&address, "accept: application/x-ndjson\r\n").await.status == 200
    })
    .await;
    server.complete(job);
    events(&mut second, |name, _| name == "end").await;
    let mut rest = Vec::new();
    timeout(DEADLINE, second.read_to_end(&mut rest)).await.expect("the connection ends with the stream").unwrap();
    let other = server.running("people");
    let _both = (server.follow(other).await, server.follow(other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_places_a_503_comes_at_once_and_what_is_vital_comes_through() {
    allow_many_files();
    let server = Server::start().await;
    let pipeline =
        "name: orders\nsource: {csv: {path: in.csv}}\nschema:\n  id: int64\ntarget: {csv: {path: out.csv}}\n";
    let submitted = server.post("/api/jobs", &json!({"definition": pipeline, "folder": "/data"}).to_string()).await;
    let job: JobId = submitted.json()["jobId"].as_str().unwrap().parse().unwrap();
    // Followers take no place of HTTP.
    let mut followers = Vec::new();
    for _ in 0..50 {
        followers.push(server.follow(job).await);
    }
    let mut idle = server.idle(REGULAR - 1).await;
    assert_eq!(server.get("/api/pipelines").await.status, 200, "one place is left");
    // A place is given back a moment after its connection has ended.
    eventually("all places are taken", async || {
        idle.extend(server.idle(1).await);
        server.get("/api/pipelines").await.status == 503
    })
    .await;
    assert!((REGULAR..REGULAR + RESERVE / 2).contains(&idle.len()), "{}", idle.len());
    let begun = Instant::now();
    refused(&server.get("/api/pipelines").await);
    refused(&server.get_with("/ws", "").await);
    refused(&server.get_with(&format!("/api/jobs/{job}/logs"), "accept: text/event-stream\r\n").await);
    refused(&server.post("/api/jobs", "{}").await);
    assert_eq!(server.get("/livez").await.text(), "ok");
    let cancelled = server.post(&format!("/api/jobs/{job}/cancel"), "{}").await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (202, &json!("CANCELLED")));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    // Some leave, and service is back.
    idle.truncate(REGULAR - RESERVE);
    eventually("there is a place", async || server.get("/api/pipelines").await.status == 200).await;
    drop(followers);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_reserve_everybody_is_still_answered_and_idle_ones_do_not_keep_it() {
    allow_many_files();
    let server = Server::start().await;
    let _regular = server.idle(REGULAR).await;
    let mut reserve = server.idle(RESERVE).await;
    let begun = Instant::now();
    // More than the kernel's queue would take if nobody accepted them.
    for _ in 0..5000 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let mut bytes = Vec::new();
        timeout(AT_ONCE, stream.read_to_end(&mut bytes)).await.expect("it is answered unasked").unwrap();
        refused(&parse(server.address, &bytes));
        if begun.elapsed() > AT_ONCE {
            break;
        }
    }
    // Those of the reserve that say nothing are sent away long before others.
    for stream in &mut reserve {
        let count = timeout(DEADLINE, stream.read(&mut [0; 64])).await.unwrap().unwrap();
        assert_eq!(count, 0, "it is closed");
    }
    assert!((1..10).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(server.get("/livez").await.text(), "ok");
}
