//! Clients in other languages, which share no code with the server and do nothing but connect.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::server::{DEADLINE, Server, job_of, orders};
use crate::support::{Folder, ORDERS};

/// Where `scripts/setup` puts the packages that the programs here need.
pub(crate) fn packages() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").expect("a home folder")).join(".cache");
    cache.unwrap_or_else(home).join("etlplus/foreign")
}

/// A program that is killed when dropped, and does not seek a proxy on the way to this machine.
fn program(name: impl AsRef<Path>) -> Command {
    let mut command = Command::new(name.as_ref());
    command.env("NO_PROXY", "127.0.0.1").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name)
}

/// Node with a script of `tests/foreign`.
pub(crate) fn node(name: &str) -> Command {
    let mut command = program("node");
    command.env("NODE_PATH", packages().join("node_modules")).arg(script(name));
    command
}

/// A program that prints what it hears.
pub(crate) struct Foreign {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Foreign {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}: run scripts/setup ({command:?})"));
        let lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        Self { child, lines }
    }

    /// Its standard input, if it was given one; once.
    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(DEADLINE, self.lines.next_line()).await.expect("a line in time");
        line.expect("it prints UTF-8").expect("it goes on; if it lacks a package, run scripts/setup")
    }

    /// Waits until it has ended well.
    pub(crate) async fn wait(mut self) {
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("it ends in time");
        assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{status:?}");
    }

    /// The next frame, alone in a line or as the data of a server-sent event.
    async fn frame(&mut self) -> Value {
        loop {
            let line = self.line().await;
            let text = line.strip_prefix("data:").unwrap_or(&line);
            if text.starts_with([' ', '{']) {
                return serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {line}"));
            }
        }
    }
}

/// The client that `command` starts sees a job from its first state to its last, with counts that are true.
async fn sees_a_job_from_pending_to_completed(server: Server, folder: Folder, command: Command) {
    let mut foreign = Foreign::start(command);
    assert_eq!(foreign.frame().await["type"], "connection_ack");
    assert_eq!(foreign.frame().await["type"], "snapshot");

    let id = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let (mut statuses, mut processed, mut lines) = (Vec::new(), Vec::new(), 0);
    let metrics = loop {
        let Value::Object(frame) = foreign.frame().await else { panic!("a frame is an object") };
        let (kind, data) = (frame["type"].as_str().expect("a type"), &frame["data"]);
        assert!(kind == "heartbeat" || data["jobId"] == *id, "there is no other job: {frame:?}");
        match kind {
            "job_status_update" => {
                statuses.push(data["status"].as_str().expect("a status").to_owned());
                if !data["endTime"].is_null() {
                    break data["metrics"].clone();
                }
            }
            "job_progress_update" => processed.push(data["recordsProcessed"].as_u64().expect("a count")),
            "job_log_message" => lines += 1,
            _ => {}
        }
    };
    assert_eq!(statuses, ["PENDING", "RUNNING", "COMPLETED"]);
    assert!(processed.is_sorted(), "progress never falls: {processed:?}");
    processed.dedup();
    assert!(processed.len() >= 3, "progress rises: {processed:?}");
    assert!(lines > 0, "the job says what it does");

    let target_rows = folder.read("out/orders.csv").lines().count() - 1;
    let reject_rows = folder.read("out/orders.csv.rejects.ndjson").lines().count();
    assert_eq!((target_rows, reject_rows), (ROWS, BAD_ROWS));
    assert_eq!(metrics["recordsSuccessful"], json!(target_rows));
    assert_eq!(metrics["recordsFailed"], json!(reject_rows));
    assert_eq!(metrics["recordsProcessed"], json!(target_rows + reject_rows));
}

const ROWS: usize = 1_000_000;
const BAD_ROWS: usize = 1000;

fn served() -> (Server, Folder) {
    let folder = Folder::new().file("orders.yaml", ORDERS).file("orders.csv", orders(ROWS as u64, BAD_ROWS as u64));
    (Server::start(&folder, &[]), folder)
}

fn websocket_of(server: &Server) -> String {
    format!("{}/ws", server.address.replace("http://", "ws://"))
}

#[tokio::test]
async fn a_client_in_python_sees_a_job_from_pending_to_completed() {
    let (server, folder) = served();
    let mut python = program(packages().join("venv/bin/python"));
    // Without `-B` Python would leave its byte code among the sources.
    python.arg("-B").arg(script("websocket.py")).arg(websocket_of(&server));
    sees_a_job_from_pending_to_completed(server, folder, python).await;
}

#[tokio::test]
async fn a_client_in_node_sees_a_job_from_pending_to_completed() {
    let (server, folder) = served();
    let mut node = node("websocket.cjs");
    node.arg(websocket_of(&server));
    sees_a_job_from_pending_to_completed(server, folder, node).await;
}

#[tokio::test]
async fn curl_sees_a_job_from_pending_to_completed() {
    let (server, folder) = served();
    let mut curl = program("curl");
    curl.args(["--no-buffer", "--silent", "--show-error"]).arg(format!("{}/api/events", server.address));
    sees_a_job_from_pending_to_completed(server, folder, curl).await;
}
