//! Jobs that hold still.

use std::sync::Arc;
use std::time::Duration;

use etlplus_core::ids::JobId;
use etlplus_core::job::{HeldRunner, JobState, JobStatus};
use etlplus_jobs::CommandError;

use crate::support::{Managing, ManualClock, Server, job, job_of};

use JobStatus::{Cancelled, Completed, Failed, Paused, Pending, Running};

/// How many rows the script moves.
const ROWS: u64 = 300;
/// Readings that show that nothing moves: the script gives one each ten milliseconds.
const READINGS: usize = 20;

/// Waits for a reading of the job that is as wanted, and gives its rows.
async fn reading(managing: &mut Managing, job: JobId, is_it: impl Fn(u64) -> bool) -> u64 {
    loop {
        let reading = managing.readings.recv().await.expect("readings are told");
        let rows = reading.sample.progress.records_successful;
        if reading.sample.job == job && is_it(rows) {
            return rows;
        }
    }
}

#[tokio::test]
async fn a_paused_job_moves_no_row_loses_none_and_gives_its_place_to_others() {
    let server = Server::open().await;
    let mut managing = server.manage_one().await;
    let mut facts = server.facts();
    let id = managing.accept(job("counts")).await;
    reading(&mut managing, id, |rows| rows > 20).await;
    let paused = managing.jobs.pause(id).await.expect("it can be paused");
    assert!(matches!(paused.state, JobState::Paused { runner: HeldRunner::Waiting, .. }));
    facts.until_line(id, "paused").await;
    let other = managing.accept(job("complete")).await;
    facts.until_status(other, Completed).await;
    // What was said before the pause may still be on its way.
    while managing.readings.try_recv().is_ok() {}
    let still = reading(&mut managing, id, |_| true).await;
    for _ in 0..READINGS {
        assert_eq!(reading(&mut managing, id, |_| true).await, still, "nothing moves");
    }
    assert!(still < ROWS);
    assert!(matches!(managing.jobs.pause(id).await, Err(CommandError::Illegal(_))), "it is paused already");

    managing.jobs.resume(id).await.expect("it can go on");
    let mut readings = managing.readings;
    tokio::spawn(async move { while readings.recv().await.is_some() {} });
    facts.until_status(id, Completed).await;
    assert_eq!(facts.statuses(id), [Pending, Running, Paused, Running, Completed], "it is the same attempt");
    let JobState::Completed { attempt, progress, .. } = server.state(id).await else { panic!("it is completed") };
    assert_eq!((attempt.get(), progress.records_successful), (1, ROWS));
    let rows: Vec<_> = facts.lines(id).into_iter().filter(|line| line != "paused").collect();
    let expected: Vec<_> = (0..ROWS).map(|row| format!("row {row}")).collect();
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn no_more_jobs_are_held_than_may_run_and_resuming_them_starts_no_others() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(managing.accept(job("waits")).await);
    }
    // Two run. Each that is paused lets another in, until two are.
    for id in &ids[..2] {
        facts.until_line(*id, "waiting").await;
        managing.jobs.pause(*id).await.expect("it can be paused");
    }
    for id in &ids[2..4] {
        facts.until_line(*id, "waiting").await;
        let refused = managing.jobs.pause(*id).await;
        assert!(matches!(refused, Err(CommandError::PausedFull { paused: 2, max: 2 })), "{refused:?}");
        assert_eq!(server.status(*id).await, Running, "it is as it was");
    }
    let meaningless = managing.jobs.pause(ids[5]).await;
    assert!(matches!(meaningless, Err(CommandError::Illegal(_))), "it waits: {meaningless:?}");
    for id in &ids[..2] {
        managing.jobs.resume(*id).await.expect("it can go on");
    }
    managing.turn().await;
    assert_eq!(server.attempt_folders(), 4, "twice the places, and no more");
    // A resumed job holds its place: two have to end before there is one for another.
    for id in &ids[..2] {
        managing.jobs.cancel(*id).await.expect("it can be cancelled");
        facts.until_status(*id, Cancelled).await;
    }
    managing.turn().await;
    assert_eq!(server.status(ids[4]).await, Pending);
    managing.jobs.cancel(ids[2]).await.expect("it can be cancelled");
    facts.until_status(ids[4], Running).await;
    managing.jobs.pause(ids[3]).await.expect("nobody is paused any more");
}

#[tokio::test]
async fn a_paused_job_whose_runner_is_gone_keeps_nobody_from_a_pause() {
    let server = Server::open().await;
    let managing = server.manage_one().await;
    let mut facts = server.facts();
    let gone = managing.accept(job("waits")).await;
    facts.until_line(gone, "waiting").await;
    managing.jobs.pause(gone).await.expect("it can be paused");
    managing.end().await;

    let managing = server.manage_one().await;
    facts.until_times(gone, Paused, 2).await;
    let other = managing.accept(job("waits")).await;
    facts.until_line(other, "waiting").await;
    managing.jobs.pause(other).await.expect("no runner is held");
    assert_eq!(server.status(gone).await, Paused);
}

#[tokio::test]
async fn a_paused_job_keeps_its_pipelines_place() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let exclusive = |behave| job_of("exclusive", "concurrency: 1", behave);
    let first = managing.accept(exclusive("waits")).await;
    facts.until_line(first, "waiting").await;
    let second = managing.accept(exclusive("complete")).await;
    managing.jobs.pause(first).await.expect("it can be paused");
    let other = managing.accept(job("complete")).await;
    facts.until_status(other, Completed).await;
    assert_eq!(server.status(second).await, Pending, "no two of them are at work on one thing");
    managing.jobs.cancel(first).await.expect("it can be cancelled");
    facts.until_status(second, Completed).await;
}

#[tokio::test]
async fn a_paused_job_can_be_cancelled() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("counts")).await;
    facts.until_line(id, "row 5").await;
    managing.jobs.pause(id).await.expect("it can be paused");
    facts.until_line(id, "paused").await;
    let asked = managing.jobs.cancel(id).await.expect("it can be cancelled");
    assert!(matches!(asked.state, JobState::Paused { runner: HeldRunner::Stopping, .. }));
    facts.until_status(id, Cancelled).await;
    assert_eq!(facts.statuses(id), [Pending, Running, Paused, Paused, Cancelled]);
    assert!(matches!(managing.jobs.resume(id).await, Err(CommandError::Illegal(_))));
}

#[tokio::test]
async fn a_job_that_is_paused_across_a_restart_begins_anew_when_it_is_resumed() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("counts")).await;
    facts.until_line(id, "row 5").await;
    managing.jobs.pause(id).await.expect("it can be paused");
    facts.until_line(id, "paused").await;
    managing.end().await;

    let mut managing = server.manage().await;
    facts.until_times(id, Paused, 2).await;
    assert!(matches!(server.state(id).await, JobState::Paused { runner: HeldRunner::Gone { .. }, .. }));
    managing.turn().await;
    assert_eq!(server.status(id).await, Paused, "nobody resumed it");
    let resumed = managing.jobs.resume(id).await.expect("it can be resumed");
    assert_eq!((resumed.state.status(), resumed.state.attempt().get()), (Pending, 2));
    while managing.readings.recv().await.is_some_and(|reading| reading.sample.progress.records_successful < ROWS) {}
    facts.until_status(id, Completed).await;
    let JobState::Completed { attempt, progress, .. } = server.state(id).await else { panic!("it is completed") };
    assert_eq!((attempt.get(), progress.records_successful), (2, ROWS));
}

#[tokio::test]
async fn only_what_runs_can_be_paused() {
    let server = Server::open().await;
    let managing = server.manage_one().await;
    let mut facts = server.facts();
    let running = managing.accept(job("waits")).await;
    let waiting = managing.accept(job("complete")).await;
    facts.until_status(running, Running).await;
    let refused = managing.jobs.pause(waiting).await;
    assert!(matches!(refused, Err(CommandError::Illegal(_))), "{refused:?}");
    assert!(matches!(managing.jobs.resume(running).await, Err(CommandError::Illegal(_))));
    managing.jobs.cancel(running).await.expect("it can be cancelled");
    assert!(matches!(managing.jobs.pause(running).await, Err(CommandError::Illegal(_))), "it was asked to stop");
    facts.until_status(waiting, Completed).await;
    assert!(matches!(managing.jobs.pause(waiting).await, Err(CommandError::Illegal(_))), "it has ended");
}

#[tokio::test]
async fn the_time_of_a_pause_does_not_count() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let id = managing.accept(job_of("limited", "timeout: 10m", "waits")).await;
    facts.until_line(id, "waiting").await;
    clock.walk(Duration::from_secs(5 * 60));
    managing.jobs.pause(id).await.expect("it can be paused");
    clock.walk(Duration::from_secs(3_600));
    managing.turn().await;
    assert_eq!(server.status(id).await, Paused);
    managing.jobs.resume(id).await.expect("it can go on");
    clock.walk(Duration::from_secs(5 * 60 - 1));
    managing.turn().await;
    assert!(matches!(server.state(id).await, JobState::Running { stop: None, .. }));
    clock.walk(Duration::from_secs(1));
    managing.turn().await;
    facts.until_status(id, Failed).await;
}
