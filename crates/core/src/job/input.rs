//! What can happen to a job.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::AttemptNumber;
use crate::progress::Progress;

/// Something that happens to a job: a message from one of its attempts, or a person's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobInput {
    /// The queue gives the job a place. Whether its time has come is the queue's to know: a clock that was set back must
    /// not hold a job that was due.
    Start {
        /// The number that the pending state announced.
        attempt: AttemptNumber,
    },
    /// The attempt has put its target in place.
    Completed {
        /// The attempt.
        attempt: AttemptNumber,
        /// Its final counts.
        progress: Progress,
    },
    /// The attempt ended by itself with a failure.
    Failed {
        /// The attempt.
        attempt: AttemptNumber,
        /// Why.
        failure: Failure,
        /// Its last reading, where there is one.
        progress: Option<Progress>,
        /// When to try again, by the retry policy; only for a failure that is transient.
        retry_at: Option<DateTime<Utc>>,
    },
    /// The runner stopped because it was asked to.
    Stopped {
        /// The attempt.
        attempt: AttemptNumber,
        /// Its last reading, where there is one.
        progress: Option<Progress>,
    },
    /// The runner is gone and left no outcome: it crashed, was killed, or went down with the server.
    Lost {
        /// The attempt.
        attempt: AttemptNumber,
        /// How it went, as far as that is known.
        failure: Failure,
        /// Its last reading, where there is one.
        progress: Option<Progress>,
        /// When to try again, by the retry policy; only for a failure that is transient.
        retry_at: Option<DateTime<Utc>>,
    },
    /// The attempt went beyond a limit, such as its time, and has to stop.
    Abort {
        /// The attempt.
        attempt: AttemptNumber,
        /// Which limit, and what to do about it.
        failure: Failure,
    },
    /// End the job for good.
    Cancel,
    /// Hold the job between two batches.
    Pause,
    /// Let a held job go on.
    Resume,
    /// Try an ended job again, as a new attempt.
    Retry,
}

impl JobInput {
    /// The attempt that a message speaks of; `None` for a person's command, which means the job as it is.
    pub fn attempt(&self) -> Option<AttemptNumber> {
        match self {
            Self::Start { attempt }
            | Self::Completed { attempt, .. }
            | Self::Failed { attempt, .. }
            | Self::Stopped { attempt, .. }
            | Self::Lost { attempt, .. }
            | Self::Abort { attempt, .. } => Some(*attempt),
            Self::Cancel | Self::Pause | Self::Resume | Self::Retry => None,
        }
    }

    /// The input's name, without its data.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Start { .. } => Cause::Start,
            Self::Completed { .. } => Cause::Completed,
            Self::Failed { .. } => Cause::Failed,
            Self::Stopped { .. } => Cause::Stopped,
            Self::Lost { .. } => Cause::Lost,
            Self::Abort { .. } => Cause::Abort,
            Self::Cancel => Cause::Cancel,
            Self::Pause => Cause::Pause,
            Self::Resume => Cause::Resume,
            Self::Retry => Cause::Retry,
        }
    }
}

/// Why a job moved: the name of the input, or `submit` for the job's first fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The job was made.
    Submit,
    /// The queue gave it a place.
    Start,
    /// The attempt put its target in place.
    Completed,
    /// The attempt ended with a failure.
    Failed,
    /// The runner stopped as asked.
    Stopped,
    /// The runner went away without an outcome.
    Lost,
    /// The attempt went beyond a limit.
    Abort,
    /// A person ended it.
    Cancel,
    /// A person held it.
    Pause,
    /// A person let it go on.
    Resume,
    /// A person had it tried again.
    Retry,
}

impl Cause {
    /// When this can happen to a job, for the text of a refusal.
    pub(super) fn precondition(self) -> &'static str {
        match self {
            Self::Submit => "a job is submitted once",
            Self::Start => "only a PENDING job can be started",
            Self::Completed | Self::Failed | Self::Lost => "only an attempt that has a runner can end",
            Self::Stopped => "only a runner that was asked to stop can be said to have stopped",
            Self::Abort => "only a job that moves rows can go beyond a limit",
            Self::Cancel => "only a job that has not ended can be cancelled",
            Self::Pause => "only a RUNNING job that was not asked to stop can be paused",
            Self::Resume => "only a PAUSED job that was not cancelled can be resumed",
            Self::Retry => "only a FAILED or CANCELLED job can be tried again",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Submit => "submit",
            Self::Start => "start",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
            Self::Abort => "abort",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
        })
    }
}
