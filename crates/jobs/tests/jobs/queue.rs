//! Who is given a place, and when.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use etlplus_core::job::{JobState, JobStatus, Wait};
use etlplus_core::ports::{Clock, History, IdempotencyKey};
use etlplus_jobs::{CommandError, Submission, SubmitError};

use crate::support::{ManualClock, Server, eventually, job, job_of};

use JobStatus::{Completed, Pending, Running};

#[tokio::test]
async fn a_free_place_goes_to_the_highest_priority_and_then_to_the_oldest() {
    let server = Server::open().await;
    let managing = server.manage_one().await;
    let mut facts = server.facts();
    let first = managing.accept(job("waits")).await;
    facts.until_status(first, Running).await;
    let low = managing.accept(job_of("low", "priority: -5", "complete")).await;
    let normal = managing.accept(job("complete")).await;
    let later = managing.accept(job("complete")).await;
    let high = managing.accept(job_of("high", "priority: 10", "complete")).await;
    // A submit's own word counts before its pipeline's.
    let submission = Submission { priority: Some(100), ..job_of("low", "priority: -5", "complete") };
    let highest = managing.accept(submission).await;
    managing.jobs.cancel(first).await.expect("it can be cancelled");
    for id in [low, normal, later, high, highest] {
        facts.until_status(id, Completed).await;
    }
    assert_eq!(facts.order_of(Running)[..2], [first, first], "it ran, and was asked to stop");
    assert_eq!(facts.order_of(Running)[2..], [highest, high, normal, later, low]);
    let record = server.store.job(highest).await.expect("the store answers").expect("it is there");
    assert_eq!(record.policy.priority, 100);
}

#[tokio::test]
async fn a_pipeline_at_its_limit_holds_up_no_other() {
    let server = Server::open().await;
    let managing = server.setup().with(|settings| settings.jobs.max_concurrent_jobs = Some(10)).start().await;
    let mut facts = server.facts();
    let limited = |behave| job_of("limited", "concurrency: 2\npriority: 50", behave);
    let first = managing.accept(limited("waits")).await;
    let second = managing.accept(limited("waits")).await;
    let third = managing.accept(limited("complete")).await;
    let other = managing.accept(job("complete")).await;
    facts.until_status(other, Completed).await;
    assert_eq!(server.status(first).await, Running);
    assert_eq!(server.status(second).await, Running);
    assert_eq!(server.status(third).await, Pending, "two of its pipeline run");
    managing.jobs.cancel(second).await.expect("it can be cancelled");
    facts.until_status(third, Completed).await;
    assert_eq!(server.status(first).await, Running);
}

#[tokio::test]
async fn places_change_while_jobs_wait_and_a_lowered_limit_ends_nobody() {
    let server = Server::open().await;
    let managing = server.manage_one().await;
    let mut facts = server.facts();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(managing.accept(job("waits")).await);
    }
    facts.until_status(ids[0], Running).await;
    managing.turn().await;
    assert_eq!(server.status(ids[1]).await, Pending);

    managing.change(|settings| settings.jobs.max_concurrent_jobs = Some(3));
    facts.until_status(ids[1], Running).await;
    facts.until_status(ids[2], Running).await;
    managing.turn().await;
    assert_eq!(server.status(ids[3]).await, Pending);

    managing.change(|settings| settings.jobs.max_concurrent_jobs = Some(1));
    managing.turn().await;
    for id in &ids[..3] {
        assert_eq!(server.status(*id).await, Running);
    }
    for id in &ids[..2] {
        managing.jobs.cancel(*id).await.expect("it can be cancelled");
        facts.until_status(*id, JobStatus::Cancelled).await;
    }
    managing.turn().await;
    assert_eq!(server.status(ids[3]).await, Pending, "one runs, and one may");
    managing.jobs.cancel(ids[2]).await.expect("it can be cancelled");
    facts.until_status(ids[3], Running).await;
}

#[tokio::test]
async fn a_delayed_job_waits_for_its_time_also_across_a_restart() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let hour = TimeDelta::hours(1);
    let delayed = managing.accept(Submission { not_before: Some(clock.now() + hour), ..job("complete") }).await;
    let other = managing.accept(job("complete")).await;
    facts.until_status(other, Completed).await;
    let JobState::Pending { wait: Wait::Delay { not_before }, .. } = server.state(delayed).await else {
        panic!("it is delayed")
    };
    assert_eq!(not_before, clock.now() + hour);
    managing.end().await;

    clock.walk(Duration::from_secs(59 * 60));
    let managing = server.manage_by(&clock).await;
    managing.turn().await;
    assert_eq!(server.status(delayed).await, Pending);
    clock.walk(Duration::from_secs(60));
    managing.turn().await;
    facts.until_status(delayed, Completed).await;
}

#[tokio::test]
async fn a_submit_that_is_sent_again_makes_no_second_job() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let keyed = |digest: &str| Submission {
        idempotency: Some(IdempotencyKey { key: "order 66".to_owned(), digest: digest.to_owned() }),
        ..job("complete")
    };
    let submits = (0..20).map(|_| {
        let (jobs, submission) = (managing.jobs.clone(), keyed("one"));
        tokio::spawn(async move { jobs.submit(submission).await.expect("it is accepted") })
    });
    let mut made = Vec::new();
    for submit in submits.collect::<Vec<_>>() {
        made.push(submit.await.expect("it answers"));
    }
    let first = made[0].record.header.id;
    assert!(made.iter().all(|submitted| submitted.record.header.id == first), "{made:?}");
    assert_eq!(made.iter().filter(|submitted| submitted.is_new).count(), 1);
    let reused = managing.jobs.submit(keyed("another")).await;
    assert!(matches!(reused, Err(SubmitError::KeyReused { key, job }) if key == "order 66" && job == first));

    eventually("it completes", async || server.status(first).await == Completed).await;
    let again = managing.jobs.submit(keyed("one")).await.expect("it is known");
    assert!(!again.is_new && again.record.state.status() == Completed);
}

#[tokio::test]
async fn a_submit_that_is_sent_again_has_its_job_though_the_queue_is_full() {
    let server = Server::open().await;
    let setup = server.setup().with(|settings| {
        settings.jobs.max_concurrent_jobs = Some(0);
        settings.jobs.max_queued_jobs = 1;
    });
    let managing = setup.start().await;
    let keyed = |key: &str, digest: &str| Submission {
        idempotency: Some(IdempotencyKey { key: key.to_owned(), digest: digest.to_owned() }),
        ..job("complete")
    };
    let first = managing.accept(keyed("a", "one")).await;
    let full = managing.jobs.submit(keyed("b", "one")).await;
    assert!(matches!(full, Err(SubmitError::QueueFull(_))), "{full:?}");
    let mut again = keyed("a", "one");
    again.definition.pipeline = "name: no pipeline any more\n".to_owned();
    let again = managing.jobs.submit(again).await.expect("it is known");
    assert!(!again.is_new && again.record.header.id == first, "{again:?}");
    let reused = managing.jobs.submit(keyed("a", "another")).await;
    assert!(matches!(reused, Err(SubmitError::KeyReused { job, .. }) if job == first), "{reused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_wait_than_may_however_many_submit_at_once() {
    let server = Server::open().await;
    let setup = server.setup().with(|settings| {
        settings.jobs.max_concurrent_jobs = Some(0);
        settings.jobs.max_queued_jobs = 5;
    });
    let managing = setup.start().await;
    // What is not accepted leaves its place to others.
    for _ in 0..10 {
        let mut wrong = job("complete");
        wrong.definition.pipeline = "name: x\n".to_owned();
        assert!(matches!(managing.jobs.submit(wrong).await, Err(SubmitError::Mistakes(_))));
    }
    server.ledger.set_away(true);
    for _ in 0..10 {
        assert!(matches!(managing.jobs.submit(job("complete")).await, Err(SubmitError::Unavailable(_))));
    }
    server.ledger.set_away(false);
    let submits = (0..60).map(|_| {
        let jobs = managing.jobs.clone();
        tokio::spawn(async move { jobs.submit(job("complete")).await })
    });
    let mut accepted = Vec::new();
    for submit in submits.collect::<Vec<_>>() {
        match submit.await.expect("it answers") {
            Ok(submitted) => accepted.push(submitted.record.header.id),
            Err(SubmitError::QueueFull(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(accepted.len(), 5);
    // Nor may more be tried again; and each that ends makes room for one.
    managing.turn().await;
    let cancelled = accepted[0];
    managing.jobs.cancel(cancelled).await.expect("it can be cancelled");
    let filling = managing.accept(job("complete")).await;
    let full = managing.jobs.retry(cancelled).await;
    assert!(matches!(full, Err(CommandError::QueueFull(_))), "{full:?}");
    managing.jobs.cancel(filling).await.expect("it can be cancelled");
    managing.jobs.retry(cancelled).await.expect("there is room");
    assert!(matches!(managing.jobs.submit(job("complete")).await, Err(SubmitError::QueueFull(_))));
}

#[tokio::test]
async fn what_a_submit_says_is_in_range() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    for (submission, words) in [
        (Submission { priority: Some(101), ..job("complete") }, "-100 to 100"),
        (Submission { timeout: Some(Duration::ZERO), ..job("complete") }, "100ms to 365d"),
    ] {
        let refused = managing.jobs.submit(submission).await;
        assert!(matches!(&refused, Err(SubmitError::OutOfRange(text)) if text.contains(words)), "{refused:?}");
    }
    let id = managing.accept(job("complete")).await;
    facts.until_status(id, Completed).await;
    assert!(facts.moves().iter().all(|(moved, _)| *moved == id), "nothing was made of the others");
}

#[tokio::test]
async fn a_runner_is_told_how_long_it_may_be_silent() {
    let server = Server::open().await;
    let setup = server.setup().with(|settings| {
        settings.monitoring.job_tracking.progress_update_interval = Duration::from_millis(700);
    });
    let managing = setup.start().await;
    let mut facts = server.facts();
    let first = managing.accept(job("silence")).await;
    facts.until_line(first, "silence of 700 ms").await;
    managing.change(|settings| settings.monitoring.job_tracking.progress_update_interval = Duration::from_secs(3));
    let second = managing.accept(job("silence")).await;
    facts.until_line(second, "silence of 3000 ms").await;
}
