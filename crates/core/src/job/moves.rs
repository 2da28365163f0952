//! Every legal move of a job, in one place: a plain function from a state and an input to the next state. The matches
//! below name each input for each state, so that a new input does not compile before its place is decided.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::input::{Cause, JobInput};
use super::state::{AttemptRun, HeldRunner, JobState, JobStatus, Stop, Wait};
use crate::failure::Failure;
use crate::ids::AttemptNumber;
use crate::progress::Progress;

/// A job moved: what is recorded, and then told. It carries the whole state that it led to, so the last fact of a job
/// says all about it, and a replayed fact says the same as it said live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFact {
    /// Where the job was; `None` for a new job. Equal to the status of `state` where only its data changed.
    pub from: Option<JobStatus>,
    /// What moved it.
    pub cause: Cause,
    /// Where it is now; [`JobState::since`] says since when.
    pub state: JobState,
}

/// What an input did: record `facts`, and hold `state` once they are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where the job is now.
    pub state: JobState,
    /// What is to be recorded. Empty where what was asked for is under way already, as when a job is cancelled twice.
    pub facts: Vec<JobFact>,
}

/// An input that does not fit the state of its job. The job stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalMove {
    /// The state has no such move.
    #[error("{cause} does not fit a job that is {state}: {}", cause.precondition())]
    NotNow {
        /// What was tried.
        cause: Cause,
        /// The job's state, in words.
        state: &'static str,
    },
    /// A message from an attempt that was superseded, or never begun.
    #[error("attempt {given} is not the job's attempt {current}: end the runner of attempt {given}")]
    OtherAttempt {
        /// The attempt that the message speaks of.
        given: AttemptNumber,
        /// The job's attempt.
        current: AttemptNumber,
    },
    /// A retry was planned for a failure that trying again cannot mend.
    #[error("failure {code} is not transient, so a retry cannot succeed: end the job with it")]
    NotTransient {
        /// The failure's code.
        code: String,
    },
}

impl JobFact {
    /// The first fact of a job that was just made. It waits for a place, or first until `not_before`.
    pub fn submitted(at: DateTime<Utc>, not_before: Option<DateTime<Utc>>) -> Self {
        let wait = not_before.map_or(Wait::Slot, |not_before| Wait::Delay { not_before });
        let state = JobState::Pending { attempt: AttemptNumber::FIRST, since: at, wait };
        Self { from: None, cause: Cause::Submit, state }
    }
}

impl JobState {
    /// What `input` does to the job at the time `at`.
    ///
    /// Where the clock was set back, so that `at` lies before the job's last change, the move is taken to happen at the
    /// time of that change: a job's times never go back, and no duration is negative.
    ///
    /// # Errors
    /// The state has no such move, the message comes from another attempt than the job's, or a retry is planned for a
    /// failure that is not transient.
    pub fn apply(&self, input: JobInput, at: DateTime<Utc>) -> Result<Step, IllegalMove> {
        let (cause, at) = (input.cause(), at.max(self.since()));
        let current = self.attempt();
        if let Some(given) = input.attempt().filter(|given| *given != current) {
            return Err(IllegalMove::OtherAttempt { given, current });
        }
        if let JobInput::Failed { failure, retry_at: Some(_), .. } | JobInput::Lost { failure, retry_at: Some(_), .. } =
            &input
            && !failure.kind.is_retryable()
        {
            return Err(IllegalMove::NotTransient { code: failure.code.clone() });
        }
        let next = match self {
            Self::Pending { .. } => from_pending(current, input, at),
            Self::Running { started_at, stop, .. } => {
                let attempt = Attempt { number: current, started_at: *started_at, at };
                match stop {
                    None => from_running(attempt, input),
                    Some(stop) => from_stopping(self, attempt, stop, input),
                }
            }
            Self::Paused { started_at, runner, .. } => {
                let attempt = Attempt { number: current, started_at: *started_at, at };
                match runner {
                    HeldRunner::Waiting => from_waiting(attempt, input),
                    HeldRunner::Stopping => from_stopping(self, attempt, &Stop::Cancel, input),
                    HeldRunner::Gone { progress, .. } => from_gone(attempt, *progress, input),
                }
            }
            Self::Failed { .. } | Self::Cancelled { .. } => from_unsuccessful(current, input, at),
            Self::Completed { .. } => None,
        };
        let state = next.ok_or(IllegalMove::NotNow { cause, state: self.in_words() })?;
        let facts = match state == *self {
            true => Vec::new(),
            false => vec![JobFact { from: Some(self.status()), cause, state: state.clone() }],
        };
        Ok(Step { state, facts })
    }

    fn in_words(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "PENDING",
            Self::Running { stop: None, .. } => "RUNNING",
            Self::Running { stop: Some(_), .. } => "RUNNING and was asked to stop",
            Self::Paused { runner: HeldRunner::Waiting, .. } => "PAUSED",
            Self::Paused { runner: HeldRunner::Stopping, .. } => "PAUSED and was cancelled",
            Self::Paused { runner: HeldRunner::Gone { .. }, .. } => "PAUSED and has no runner",
            Self::Completed { .. } => "COMPLETED",
            Self::Failed { .. } => "FAILED",
            Self::Cancelled { .. } => "CANCELLED",
        }
    }
}

// Below, `None` is "no such move". Messages have been checked to speak of the job's own attempt.

fn from_pending(number: AttemptNumber, input: JobInput, at: DateTime<Utc>) -> Option<JobState> {
    use JobInput::*;
    Some(match input {
        Start { .. } => JobState::Running { attempt: number, started_at: at, since: at, stop: None },
        Cancel => JobState::Cancelled { attempt: number, finished_at: at, run: None },
        Completed { .. } | Failed { .. } | Stopped { .. } | Lost { .. } | Abort { .. } => return None,
        Pause | Resume | Retry => return None,
    })
}

fn from_running(attempt: Attempt, input: JobInput) -> Option<JobState> {
    use JobInput::*;
    Some(match input {
        Completed { progress, .. } => attempt.completed(progress),
        Failed { failure, progress, retry_at, .. } | Lost { failure, progress, retry_at, .. } => match retry_at {
            Some(retry_at) => attempt.tried_again(failure, progress, retry_at),
            None => attempt.failed(failure, progress),
        },
        Abort { failure, .. } => attempt.stopping(Stop::Abort { failure }),
        Cancel => attempt.stopping(Stop::Cancel),
        Pause => attempt.paused(HeldRunner::Waiting),
        Start { .. } | Stopped { .. } | Resume | Retry => return None,
    })
}

/// The first reason to stop stays. A target that was put in place in spite of it is in place, and a failure of the
/// attempt's own is told as it is; but nothing that was asked to stop is tried again.
fn from_stopping(state: &JobState, attempt: Attempt, stop: &Stop, input: JobInput) -> Option<JobState> {
    use JobInput::*;
    Some(match input {
        Completed { progress, .. } => attempt.completed(progress),
        Failed { failure, progress, .. } => attempt.failed(failure, progress),
        Stopped { progress, .. } | Lost { progress, .. } => match stop {
            Stop::Cancel => attempt.cancelled(progress),
            Stop::Abort { failure } => attempt.failed(failure.clone(), progress),
        },
        Abort { .. } | Cancel => state.clone(),
        Start { .. } | Pause | Resume | Retry => return None,
    })
}

/// A paused job waits for its person even where its attempt could be tried again, so no retry takes it out of the pause.
/// It can still complete: it may have been past its last batch when it was paused.
fn from_waiting(attempt: Attempt, input: JobInput) -> Option<JobState> {
    use JobInput::*;
    Some(match input {
        Completed { progress, .. } => attempt.completed(progress),
        Failed { failure, progress, retry_at: None, .. } => attempt.failed(failure, progress),
        Failed { failure, progress, retry_at: Some(_), .. } | Lost { failure, progress, .. } => {
            attempt.paused(HeldRunner::Gone { failure, progress })
        }
        Resume => attempt.running(None),
        Cancel => attempt.paused(HeldRunner::Stopping),
        Start { .. } | Stopped { .. } | Abort { .. } | Pause | Retry => return None,
    })
}

fn from_gone(attempt: Attempt, progress: Option<Progress>, input: JobInput) -> Option<JobState> {
    use JobInput::*;
    Some(match input {
        Resume => queued_again(attempt.number, attempt.at),
        Cancel => attempt.cancelled(progress),
        Start { .. } | Completed { .. } | Failed { .. } | Stopped { .. } | Lost { .. } | Abort { .. } => return None,
        Pause | Retry => return None,
    })
}

fn from_unsuccessful(last: AttemptNumber, input: JobInput, at: DateTime<Utc>) -> Option<JobState> {
    use JobInput::*;
    Some(match input {
        Retry => queued_again(last, at),
        Start { .. } | Completed { .. } | Failed { .. } | Stopped { .. } | Lost { .. } | Abort { .. } => return None,
        Cancel | Pause | Resume => return None,
    })
}

/// Waits for a place for the attempt after `last`, at a person's wish, so without a delay.
fn queued_again(last: AttemptNumber, at: DateTime<Utc>) -> JobState {
    JobState::Pending { attempt: last.next(), since: at, wait: Wait::Slot }
}

/// An attempt that began, and the time of the move that it makes.
#[derive(Clone, Copy)]
struct Attempt {
    number: AttemptNumber,
    started_at: DateTime<Utc>,
    at: DateTime<Utc>,
}

impl Attempt {
    fn running(self, stop: Option<Stop>) -> JobState {
        JobState::Running { attempt: self.number, started_at: self.started_at, since: self.at, stop }
    }

    fn stopping(self, stop: Stop) -> JobState {
        self.running(Some(stop))
    }

    fn paused(self, runner: HeldRunner) -> JobState {
        JobState::Paused { attempt: self.number, started_at: self.started_at, since: self.at, runner }
    }

    fn completed(self, progress: Progress) -> JobState {
        JobState::Completed { attempt: self.number, started_at: self.started_at, finished_at: self.at, progress }
    }

    fn failed(self, failure: Failure, progress: Option<Progress>) -> JobState {
        JobState::Failed { attempt: self.number, finished_at: self.at, failure, run: self.run(progress) }
    }

    fn cancelled(self, progress: Option<Progress>) -> JobState {
        JobState::Cancelled { attempt: self.number, finished_at: self.at, run: Some(self.run(progress)) }
    }

    fn tried_again(self, failure: Failure, progress: Option<Progress>, retry_at: DateTime<Utc>) -> JobState {
        let wait = Wait::Retry { retry_at, failure, run: self.run(progress) };
        JobState::Pending { attempt: self.number.next(), since: self.at, wait }
    }

    fn run(self, progress: Option<Progress>) -> AttemptRun {
        AttemptRun { started_at: self.started_at, progress }
    }
}
