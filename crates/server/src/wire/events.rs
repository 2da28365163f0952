//! The moves of a job, and the attempts that they tell of.

use etlplus_api::{AttemptInfo, AttemptOutcome, JobEvent};
use etlplus_core::ids::Offset;
use etlplus_core::job::{Cause, HeldRunner, JobFact, JobState, Wait};

use super::job::retry_at;
use super::status;
use super::words::failure;

/// A move with its place.
pub(crate) fn event(offset: Offset, fact: &JobFact) -> JobEvent {
    JobEvent {
        offset: offset.get(),
        timestamp: fact.state.since(),
        cause: fact.cause.to_string(),
        status: status(fact.state.status()),
        previous_status: fact.from.map(status),
        attempt: fact.state.attempt().get(),
        failure: fact.state.failure().map(failure),
        retry_at: retry_at(&fact.state),
    }
}

/// The attempts that began in `moves`, which are in order.
pub(crate) fn attempts<'a>(moves: impl Iterator<Item = &'a JobFact>) -> Vec<AttemptInfo> {
    let mut attempts: Vec<AttemptInfo> = Vec::new();
    for fact in moves {
        if let (Cause::Start, JobState::Running { attempt, started_at, .. }) = (fact.cause, &fact.state) {
            let (attempt, start_time) = (attempt.get(), *started_at);
            attempts.push(AttemptInfo { attempt, start_time, end_time: None, outcome: None, failure: None });
        }
        let Some(last) = attempts.last_mut().filter(|last| last.end_time.is_none()) else { continue };
        if let Some(outcome) = outcome(&fact.state) {
            last.end_time = Some(fact.state.since());
            last.outcome = Some(outcome);
            last.failure = fact.state.failure().map(failure).filter(|_| outcome == AttemptOutcome::Failed);
        }
    }
    attempts
}

/// How a job's attempt ended, in a state that follows its end; `None` where one runs, or is held, on.
fn outcome(state: &JobState) -> Option<AttemptOutcome> {
    match state {
        JobState::Completed { .. } => Some(AttemptOutcome::Completed),
        JobState::Failed { .. }
        | JobState::Pending { wait: Wait::Retry { .. }, .. }
        | JobState::Paused { runner: HeldRunner::Gone { .. }, .. } => Some(AttemptOutcome::Failed),
        JobState::Cancelled { .. } => Some(AttemptOutcome::Cancelled),
        JobState::Pending { .. } | JobState::Running { .. } | JobState::Paused { .. } => None,
    }
}
