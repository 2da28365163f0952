//! Jobs that are tried again, by their policy or by hand.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use etlplus_core::ids::JobId;
use etlplus_core::job::{Cause, JobState, JobStatus, Wait};
use etlplus_core::ports::{Clock, History};
use etlplus_jobs::CommandError;
use uuid::Uuid;

use crate::support::{ManualClock, Server, job, job_of};

use JobStatus::{Cancelled, Completed, Failed, Pending, Running};

const THREE: &str = "retry: { attempts: 3, delay: 1h, max_delay: 90m }";

/// The causes of a job's moves with the attempts that they speak of.
async fn moves(server: &Server, job: JobId) -> Vec<(Cause, u32)> {
    let limit = NonZeroUsize::new(100).expect("it is not zero");
    let moves = server.store.moves(job, limit).await.expect("the store answers");
    moves.into_iter().map(|(_, fact)| (fact.cause, fact.state.attempt().get())).collect()
}

#[tokio::test]
async fn a_transient_failure_is_tried_again_until_its_attempts_run_out() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let id = managing.accept(job_of("flaky", THREE, "fails_before_99")).await;
    for (attempt, longest) in [(2, TimeDelta::hours(1)), (3, TimeDelta::minutes(90))] {
        facts.until_times(id, Pending, attempt).await;
        let JobState::Pending { attempt: next, since, wait: Wait::Retry { retry_at, failure, .. } } =
            server.state(id).await
        else {
            panic!("it waits for its next try")
        };
        assert_eq!(next.get() as usize, attempt);
        assert!(retry_at >= since && retry_at <= since + longest, "{since} to {retry_at}");
        assert_eq!(failure.code, "scripted");
        assert!(failure.remedy.contains("tried again by itself"), "{}", failure.remedy);
        managing.turn().await;
        let left = (retry_at - clock.now()).to_std().unwrap_or_default();
        if left > Duration::from_micros(1) {
            clock.walk(left - Duration::from_micros(1));
            managing.turn().await;
            assert_eq!(server.status(id).await, Pending, "not before its time");
        }
        clock.walk(Duration::from_micros(2));
        managing.turn().await;
    }
    facts.until_status(id, Failed).await;
    use Cause::{Failed as Fails, Start, Submit};
    let expected = [(Submit, 1), (Start, 1), (Fails, 2), (Start, 2), (Fails, 3), (Start, 3), (Fails, 3)];
    assert_eq!(moves(&server, id).await, expected);
    assert_eq!(facts.lines(id), ["attempt 1 fails", "attempt 2 fails", "attempt 3 fails"]);
    let JobState::Failed { failure, .. } = server.state(id).await else { panic!("it failed") };
    assert_eq!(failure.remedy, "look at the script");
}

#[tokio::test]
async fn a_try_that_succeeds_completes_the_job() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job_of("flaky", "retry: { attempts: 5, delay: 50ms }", "fails_before_3")).await;
    facts.until_status(id, Completed).await;
    assert_eq!(server.state(id).await.attempt().get(), 3);
}

#[tokio::test]
async fn what_trying_again_cannot_mend_is_not_tried_again() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job_of("wrong", THREE, "mistaken")).await;
    facts.until_status(id, Failed).await;
    assert_eq!(facts.statuses(id), [Pending, Running, Failed]);
    // Nor is what has no policy.
    let id = managing.accept(job("fails_before_2")).await;
    facts.until_status(id, Failed).await;
    assert_eq!(facts.statuses(id), [Pending, Running, Failed]);
}

#[tokio::test]
async fn a_job_that_waits_for_its_next_try_can_be_cancelled() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let id = managing.accept(job_of("flaky", THREE, "fails_before_99")).await;
    facts.until_times(id, Pending, 2).await;
    managing.jobs.cancel(id).await.expect("it can be cancelled");
    facts.until_status(id, Cancelled).await;
    clock.walk(Duration::from_secs(7_200));
    managing.turn().await;
    assert_eq!(server.status(id).await, Cancelled);
}

#[tokio::test]
async fn a_person_has_a_failed_job_tried_again_also_one_of_an_earlier_server() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("fails_before_3")).await;
    facts.until_status(id, Failed).await;
    let asked = managing.jobs.retry(id).await.expect("it can be tried again");
    assert_eq!((asked.state.status(), asked.state.attempt().get()), (Pending, 2));
    facts.until_times(id, Failed, 2).await;
    managing.end().await;

    let managing = server.manage().await;
    managing.jobs.retry(id).await.expect("it can be tried again");
    facts.until_status(id, Completed).await;
    assert_eq!(server.state(id).await.attempt().get(), 3);
    assert_eq!(facts.lines(id), ["attempt 1 fails", "attempt 2 fails"], "what earlier attempts said is kept");

    let again = managing.jobs.retry(id).await;
    assert!(matches!(again, Err(CommandError::Illegal(_))), "it is completed: {again:?}");
    let nobody = JobId::from_uuid(Uuid::from_u128(1));
    assert!(matches!(managing.jobs.retry(nobody).await, Err(CommandError::Unknown)));
    let running = managing.accept(job("waits")).await;
    assert!(matches!(managing.jobs.retry(running).await, Err(CommandError::Illegal(_))), "it has not ended");
}

#[tokio::test]
async fn a_person_has_a_cancelled_job_tried_again() {
    let server = Server::open().await;
    let managing = server.manage_one().await;
    let mut facts = server.facts();
    let running = managing.accept(job("waits")).await;
    let waiting = managing.accept(job("complete")).await;
    managing.jobs.cancel(waiting).await.expect("it can be cancelled");
    managing.jobs.retry(waiting).await.expect("it can be tried again");
    managing.jobs.cancel(running).await.expect("it can be cancelled");
    facts.until_status(waiting, Completed).await;
    assert_eq!(facts.statuses(waiting), [Pending, Cancelled, Pending, Running, Completed]);
}
