//! Jobs and changes that the tests share.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ids::{AttemptNumber, JobId, Offset};
use etlplus_core::job::{JobDefinition, JobFact, JobHeader, JobInput, JobState, JobType};
use etlplus_core::ports::{Change, History, Ledger, LogPosition, Recorded, SpoolPosition};
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

pub(crate) fn submit(number: usize) -> Change {
    Change::Submit { header: header(number), definition: definition() }
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
    LogLine { line: number, at: at(i64::try_from(number).expect("small")), level, message: message.to_owned() }
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
    let mut place = beginning(store).await;
    let mut read = Vec::new();
    loop {
        let facts = store.facts_after(place, limit(page)).await.expect("the place is in the log");
        assert!(facts.len() <= page);
        let Some(last) = facts.last() else { return read };
        place.offset = last.offset;
        read.extend(facts);
    }
}

pub(crate) fn assert_no_holes(facts: &[Recorded]) {
    for (index, recorded) in facts.iter().enumerate() {
        assert_eq!(recorded.offset.get(), index as u64 + 1);
    }
}
