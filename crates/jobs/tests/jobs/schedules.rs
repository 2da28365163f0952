//! Jobs that are made by schedules, on a clock that the test walks.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ids::JobId;
use etlplus_core::job::JobStatus;
use etlplus_core::pipeline::{CatchUp, Overlap};
use etlplus_core::ports::{Clock, History, JobQuery, Pipelines, Schedules};
use etlplus_jobs::ScheduleInfo;

use crate::support::{Managing, ManualClock, Server, Setup, eventually, job_of, pipeline};

const HOUR: Duration = Duration::from_secs(3_600);

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

async fn put(server: &Server, managing: Option<&Managing>, clock: &ManualClock, name: &str, sections: &str) {
    let (definition, folder) = (pipeline(name, sections), PathBuf::from("/nowhere"));
    server.store.put_pipeline(name.to_owned(), definition, folder, clock.now()).await.expect("it is kept");
    if let Some(managing) = managing {
        managing.jobs.pipelines_changed();
    }
}

fn info(managing: &Managing, name: &str) -> Option<ScheduleInfo> {
    managing.jobs.schedules().into_iter().find(|info| info.pipeline == name)
}

/// Wakes the scheduler, and waits until it has seen to the time `last`.
async fn until_last(managing: &Managing, name: &str, last: &str) {
    managing.jobs.pipelines_changed();
    let last = Some(time(last));
    let has_come = async || info(managing, name).is_some_and(|info| info.last == last);
    eventually(&format!("the schedule of {name} comes to {last:?}"), has_come).await;
}

/// The jobs of a pipeline with their run clocks, the oldest first.
async fn jobs_of(server: &Server, name: &str) -> Vec<(JobId, String)> {
    let query = JobQuery {
        statuses: Vec::new(),
        pipeline: Some(name.to_owned()),
        job_type: None,
        tag: None,
        from: None,
        until: None,
        text: None,
        before: None,
        limit: NonZeroUsize::new(100).expect("it is not zero"),
    };
    let mut found = Vec::new();
    for record in server.store.jobs(query).await.expect("the store answers") {
        let definition = server.store.definition(record.header.id).await.expect("the store answers");
        found.push((record.header.id, definition.expect("it has one").as_of.format("%H:%M").to_string()));
    }
    found.reverse();
    found
}

async fn clocks_of(server: &Server, name: &str) -> Vec<String> {
    jobs_of(server, name).await.into_iter().map(|(_, clock)| clock).collect()
}

#[tokio::test]
async fn a_job_is_made_at_each_time_once_and_has_it_as_its_run_clock() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T10:30:00Z"));
    let managing = server.manage_by(&clock).await;
    put(&server, Some(&managing), &clock, "hourly", "schedule: { cron: '0 * * * *', timezone: Europe/Berlin }").await;
    eventually("it is followed", async || info(&managing, "hourly").is_some()).await;
    let shown = info(&managing, "hourly").expect("it is followed");
    assert_eq!((shown.cron.as_str(), shown.timezone.as_str()), ("0 * * * *", "Europe/Berlin"));
    assert_eq!((shown.catch_up, shown.overlap), (CatchUp::Latest, Overlap::Skip));
    assert_eq!((shown.next, shown.last), (Some(time("2026-03-01T11:00:00Z")), None), "what lies behind does not count");

    for hour in ["11:00", "12:00"] {
        clock.walk(HOUR);
        until_last(&managing, "hourly", &format!("2026-03-01T{hour}:00Z")).await;
        let (id, made) = jobs_of(&server, "hourly").await.pop().expect("a job was made");
        assert_eq!(made, hour);
        eventually("it completes", async || server.status(id).await == JobStatus::Completed).await;
    }
    assert_eq!(info(&managing, "hourly").and_then(|info| info.next), Some(time("2026-03-01T13:00:00Z")));
    // The same moment, by the next server.
    managing.end().await;
    let managing = server.manage_by(&clock).await;
    until_last(&managing, "hourly", "2026-03-01T12:00:00Z").await;
    assert_eq!(clocks_of(&server, "hourly").await, ["11:00", "12:00"]);
}

#[tokio::test]
async fn times_that_were_missed_are_caught_up_as_the_policy_says() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T10:30:00Z"));
    for policy in ["none", "latest", "all"] {
        let schedule = format!("schedule: {{ cron: '0 * * * *', catch_up: {policy}, overlap: queue }}");
        put(&server, None, &clock, policy, &schedule).await;
    }
    clock.walk(HOUR * 3);
    let managing = server.manage_by(&clock).await;
    for policy in ["none", "latest", "all"] {
        until_last(&managing, policy, "2026-03-01T13:00:00Z").await;
    }
    assert!(clocks_of(&server, "none").await.is_empty());
    assert_eq!(clocks_of(&server, "latest").await, ["13:00"]);
    assert_eq!(clocks_of(&server, "all").await, ["11:00", "12:00", "13:00"]);
    // What is not missed is made by each of them.
    clock.walk(HOUR / 2);
    for policy in ["none", "latest", "all"] {
        until_last(&managing, policy, "2026-03-01T14:00:00Z").await;
        assert_eq!(clocks_of(&server, policy).await.pop().as_deref(), Some("14:00"));
    }
}

#[tokio::test]
async fn a_schedule_that_catches_up_on_much_holds_up_no_other() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T10:30:00Z"));
    put(&server, None, &clock, "a_minutely", "schedule: { cron: '* * * * *', catch_up: all, overlap: queue }").await;
    put(&server, None, &clock, "hourly", "schedule: { cron: '0 * * * *' }").await;
    clock.walk(HOUR);
    let setup = Setup { clock: clock.clone(), ..server.setup() };
    let managing = setup.with(|settings| settings.jobs.max_concurrent_jobs = Some(0)).start().await;
    until_last(&managing, "hourly", "2026-03-01T11:00:00Z").await;
    until_last(&managing, "a_minutely", "2026-03-01T11:30:00Z").await;
    let (minutely, hourly) = (jobs_of(&server, "a_minutely").await, jobs_of(&server, "hourly").await);
    assert_eq!((minutely.len(), hourly.len()), (60, 1), "none is left out");
    let before = minutely.iter().filter(|(id, _)| *id < hourly[0].0).count();
    assert_eq!(before, 16, "one turn's times of the other");
}

#[tokio::test]
async fn while_an_earlier_job_is_active_a_time_is_skipped_or_queued() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T10:30:00Z"));
    let managing = server.manage_by(&clock).await;
    let mut facts = server.facts();
    let mut active = Vec::new();
    for overlap in ["skip", "queue"] {
        let schedule = format!("schedule: {{ cron: '0 * * * *', overlap: {overlap} }}");
        put(&server, Some(&managing), &clock, overlap, &schedule).await;
        let id = managing.accept(job_of(overlap, "", "waits")).await;
        facts.until_line(id, "waiting").await;
        active.push(id);
    }
    clock.walk(HOUR);
    until_last(&managing, "skip", "2026-03-01T11:00:00Z").await;
    until_last(&managing, "queue", "2026-03-01T11:00:00Z").await;
    assert_eq!(jobs_of(&server, "skip").await.len(), 1, "only the one that was submitted");
    assert_eq!(jobs_of(&server, "queue").await.len(), 2);
    let marks = server.store.schedule_marks().await.expect("the store answers");
    assert!(marks.contains(&("skip".to_owned(), time("2026-03-01T11:00:00Z"))), "a skipped time is seen to: {marks:?}");

    managing.jobs.cancel(active[0]).await.expect("it can be cancelled");
    facts.until_status(active[0], JobStatus::Cancelled).await;
    clock.walk(HOUR);
    until_last(&managing, "skip", "2026-03-01T12:00:00Z").await;
    assert_eq!(jobs_of(&server, "skip").await.len(), 2, "the next time has its job again");
}

#[tokio::test]
async fn a_pipeline_that_does_not_parse_holds_up_no_other_and_a_changed_one_has_missed_nothing() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T10:30:00Z"));
    let managing = server.manage_by(&clock).await;
    put(&server, Some(&managing), &clock, "broken", "schedule: { cron: '0 0 30 2 *' }").await;
    put(&server, Some(&managing), &clock, "weekly", "schedule: { cron: '0 6 * * MON' }").await;
    eventually("it is followed", async || info(&managing, "weekly").is_some()).await;
    assert!(info(&managing, "broken").is_none());

    // Hourly from now on: the hours before were not missed.
    clock.walk(HOUR * 5);
    put(&server, Some(&managing), &clock, "weekly", "schedule: { cron: '0 * * * *', catch_up: all }").await;
    let hourly = async || info(&managing, "weekly").is_some_and(|info| info.cron == "0 * * * *");
    eventually("the change is seen", hourly).await;
    assert_eq!(info(&managing, "weekly").and_then(|info| info.next), Some(time("2026-03-01T16:00:00Z")));
    assert!(jobs_of(&server, "weekly").await.is_empty());
    // And one whose schedule is taken away is followed no more.
    put(&server, Some(&managing), &clock, "weekly", "").await;
    eventually("it is followed no more", async || info(&managing, "weekly").is_none()).await;
}

#[tokio::test]
async fn a_clock_that_ran_ahead_and_is_set_back_does_not_silence_a_schedule() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T10:30:00Z"));
    let managing = server.manage_by(&clock).await;
    put(&server, Some(&managing), &clock, "hourly", "schedule: { cron: '0 * * * *', overlap: queue }").await;
    clock.set(TimeDelta::days(365));
    until_last(&managing, "hourly", "2027-03-01T10:00:00Z").await;
    clock.set(TimeDelta::days(-365));
    until_last(&managing, "hourly", "2026-03-01T10:30:00Z").await;
    clock.walk(HOUR);
    until_last(&managing, "hourly", "2026-03-01T11:00:00Z").await;
    assert_eq!(clocks_of(&server, "hourly").await, ["10:00", "11:00"]);
}

#[tokio::test]
async fn a_scheduled_job_waits_for_room_in_the_queue_and_for_a_store_that_is_away() {
    let server = Server::open().await;
    let clock = Arc::new(ManualClock::at("2026-03-01T10:30:00Z"));
    let setup = Setup { clock: clock.clone(), ..server.setup() };
    let managing = setup.with(|settings| settings.jobs.max_queued_jobs = 0).start().await;
    put(&server, Some(&managing), &clock, "hourly", "schedule: { cron: '0 * * * *' }").await;
    eventually("it is followed", async || info(&managing, "hourly").is_some()).await;
    clock.walk(HOUR);
    managing.jobs.pipelines_changed();
    let has_looked =
        async || info(&managing, "hourly").and_then(|info| info.next) == Some(time("2026-03-01T12:00:00Z"));
    eventually("it has looked", has_looked).await;
    assert!(jobs_of(&server, "hourly").await.is_empty(), "nothing may wait");
    server.ledger.set_away(true);
    managing.change(|settings| settings.jobs.max_queued_jobs = 10);
    let refused = server.ledger.refused();
    managing.jobs.pipelines_changed();
    eventually("it has tried", async || server.ledger.refused() > refused).await;
    server.ledger.set_away(false);
    until_last(&managing, "hourly", "2026-03-01T11:00:00Z").await;
    assert_eq!(clocks_of(&server, "hourly").await, ["11:00"]);
}
