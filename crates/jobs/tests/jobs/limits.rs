//! How long jobs may run: the warning, the end, and what does not count.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use etlplus_core::FailureKind;
use etlplus_core::job::{JobState, JobStatus};
use etlplus_core::ports::{AlertRule, AlertStatus, Fact};

use crate::support::{ManualClock, Server, Setup, job, job_of};

use JobStatus::{Completed, Failed, Pending, Running};

fn minutes(number: u64) -> Duration {
    Duration::from_secs(number * 60)
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_ended_and_one_without_a_limit_is_not() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let limited = managing.accept(job_of("limited", "timeout: 25m", "waits")).await;
    let control = managing.accept(job("waits")).await;
    facts.until_line(limited, "waiting").await;
    facts.until_line(control, "waiting").await;
    clock.walk(minutes(25) - Duration::from_millis(1));
    managing.turn().await;
    assert!(matches!(server.state(limited).await, JobState::Running { stop: None, .. }));
    clock.walk(Duration::from_millis(1));
    managing.turn().await;
    facts.until_status(limited, Failed).await;
    assert_eq!(facts.statuses(limited), [Pending, Running, Running, Failed], "it was asked to stop, and did");
    let JobState::Failed { failure, .. } = server.state(limited).await else { panic!("it failed") };
    assert_eq!((failure.code.as_str(), failure.kind), ("job_timeout", FailureKind::Limit));
    assert!(failure.message.contains("ran for 25m"), "{}", failure.message);
    clock.walk(minutes(60 * 24));
    managing.turn().await;
    assert!(matches!(server.state(control).await, JobState::Running { stop: None, .. }));
}

#[tokio::test]
async fn a_job_that_does_not_stop_at_its_limit_is_killed() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job_of("limited", "timeout: 500ms", "stubborn")).await;
    facts.until_status(id, Failed).await;
    let JobState::Failed { failure, .. } = server.state(id).await else { panic!("it failed") };
    assert_eq!(failure.code, "job_timeout");
    assert_eq!(facts.statuses(id), [Pending, Running, Running, Failed]);
}

#[tokio::test]
async fn the_settings_limit_holds_for_jobs_whose_pipeline_says_nothing() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let setup = Setup { clock: clock.clone(), ..server.setup() };
    let managing = setup.with(|settings| settings.jobs.timeout = Some(minutes(10))).start().await;
    let mut facts = server.facts();
    let silent = managing.accept(job("waits")).await;
    let own = managing.accept(job_of("own", "timeout: 1h", "waits")).await;
    facts.until_line(silent, "waiting").await;
    facts.until_line(own, "waiting").await;
    clock.walk(minutes(10));
    managing.turn().await;
    facts.until_status(silent, Failed).await;
    assert!(matches!(server.state(own).await, JobState::Running { stop: None, .. }));
}

#[tokio::test]
async fn a_clock_that_is_set_ends_nobody_and_warns_of_nobody() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let id = managing.accept(job_of("limited", "timeout: 25m", "waits")).await;
    facts.until_line(id, "waiting").await;
    for days in [400, -800] {
        clock.set(TimeDelta::days(days));
        managing.turn().await;
        assert!(matches!(server.state(id).await, JobState::Running { stop: None, .. }));
    }
    let other = managing.accept(job("complete")).await;
    facts.until_status(other, Completed).await;
    assert!(facts.alerts().is_empty(), "{:?}", facts.alerts());
    // And the clock that is not set still counts.
    clock.walk(minutes(25));
    managing.turn().await;
    facts.until_status(id, Failed).await;
}

#[tokio::test]
async fn a_job_that_runs_long_is_warned_of_once() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let free = managing.accept(job("waits")).await;
    let limited = managing.accept(job_of("limited", "timeout: 10m", "waits")).await;
    facts.until_line(free, "waiting").await;
    facts.until_line(limited, "waiting").await;

    // 80 % of its own limit come before the settings' 25 minutes.
    clock.walk(minutes(8));
    managing.turn().await;
    facts.until(|recorded| matches!(recorded.fact, Fact::Alert(_))).await;
    let alerts = facts.alerts();
    let alert = &alerts[0];
    assert_eq!((alert.rule, alert.status, alert.job), (AlertRule::JobTimeoutNear, AlertStatus::Firing, Some(limited)));
    assert_eq!(alert.labels["pipeline"], "limited");
    assert_eq!(alert.labels["job"], limited.to_string());
    assert!(alert.message.contains("has run for 8m, and is ended at 10m"), "{}", alert.message);

    clock.walk(minutes(17));
    managing.turn().await;
    facts.until(|recorded| matches!(&recorded.fact, Fact::Alert(alert) if alert.job == Some(free))).await;
    clock.walk(minutes(600));
    managing.turn().await;
    managing.jobs.cancel(free).await.expect("it can be cancelled");
    facts.until_status(free, JobStatus::Cancelled).await;
    assert_eq!(facts.alerts().len(), 2, "{:?}", facts.alerts());
}

#[tokio::test]
async fn nobody_is_warned_who_does_not_want_to_be_until_they_do() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let setup = Setup { clock: clock.clone(), ..server.setup() };
    let managing = setup.with(|settings| settings.monitoring.notifications.timeout_warnings = false).start().await;
    let mut facts = server.facts();
    let id = managing.accept(job("waits")).await;
    facts.until_line(id, "waiting").await;
    clock.walk(minutes(30));
    managing.turn().await;
    managing.change(|settings| {
        settings.monitoring.notifications.timeout_warnings = true;
        settings.monitoring.notifications.enabled = false;
    });
    managing.turn().await;
    let other = managing.accept(job("complete")).await;
    facts.until_status(other, Completed).await;
    assert!(facts.alerts().is_empty());
    managing.change(|settings| settings.monitoring.notifications.enabled = true);
    facts.until(|recorded| matches!(&recorded.fact, Fact::Alert(alert) if alert.job == Some(id))).await;
}

#[tokio::test]
async fn a_limit_is_kept_once_a_store_that_was_away_is_back() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let id = managing.accept(job_of("limited", "timeout: 10m", "waits")).await;
    facts.until_line(id, "waiting").await;
    server.ledger.set_away(true);
    clock.walk(minutes(10));
    let refused = server.ledger.refused();
    managing.turn().await;
    assert!(server.ledger.refused() > refused, "it tried");
    assert_eq!(server.status(id).await, Running, "nothing follows that is not recorded");
    server.ledger.set_away(false);
    clock.walk(Duration::from_secs(1));
    managing.turn().await;
    facts.until_status(id, Failed).await;
    let JobState::Failed { failure, .. } = server.state(id).await else { panic!("it failed") };
    assert_eq!(failure.code, "job_timeout");
}
