//! The commands that talk to a server, as a person types them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::server::{Server, is_running, job_of, orders, wait_for};
use crate::support::Folder;

fn dirty() -> Folder {
    Folder::with_orders(orders(500, 20))
}

/// The id that `submit` prints, and nothing else.
fn id_of(stdout: &str) -> String {
    let id = stdout.trim();
    assert_eq!(stdout, format!("{id}\n"));
    assert_eq!(id.len(), 36, "{id}");
    id.to_owned()
}

#[test]
fn a_job_is_submitted_waited_for_and_looked_at() {
    let folder = dirty();
    let server = Server::start(&folder, &[]);
    let id = id_of(&server.run(&folder, &["submit", "orders.yaml"]).exits(0).stdout);
    server.run(&folder, &["wait", &id]).exits(0);

    server.run(&folder, &["jobs"]).exits(0).prints(&[&id, "orders", "COMPLETED", "520", "20"]);
    server.run(&folder, &["jobs", "--status", "failed"]).exits(0).prints_nothing_of(&id);
    server.run(&folder, &["job", &id]).exits(0).prints(&["COMPLETED", "500 rows", "amount", "type"]);
    server.run(&folder, &["logs", &id]).exits(0).prints(&["INFO", "completed: 520 rows checked, 20 rejected"]);
    server.run(&folder, &["rejects", &id, "--limit", "3"]).exits(0).prints(&["much", "17 more rows"]);

    let job = server.run(&folder, &["job", &id, "--output", "json"]).exits(0).json();
    assert_eq!(job["metrics"]["recordsSuccessful"], 500);
    assert_eq!(job["metrics"]["recordsFailed"], folder.read("out/orders.csv.rejects.ndjson").lines().count());
    let rejects = server.run(&folder, &["rejects", &id, "--output", "json"]).exits(0);
    let rows: Vec<Value> = rejects.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(!rows.is_empty(), "{rejects:?}");
}

#[test]
fn the_exit_code_of_wait_is_that_of_the_job() {
    let folder = Folder::with_orders("order_id,amount\n1,2.00\n");
    let server = Server::start(&folder, &[]);
    let ran = server.run(&folder, &["submit", "orders.yaml", "--wait"]).exits(3);
    ran.tells(&["FAILED", "placed_on"]);
    server.run(&folder, &["submit", "nowhere.yaml"]).exits(1).tells(&["nowhere.yaml"]);
    let folder = folder.file("wrong.yaml", "name: wrong\nsuorce: {}\n");
    server.run(&folder, &["submit", "wrong.yaml"]).exits(1).tells(&["suorce", "did you mean source?"]);
}

#[test]
fn an_id_that_is_none_and_a_server_that_is_not_there_are_named() {
    let folder = dirty();
    let server = Server::start(&folder, &[]);
    let unknown = "0197734a-5b2e-7c80-9d5d-2f6e3b1c4a00";
    for command in ["job", "wait", "logs", "rejects", "cancel"] {
        server.run(&folder, &[command, unknown]).exits(1).tells(&[unknown]);
        server.run(&folder, &[command, "../etc/passwd"]).exits(2).tells(&["../etc/passwd"]);
    }
    let address = server.address.clone();
    drop(server);
    let ran = folder.run(&["jobs", "--server", &address]).exits(1);
    ran.tells(&[address.trim_start_matches("http://"), "etlplus serve"]);
}

#[tokio::test]
async fn a_running_job_is_cancelled_and_leaves_its_target_as_it_was() {
    let folder = Folder::with_orders(orders(3_000_000, 0)).file("out/orders.csv", "old");
    let server = Server::start(&folder, &["--max-concurrent-jobs", "1"]);
    let client = server.client();
    let id = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let waiting = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for(&client, &id, |job| is_running(job) && job.metrics.records_processed > 0).await;
    for id in [&waiting, &id] {
        server.run(&folder, &["cancel", id, "--wait"]).exits(0);
        server.run(&folder, &["wait", id]).exits(3);
    }
    assert_eq!(folder.read("out/orders.csv"), "old");
    server.run(&folder, &["cancel", &id]).exits(1).tells(&["ended"]);
}

#[tokio::test]
async fn watch_and_a_followed_log_go_on_through_a_restart_of_the_server() {
    let folder = Folder::with_orders(orders(2_000_000, 30));
    let server = Server::start(&folder, &[]);
    let id = id_of(&server.run(&folder, &["submit", "orders.yaml", "--log-level", "debug"]).exits(0).stdout);
    let start = |arguments: &[&str]| {
        let mut command = server.command(&folder, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let watch = start(&["watch", &id, "--output", "json"]);
    let mut logs = start(&["logs", &id, "--follow"]);
    let mut stdout = BufReader::new(logs.stdout.take().expect("it was asked for"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect("a line");
    assert!(first.contains("begins"), "{first}");

    wait_for(&server.client(), &id, is_running).await;
    let listen = format!("127.0.0.1:{}", server.port());
    server.kill();
    let server = Server::start(&folder, &["--listen", &listen]);
    let told: Vec<String> = stdout.lines().map(|line| line.expect("text")).collect();
    assert!(logs.wait().expect("it ends").success());
    let watched = watch.wait_with_output().expect("it ends");
    assert!(watched.status.success(), "{watched:?}");

    let kept = server.run(&folder, &["logs", &id, "--tail", "1000"]).exits(0).stdout;
    let kept: Vec<&str> = kept.lines().collect();
    assert_eq!([first.trim_end()].into_iter().chain(told.iter().map(String::as_str)).collect::<Vec<_>>(), kept);
}

#[test]
fn a_pipeline_that_is_kept_runs_by_its_name() {
    let folder = dirty();
    let server = Server::start(&folder, &[]);
    server.run(&folder, &["pipeline", "put", "orders.yaml"]).exits(0);
    server.run(&folder, &["pipelines"]).exits(0).prints(&["orders"]);
    server.run(&folder, &["submit", "--pipeline", "orders", "--wait"]).exits(0);
    server.run(&folder, &["submit", "--pipeline", "nobody"]).exits(1).tells(&["nobody"]);
}
