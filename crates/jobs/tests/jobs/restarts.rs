//! What a server leaves behind when it goes, the next one takes up; and a store that is away costs nothing but time.

use crate::support::{Server, eventually, job};
use etlplus_core::job::{JobState, JobStatus};
use etlplus_core::ports::Fact;

use JobStatus::{Completed, Pending, Running};

/// The process ids of runners, by the lock files of their attempts.
fn runner_pids(server: &Server) -> Vec<String> {
    let folders = std::fs::read_dir(server.folder.path().join("attempts")).expect("there are attempts");
    folders.flatten().filter_map(|folder| std::fs::read_to_string(folder.path().join("lock")).ok()).collect()
}

fn lives(pid: &str) -> bool {
    // A zombie has ended, and its parent has not looked yet.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

/// A manager on a runtime of its own, which can be ended with all its tasks.
async fn crashable(server: &Server) -> (tokio::runtime::Runtime, crate::support::Managing) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let managing = runtime.spawn(server.setup().start()).await.expect("it starts");
    (runtime, managing)
}

/// A server whose tasks are gone from one moment to the next, as by a kill; the store stands for what is on disk.
fn crash(runtime: tokio::runtime::Runtime) {
    runtime.shutdown_background();
}

#[tokio::test]
async fn a_runner_that_outlives_its_server_is_ended_and_its_job_begins_anew() {
    let server = Server::open().await;
    let mut facts = server.facts();
    let (first, managing) = crashable(&server).await;
    let id = managing.accept(job("stubborn_first")).await;
    facts.until(|recorded| matches!(recorded.fact, Fact::Log { .. })).await;
    let pids = runner_pids(&server);
    crash(first);
    assert!(pids.len() == 1 && lives(&pids[0]), "the stubborn runner outlived its server: {pids:?}");

    let _second = server.manage().await;
    facts.until_status(id, Completed).await;
    assert!(!lives(&pids[0]), "no runner is left behind");
    assert_eq!(facts.statuses(id), [Pending, Running, Pending, Running, Completed]);
    let JobState::Completed { attempt, .. } = server.state(id).await else { panic!("it is completed") };
    assert_eq!(attempt.get(), 2);
    assert_eq!(facts.lines(id), ["stubborn"], "no line of the first attempt is lost or doubled");
    eventually("the attempt directories are removed", async || server.attempt_folders() == 0).await;
}

#[tokio::test]
async fn an_outcome_that_the_server_did_not_live_to_see_counts() {
    let server = Server::open().await;
    let mut facts = server.facts();
    let (first, managing) = crashable(&server).await;
    let id = managing.accept(job("waits")).await;
    facts.until(|recorded| matches!(recorded.fact, Fact::Log { .. })).await;
    // The runner completes just as the server goes.
    let folder = server.folder.path().join("attempts").join(format!("{id}.1"));
    let progress = etlplus_core::Counters::default().read();
    let target = etlplus_core::ports::TargetReport { location: "out.csv".into(), rows: 0, bytes: Some(0) };
    let report = etlplus_core::ports::RunReport {
        outcome: etlplus_core::ports::Outcome::Completed(target),
        progress,
        rejects: Vec::new(),
        reject_file: None,
    };
    crash(first);
    std::fs::write(folder.join("outcome.json"), serde_json::to_vec(&report).expect("JSON"))
        .expect("the folder is there");

    let _second = server.manage().await;
    facts.until_status(id, Completed).await;
    assert_eq!(facts.statuses(id), [Pending, Running, Completed], "it is not run again");
}

#[tokio::test]
async fn a_server_that_is_told_to_end_stops_its_runners_and_the_next_one_begins_anew() {
    let server = Server::open().await;
    let mut facts = server.facts();
    let managing = server.manage().await;
    let id = managing.accept(job("waits")).await;
    facts.until(|recorded| matches!(recorded.fact, Fact::Log { .. })).await;
    let pids = runner_pids(&server);
    managing.end().await;
    assert!(pids.len() == 1 && !lives(&pids[0]), "its runner is gone: {pids:?}");
    assert_eq!(server.state(id).await.status(), Running, "nothing is recorded that was not so");

    let _second = server.manage().await;
    facts.until(|recorded| matches!(&recorded.fact, Fact::Log { attempt, .. } if attempt.get() == 2)).await;
    assert_eq!(facts.statuses(id), [Pending, Running, Pending, Running]);
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_lost_and_then_nothing_is_doubled() {
    let server = Server::open().await;
    let mut facts = server.facts();
    let managing = server.manage().await;
    let id = managing.accept(job("waits")).await;
    facts.until(|recorded| matches!(recorded.fact, Fact::Log { .. })).await;
    let other = managing.accept(job("flood")).await;
    facts.until_status(other, Running).await;
    server.ledger.set_away(true);
    assert!(managing.jobs.submit(job("complete")).await.is_err(), "nothing is accepted that is not recorded");
    assert!(managing.jobs.cancel(id).await.is_err());
    let refused = server.ledger.refused();
    eventually("the flood waits for the store", async || server.ledger.refused() > refused + 2).await;
    server.ledger.set_away(false);
    facts.until_status(other, Completed).await;
    let expected: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
    assert!(facts.lines(other) == expected, "{} lines came", facts.lines(other).len());
}

#[tokio::test]
async fn what_earlier_servers_left_is_removed_and_nothing_else() {
    let server = Server::open().await;
    let attempts = server.folder.path().join("attempts");
    for number in 0..500 {
        std::fs::create_dir_all(attempts.join(format!("left.{number}"))).expect("it can be made");
    }
    let mut facts = server.facts();
    let managing = server.manage().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(managing.accept(job("complete")).await);
    }
    for id in ids {
        facts.until_status(id, Completed).await;
    }
    eventually("the directories are removed", async || server.attempt_folders() == 0).await;
}
