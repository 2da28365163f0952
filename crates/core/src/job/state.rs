//! What a job is at one moment. Each state holds what must be known in it, so that "failed without a failure" and
//! "finished without a time" cannot be said.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::AttemptNumber;
use crate::progress::Progress;

/// A job's state, with its data. It changes only by [`JobState::apply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum JobState {
    /// Waits in the queue.
    Pending {
        /// The number that the next attempt will have.
        attempt: AttemptNumber,
        /// When it began to wait.
        since: DateTime<Utc>,
        /// What it waits for.
        wait: Wait,
    },
    /// An attempt moves rows.
    Running {
        /// The attempt.
        attempt: AttemptNumber,
        /// When the attempt began.
        started_at: DateTime<Utc>,
        /// When the job last changed: it started, was resumed, or was asked to stop.
        since: DateTime<Utc>,
        /// Why the runner was asked to stop, if it was. The job runs until the runner is seen to be gone, since the
        /// target may be replaced up to that moment.
        stop: Option<Stop>,
    },
    /// Held between two batches by a person.
    Paused {
        /// The attempt that was held.
        attempt: AttemptNumber,
        /// When the attempt began.
        started_at: DateTime<Utc>,
        /// When the job last changed: it was paused, lost its runner, or was asked to stop.
        since: DateTime<Utc>,
        /// What became of the runner.
        runner: HeldRunner,
    },
    /// The target holds the new rows.
    Completed {
        /// The attempt whose effects count.
        attempt: AttemptNumber,
        /// When the attempt began.
        started_at: DateTime<Utc>,
        /// When it ended.
        finished_at: DateTime<Utc>,
        /// Its final counts.
        progress: Progress,
    },
    /// The target is as it was, and nothing more will be tried unless a person asks for it.
    Failed {
        /// The last attempt.
        attempt: AttemptNumber,
        /// When it ended.
        finished_at: DateTime<Utc>,
        /// Why.
        failure: Failure,
        /// What the attempt did until then.
        run: AttemptRun,
    },
    /// Ended by a person; the target is as it was.
    Cancelled {
        /// The attempt that was stopped, or the one that was to come.
        attempt: AttemptNumber,
        /// When the job ended.
        finished_at: DateTime<Utc>,
        /// What the attempt did until then; `None` where it never began.
        run: Option<AttemptRun>,
    },
}

/// What a pending job waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[allow(clippy::large_enum_variant, reason = "states are few, and short-lived where they are copied")]
pub enum Wait {
    /// A free place among the running jobs.
    Slot,
    /// The time that its submitter chose.
    Delay {
        /// Not before this.
        not_before: DateTime<Utc>,
    },
    /// The next try after a transient failure.
    Retry {
        /// Not before this.
        retry_at: DateTime<Utc>,
        /// Why the last attempt ended.
        failure: Failure,
        /// What the last attempt did.
        run: AttemptRun,
    },
}

impl Wait {
    /// The time before which the job must not start, where there is one.
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Slot => None,
            Self::Delay { not_before } => Some(*not_before),
            Self::Retry { retry_at, .. } => Some(*retry_at),
        }
    }
}

/// Why a runner was asked to stop, which decides what its job becomes once it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Stop {
    /// A person cancelled the job.
    Cancel,
    /// The job went beyond a limit, such as its time.
    Abort {
        /// Which limit, and what to do about it.
        failure: Failure,
    },
}

/// What became of a paused job's runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "states are few, and short-lived where they are copied")]
pub enum HeldRunner {
    /// It waits between two batches and can go on.
    Waiting,
    /// The job was cancelled; the runner was asked to stop.
    Stopping,
    /// It went away, as in a restart of the server: to resume is to begin a new attempt.
    Gone {
        /// Why.
        failure: Failure,
        /// Its last reading, where it gave one.
        progress: Option<Progress>,
    },
}

/// What an attempt did that left the target as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRun {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Its last reading, where it gave one.
    pub progress: Option<Progress>,
}

/// A job's state without its data: the word on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// Waits in the queue.
    Pending,
    /// An attempt moves rows.
    Running,
    /// Held by a person.
    Paused,
    /// The target holds the new rows.
    Completed,
    /// Ended by a failure.
    Failed,
    /// Ended by a person.
    Cancelled,
}

impl JobStatus {
    /// Whether the job has ended. Only a retry by hand leads out of such a state.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        })
    }
}

impl JobState {
    /// The state without its data.
    pub fn status(&self) -> JobStatus {
        match self {
            Self::Pending { .. } => JobStatus::Pending,
            Self::Running { .. } => JobStatus::Running,
            Self::Paused { .. } => JobStatus::Paused,
            Self::Completed { .. } => JobStatus::Completed,
            Self::Failed { .. } => JobStatus::Failed,
            Self::Cancelled { .. } => JobStatus::Cancelled,
        }
    }

    /// The current attempt, or the next one of a job that waits.
    pub fn attempt(&self) -> AttemptNumber {
        match self {
            Self::Pending { attempt, .. }
            | Self::Running { attempt, .. }
            | Self::Paused { attempt, .. }
            | Self::Completed { attempt, .. }
            | Self::Failed { attempt, .. }
            | Self::Cancelled { attempt, .. } => *attempt,
        }
    }

    /// When the job last changed.
    pub fn since(&self) -> DateTime<Utc> {
        match self {
            Self::Pending { since, .. } | Self::Running { since, .. } | Self::Paused { since, .. } => *since,
            Self::Completed { finished_at, .. }
            | Self::Failed { finished_at, .. }
            | Self::Cancelled { finished_at, .. } => *finished_at,
        }
    }

    /// Why the job failed, or why its last attempt did where another is to come.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure, .. }
            | Self::Pending { wait: Wait::Retry { failure, .. }, .. }
            | Self::Running { stop: Some(Stop::Abort { failure }), .. }
            | Self::Paused { runner: HeldRunner::Gone { failure, .. }, .. } => Some(failure),
            Self::Pending { .. }
            | Self::Running { .. }
            | Self::Paused { .. }
            | Self::Completed { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// How long the current attempt has taken by the wall clock, its pauses included; of an ended job, how long its last
    /// attempt took. `None` where no attempt began. A clock that was set back gives zero, never less.
    pub fn execution_time(&self, now: DateTime<Utc>) -> Option<Duration> {
        let (start, end) = match self {
            Self::Pending { .. } => return None,
            Self::Running { started_at, .. } | Self::Paused { started_at, .. } => (*started_at, now),
            Self::Completed { started_at, finished_at, .. } => (*started_at, *finished_at),
            Self::Failed { run, finished_at, .. } => (run.started_at, *finished_at),
            Self::Cancelled { run, finished_at, .. } => (run.as_ref()?.started_at, *finished_at),
        };
        Some((end - start).to_std().unwrap_or_default())
    }
}
