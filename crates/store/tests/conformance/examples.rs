//! Jobs and changes that the tests share.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ids::{AttemptNumber, JobId, Offset};
use etlplus_core::job::{JobDefinition, JobFact, JobHeader, JobInput, JobPolicy, JobState, JobType};
use etlplus_core::ports::{
    Alert, AlertRule, AlertStatus, Alerts, Change, Consequences, Fact, History, Ledger, LogPosition, NewJob, Recorded,
    Rules, SettingsChange, SettingsVersion, SpoolPosition,
};
use etlplus_core::{Counters, Failure, LogLevel, LogLine, Progress};
use uuid::Uuid;

pub(crate) const FIRST: AttemptNumber = AttemptNumber::FIRST;

/// A moment, in seconds after an arbitrary start, with a part of every size down to the nanosecond.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + seconds, 123_456_789).expect("the time is within range")
}

pub(crate) fn limit(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("a limit above zero")
}

/// Ids rise with their numbers.
pub(crate) fn job_id(number: usize) -> JobId {
    JobId::from_uuid(Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + number as u128))
}

pub(crate) fn header(number: usize) -> JobHeader {
    JobHeader {
        id: job_id(number),
        pipeline: "orders".to_owned(),
        job_type: JobType::FullEtl,
        tags: vec!["daily".to_owned(), "sales".to_owned()],
        submitted_at: at(0),
    }
}

pub(crate) fn definition() -> JobDefinition {
    JobDefinition {
        pipeline: "name: orders\n".to_owned(),
        folder: "/srv/pipelines".into(),
        parameters: BTreeMap::from([("day".to_owned(), "2026-01-01".to_owned())]),
        as_of: at(0),
        log_level: LogLevel::Info,
    }
}

pub(crate) fn new_job(number: usize) -> NewJob {
    NewJob {
        header: header(number),
        definition: definition(),
        policy: JobPolicy::default(),
        not_before: None,
        idempotency: None,
        scheduled_for: None,
    }
}

pub(crate) fn submitted(new: NewJob) -> Change {
    Change::Submit(Box::new(new))
}

pub(crate) fn submit(number: usize) -> Change {
    submitted(new_job(number))
}

pub(crate) fn progress(rows: u64) -> Progress {
    let counters = Counters::default();
    Counters::add(&counters.records_successful, rows);
    counters.read()
}

pub(crate) fn transient() -> Failure {
    Failure::transient("disk_full", "the disk of out/ is full", "free some space")
}

pub(crate) fn lasting() -> Failure {
    Failure::user("source_not_found", "orders.csv is not there", "mend the path")
}

pub(crate) fn start() -> JobInput {
    JobInput::Start { attempt: FIRST }
}

pub(crate) fn failed(failure: Failure, retry_at: Option<DateTime<Utc>>) -> JobInput {
    JobInput::Failed { attempt: FIRST, failure, progress: Some(progress(3)), retry_at }
}

pub(crate) fn completed() -> JobInput {
    JobInput::Completed { attempt: FIRST, progress: progress(10) }
}

pub(crate) fn pending() -> JobState {
    JobFact::submitted(at(0), None).state
}

/// The change that `input` makes of a job in `state`, and the state that it leads to.
pub(crate) fn moved(number: usize, state: &JobState, input: JobInput) -> (Change, JobState) {
    let step = state.apply(input, state.since() + TimeDelta::seconds(1)).expect("the move is legal");
    let [fact] = step.facts.try_into().expect("the move is one fact");
    (Change::Move { job: job_id(number), fact, report: None }, step.state)
}

/// The changes that submit a job and move it by `inputs`, and the state that they lead to.
pub(crate) fn life(number: usize, inputs: impl IntoIterator<Item = JobInput>) -> (Vec<Change>, JobState) {
    let (mut changes, mut state) = (vec![submit(number)], pending());
    for input in inputs {
        let (change, next) = moved(number, &state, input);
        changes.push(change);
        state = next;
    }
    (changes, state)
}

pub(crate) fn line(number: u64, level: LogLevel, message: &str) -> LogLine {
    LogLine::new(number, at(i64::try_from(number).expect("small")), level, message.to_owned())
}

/// `count` lines of a job's first attempt.
pub(crate) fn log(number: usize, count: u64) -> Change {
    let lines = (1..=count).map(|count| line(count, LogLevel::Info, &format!("line {count}"))).collect();
    Change::Log { job: job_id(number), attempt: FIRST, lines, spool_bytes: count * 100 }
}

pub(crate) fn spool(bytes: u64, line: u64) -> SpoolPosition {
    SpoolPosition { bytes, line }
}

/// The place before the first fact.
pub(crate) async fn beginning(store: &impl Ledger) -> LogPosition {
    let place = store.record(vec![]).await.expect("the store works");
    LogPosition { offset: Offset::START, ..place }
}

/// All facts, by pages.
pub(crate) async fn all_facts(store: &(impl Ledger + History), page: usize) -> Vec<Recorded> {
    facts_from(store, beginning(store).await, page).await
}

/// The facts after a place, by pages.
pub(crate) async fn facts_from(store: &impl History, mut place: LogPosition, page: usize) -> Vec<Recorded> {
    let mut read = Vec::new();
    loop {
        let facts = store.facts_after(place, limit(page)).await.expect("the place is in the log");
        assert!(facts.len() <= page);
        let Some(last) = facts.last() else { return read };
        place.offset = last.offset;
        read.extend(facts);
    }
}

/// An alert about a job's pipeline, which `label` names.
pub(crate) fn alert(rule: AlertRule, label: &str, status: AlertStatus, seconds: i64) -> Alert {
    Alert {
        rule,
        labels: BTreeMap::from([("pipeline".to_owned(), label.to_owned())]),
        status,
        at: at(seconds),
        message: format!("{label} is {}", status.as_str()),
        remedy: "look at it".to_owned(),
        job: None,
    }
}

pub(crate) fn firing(label: &str, seconds: i64) -> Alert {
    alert(AlertRule::JobFailed, label, AlertStatus::Firing, seconds)
}

pub(crate) fn resolved(label: &str, seconds: i64) -> Alert {
    alert(AlertRule::JobFailed, label, AlertStatus::Resolved, seconds)
}

/// A change that makes the settings' version after `expected`.
pub(crate) fn settings(expected: u64, overlay: &str) -> Change {
    let expected = SettingsVersion::from_number(expected);
    let keys = vec![("log.level".to_owned(), Some("DEBUG".to_owned())), ("jobs.timeout".to_owned(), None)];
    let change = SettingsChange { version: expected.next(), at: at(7), by: "token ci".to_owned(), keys };
    Change::Settings { expected, overlay: overlay.to_owned(), change }
}

/// Rules by which nothing follows.
pub(crate) fn no_rules() -> Rules {
    Arc::new(|_, _| Consequences::default())
}

/// Rules that send every alert to `channels`.
pub(crate) fn deliver_to(channels: &[&str]) -> Rules {
    let channels: Vec<_> = channels.iter().map(|channel| (*channel).to_owned()).collect();
    Arc::new(move |facts, _| {
        let alerts = facts.iter().filter(|recorded| matches!(recorded.fact, Fact::Alert(_)));
        let deliveries = alerts.map(|recorded| (recorded.offset, channels.clone())).collect();
        Consequences { alerts: vec![], deliveries }
    })
}

/// Shows `rules` all facts, a few at once.
pub(crate) async fn advance_to_the_end(store: &impl Alerts, rules: &Rules) {
    while store.advance(rules.clone(), limit(7)).await.expect("the store works") > 0 {}
}

/// The job that a fact is about.
pub(crate) fn job_of(fact: &Fact) -> JobId {
    fact.job().expect("a fact of a job").id
}

pub(crate) fn assert_no_holes(facts: &[Recorded]) {
    for (index, recorded) in facts.iter().enumerate() {
        assert_eq!(recorded.offset.get(), index as u64 + 1);
    }
}
