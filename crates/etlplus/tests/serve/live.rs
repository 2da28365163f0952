//! What who watches sees.

use std::collections::BTreeMap;

use etlplus_api::{Frame, JobLogMessage, JobStatus, JobStatusUpdate, ServerMessage};
use futures::StreamExt;
use tokio_tungstenite::tungstenite::Message;

use crate::server::{DEADLINE, Server, is_running, job_of, orders, runners, talkative, wait_for, wait_for_end};
use crate::support::{Folder, ORDERS};

/// A client that does nothing but connect.
struct Silent(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>);

impl Silent {
    async fn connect(server: &Server) -> Self {
        let address = format!("{}/ws", server.address.replace("http://", "ws://"));
        Self(tokio_tungstenite::connect_async(address).await.expect("it connects").0)
    }

    /// The next frame.
    async fn next(&mut self) -> Frame {
        let message = tokio::time::timeout(DEADLINE, async {
            loop {
                match self.0.next().await.expect("the socket stays open").expect("the frames are frames") {
                    Message::Text(text) => return text,
                    Message::Close(close) => panic!("closed: {close:?}"),
                    _ => {}
                }
            }
        });
        let text = message.await.expect("a frame in time");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// All frames until the job's end, that one included.
    async fn until_end(&mut self, job: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await;
            let is_end = matches!(&frame.message, ServerMessage::JobStatusUpdate(update) if update.job_id == job && update.status.is_terminal());
            frames.push(frame);
            if is_end {
                return frames;
            }
        }
    }
}

fn transitions<'a>(frames: &'a [Frame], job: &str) -> Vec<&'a JobStatusUpdate> {
    let of = |frame: &'a Frame| match &frame.message {
        ServerMessage::JobStatusUpdate(update) if update.job_id == job => Some(update),
        _ => None,
    };
    frames.iter().filter_map(of).collect()
}

fn lines<'a>(frames: &'a [Frame], job: &str) -> Vec<&'a JobLogMessage> {
    let of = |frame: &'a Frame| match &frame.message {
        ServerMessage::JobLogMessage(line) if line.job_id == job => Some(line),
        _ => None,
    };
    frames.iter().filter_map(of).collect()
}

/// Offsets of facts rise by one, whatever the facts are about: nothing was left out.
fn assert_no_hole(frames: &[Frame]) {
    let is_fact =
        |frame: &&Frame| matches!(frame.message, ServerMessage::JobStatusUpdate(_) | ServerMessage::JobLogMessage(_));
    let offsets: Vec<u64> = frames
        .iter()
        .filter(is_fact)
        .map(|frame| frame.position.as_ref().expect("a fact has a place").offset)
        .collect();
    assert!(offsets.windows(2).all(|pair| pair[1] == pair[0] + 1), "{offsets:?}");
}

#[tokio::test]
async fn a_silent_client_sees_a_job_from_pending_to_completed_with_counts_that_are_true() {
    let folder = Folder::new().file("orders.yaml", ORDERS).file("orders.csv", orders(400_000, 1000));
    let server = Server::start(&folder, &[]);
    let mut silent = Silent::connect(&server).await;
    assert!(matches!(silent.next().await.message, ServerMessage::ConnectionAck(_)));
    assert!(matches!(silent.next().await.message, ServerMessage::Snapshot(snapshot) if snapshot.jobs.is_empty()));

    let id = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let frames = silent.until_end(&id).await;
    assert_no_hole(&frames);
    let transitions = transitions(&frames, &id);
    let words: Vec<_> = transitions.iter().map(|update| (update.previous_status, update.status)).collect();
    use JobStatus::{Completed, Pending, Running};
    assert_eq!(words, [(None, Pending), (Some(Pending), Running), (Some(Running), Completed)]);

    let processed: Vec<u64> = frames
        .iter()
        .filter_map(|frame| match &frame.message {
            ServerMessage::JobProgressUpdate(progress) => Some(progress.records_processed),
            _ => None,
        })
        .collect();
    assert!(processed.is_sorted() && processed.first() < processed.last(), "progress rises: {processed:?}");

    let metrics = transitions[2].metrics.as_ref().expect("an end has its counts");
    let target_rows = folder.read("out/orders.csv").lines().count() as u64 - 1;
    let reject_rows = folder.read("out/orders.csv.rejects.ndjson").lines().count() as u64;
    assert_eq!((metrics.records_successful, metrics.records_failed), (target_rows, reject_rows));
    assert_eq!((target_rows, reject_rows), (400_000, 1000));
    assert_eq!(metrics.records_processed, target_rows + reject_rows);
    assert!(metrics.memory_peak.is_some_and(|bytes| bytes > 1 << 20), "the system's figure: {metrics:?}");
    assert!(metrics.cpu_usage.is_some_and(|cores| cores > 0.0), "the system's figure: {metrics:?}");
}

#[tokio::test]
async fn a_burst_of_20_000_lines_reaches_a_client_whole_and_in_order() {
    let yaml = format!("{ORDERS}rejects: {{ max_percent: 100 }}\n");
    let folder = Folder::new().file("orders.yaml", yaml).file("orders.csv", orders(20_000, 20_000));
    let server = Server::start(&folder, &[]);
    let mut silent = Silent::connect(&server).await;
    let job = talkative(job_of(&folder, "orders.yaml"));
    let id = server.client().submit(&job).await.expect("it is accepted").job_id;
    let frames = silent.until_end(&id).await;
    assert_no_hole(&frames);
    let lines = lines(&frames, &id);
    let numbers: Vec<u64> = lines.iter().map(|line| line.line).collect();
    assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>());
    let rejected = lines.iter().filter(|line| line.message.starts_with("rejected ")).count();
    assert_eq!(rejected, 20_000);
    // What was told is what is kept.
    let page = server.client().logs(&id, &etlplus_client::LogQuery { limit: Some(10_000), ..Default::default() }).await;
    let kept = page.expect("the log is kept").lines;
    assert!(kept.iter().zip(&lines).all(|(kept, told)| kept.message == **told), "the first 10,000 lines are the same");
}

#[tokio::test]
async fn two_hundred_clients_each_see_every_transition() {
    let folder = Folder::with_orders(orders(100, 1));
    let server = Server::start(&folder, &[]);
    let mut clients = Vec::new();
    for _ in 0..200 {
        let mut silent = Silent::connect(&server).await;
        while !matches!(silent.next().await.message, ServerMessage::Snapshot(_)) {}
        clients.push(silent);
    }
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id);
    }
    let watching = clients.into_iter().map(|mut silent| {
        let ids = ids.clone();
        tokio::spawn(async move {
            let mut seen: BTreeMap<String, Vec<JobStatus>> = BTreeMap::new();
            while seen.values().flatten().filter(|status| status.is_terminal()).count() < ids.len() {
                if let ServerMessage::JobStatusUpdate(update) = silent.next().await.message {
                    seen.entry(update.job_id).or_default().push(update.status);
                }
            }
            seen
        })
    });
    for watched in futures::future::join_all(watching).await {
        let seen = watched.expect("the client got all it waited for");
        for id in &ids {
            assert_eq!(seen[id], [JobStatus::Pending, JobStatus::Running, JobStatus::Completed]);
        }
    }
}

#[tokio::test]
async fn a_runner_killed_by_hand_fails_its_job_with_the_signal_and_the_last_lines() {
    let folder = Folder::with_orders(orders(3_000_000, 0));
    let server = Server::start(&folder, &[]);
    let mut silent = Silent::connect(&server).await;
    let client = server.client();
    let id = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for(&client, &id, |job| is_running(job) && job.metrics.records_processed > 0).await;
    let pids = runners(&folder, Some(server.pid()));
    assert_eq!(pids.len(), 1, "one runner: {pids:?}");
    let pid = rustix::process::Pid::from_raw(pids[0] as i32).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives");

    let frames = silent.until_end(&id).await;
    let transitions = transitions(&frames, &id);
    let end = transitions.last().expect("it has ended");
    assert_eq!(end.status, JobStatus::Failed);
    let message = end.error_message.as_deref().expect("a failure says why");
    assert!(message.contains("SIGKILL") && message.contains("reading"), "{message}");
    assert!(!folder.path("out/orders.csv").exists(), "no half target");
    assert!(runners(&folder, Some(server.pid())).is_empty());
}

#[tokio::test]
async fn a_log_beyond_its_limit_ends_with_what_was_left_out_and_the_job_completes() {
    let yaml = format!("{ORDERS}rejects: {{ max_percent: 100 }}\n");
    let folder = Folder::new().file("orders.yaml", yaml).file("orders.csv", orders(1, 40_000));
    let server = Server::start(&folder, &["--log-max-mib", "1"]);
    let client = server.client();
    let id = client.submit(&talkative(job_of(&folder, "orders.yaml"))).await.expect("it is accepted").job_id;
    let job = wait_for_end(&client, &id).await;
    assert_eq!((job.status, job.metrics.records_failed), (JobStatus::Completed, 40_000));
    let [.., note, summary, end] = job.recent_logs.as_slice() else { panic!("{:?}", job.recent_logs) };
    assert!(note.message.contains("more lines were left out"), "{}", note.message);
    assert!(summary.message.contains("40000 rows were rejected"), "how it ends is kept: {}", summary.message);
    assert!(end.message.starts_with("completed: 40001 rows checked"), "{}", end.message);
    let kept = note.line - 1;
    let left_out: u64 = note.message.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    // Besides the rejected rows, a few lines say what the job does.
    assert!((40_000..40_020).contains(&(kept + left_out)), "{kept} kept and {left_out} left out");
}

#[tokio::test]
async fn jobs_of_one_pipeline_at_once_keep_their_rejects_apart() {
    let yaml = ORDERS.replace("path: orders.csv", "path: \"${data}.csv\"");
    let yaml = format!("{yaml}parameters:\n  data: string\nrejects: {{ max_percent: 100 }}\n");
    let folder = Folder::new().file("orders.yaml", yaml);
    let folder = folder.file("few.csv", orders(10, 100)).file("many.csv", orders(10, 3000));
    let server = Server::start(&folder, &["--max-concurrent-jobs", "8"]);
    let client = server.client();
    let mut jobs = Vec::new();
    for _ in 0..20 {
        for (data, rejects) in [("few", 100), ("many", 3000)] {
            let parameters = BTreeMap::from([("data".to_owned(), data.to_owned())]);
            let job = etlplus_api::SubmitJob { parameters, ..job_of(&folder, "orders.yaml") };
            jobs.push((client.submit(&job).await.expect("it is accepted").job_id, rejects));
        }
    }
    for (id, rejects) in jobs {
        let job = wait_for_end(&client, &id).await;
        assert_eq!((job.status, job.metrics.records_failed), (JobStatus::Completed, rejects));
        let last = client.rejects(&id, Some(rejects - 1), None).await.expect("the rejects are kept");
        assert_eq!((last.rows.len(), last.next_after), (1, None), "the file has {rejects} rows");
    }
}
