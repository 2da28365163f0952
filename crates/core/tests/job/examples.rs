//! Jobs, inputs and times that the tests share.

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::{AttemptRun, HeldRunner, JobFact, JobInput, JobState, Step, Stop, Wait};
use etlplus_core::{Counters, Failure, Progress};

pub(crate) const FIRST: AttemptNumber = AttemptNumber::FIRST;

/// A moment, in seconds after an arbitrary start.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + seconds, 0).expect("the time is within range")
}

pub(crate) fn transient() -> Failure {
    Failure::transient("disk_full", "the disk of out/ is full", "free some space")
}

pub(crate) fn lasting() -> Failure {
    Failure::user("source_not_found", "orders.csv is not there", "mend the path")
}

pub(crate) fn time_limit() -> Failure {
    Failure::limit("timed_out", "the job ran longer than 30 min", "raise its time limit")
}

pub(crate) fn progress(rows: u64) -> Progress {
    let counters = Counters::default();
    Counters::add(&counters.records_successful, rows);
    counters.read()
}

pub(crate) fn pending() -> JobState {
    JobFact::submitted(at(0), None).state
}

/// The job after `inputs`, each a second after the one before.
pub(crate) fn after(inputs: impl IntoIterator<Item = JobInput>) -> JobState {
    let mut state = pending();
    for input in inputs {
        let later = state.since() + TimeDelta::seconds(1);
        state = step(&state, input, later).state;
    }
    state
}

pub(crate) fn step(state: &JobState, input: JobInput, at: DateTime<Utc>) -> Step {
    state.apply(input, at).expect("the move is legal")
}

pub(crate) fn start() -> JobInput {
    JobInput::Start { attempt: FIRST }
}

pub(crate) fn completed() -> JobInput {
    JobInput::Completed { attempt: FIRST, progress: progress(10) }
}

pub(crate) fn failed(failure: Failure, retry_at: Option<DateTime<Utc>>) -> JobInput {
    JobInput::Failed { attempt: FIRST, failure, progress: Some(progress(3)), retry_at }
}

pub(crate) fn lost(failure: Failure, retry_at: Option<DateTime<Utc>>) -> JobInput {
    JobInput::Lost { attempt: FIRST, failure, progress: None, retry_at }
}

pub(crate) fn stopped() -> JobInput {
    JobInput::Stopped { attempt: FIRST, progress: Some(progress(5)) }
}

pub(crate) fn abort() -> JobInput {
    JobInput::Abort { attempt: FIRST, failure: time_limit() }
}

/// One example of each state that differs in what can happen next, and of each reason to stop or wait.
pub(crate) fn every_state() -> Vec<JobState> {
    let (attempt, since, started_at, finished_at) = (FIRST, at(0), at(0), at(0));
    let run = AttemptRun { started_at, progress: None };
    let running = |stop| JobState::Running { attempt, started_at, since, stop };
    let paused = |runner| JobState::Paused { attempt, started_at, since, runner };
    let waiting = |wait| JobState::Pending { attempt, since, wait };
    vec![
        waiting(Wait::Slot),
        waiting(Wait::Delay { not_before: at(60) }),
        waiting(Wait::Retry { retry_at: at(60), failure: transient(), run }),
        running(None),
        running(Some(Stop::Cancel)),
        running(Some(Stop::Abort { failure: time_limit() })),
        paused(HeldRunner::Waiting),
        paused(HeldRunner::Stopping),
        paused(HeldRunner::Gone { failure: transient(), progress: None }),
        JobState::Completed { attempt, started_at, finished_at, progress: progress(1) },
        JobState::Failed { attempt, finished_at, failure: lasting(), run },
        JobState::Cancelled { attempt, finished_at, run: Some(run) },
        JobState::Cancelled { attempt, finished_at, run: None },
    ]
}

/// One example of each input, with and without what decides where it leads, from the first attempt.
pub(crate) fn every_input() -> Vec<JobInput> {
    vec![
        start(),
        completed(),
        failed(transient(), None),
        failed(transient(), Some(at(60))),
        stopped(),
        lost(transient(), None),
        lost(transient(), Some(at(60))),
        abort(),
        JobInput::Cancel,
        JobInput::Pause,
        JobInput::Resume,
        JobInput::Retry,
    ]
}
