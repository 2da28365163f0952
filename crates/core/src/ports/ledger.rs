//! Recording: the one way by which anything becomes true for others.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Alert, Answer, SettingsChange, SettingsVersion, TargetReport};
use crate::ids::{AttemptNumber, Epoch, JobId, Offset};
use crate::job::{JobDefinition, JobFact, JobHeader, JobPolicy, JobStatus};
use crate::log::LogLine;
use crate::progress::Progress;
use crate::reject::RejectSummary;

/// Something that happened, which is never lost: each fact has one place in one log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "whoever keeps many facts keeps them behind an Arc")]
pub enum Fact {
    /// A job moved.
    Job {
        /// The job.
        job: Arc<JobHeader>,
        /// Its move.
        fact: JobFact,
    },
    /// An attempt said something.
    Log {
        /// The job.
        job: Arc<JobHeader>,
        /// Its attempt.
        attempt: AttemptNumber,
        /// What it said.
        line: LogLine,
    },
    /// Something that a person should know of.
    Alert(Arc<Alert>),
    /// Settings were changed.
    Settings(Arc<SettingsChange>),
}

impl Fact {
    /// The job that moved or spoke; `None` where the fact is one of the whole system.
    pub fn job(&self) -> Option<&Arc<JobHeader>> {
        match self {
            Self::Job { job, .. } | Self::Log { job, .. } => Some(job),
            Self::Alert(_) | Self::Settings(_) => None,
        }
    }
}

/// A place in the log of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogPosition {
    /// The log's life.
    pub epoch: Epoch,
    /// The place in it.
    pub offset: Offset,
}

/// A fact with the place that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place.
    pub offset: Offset,
    /// What happened.
    pub fact: Fact,
}

/// What can be recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A job is accepted; it becomes the fact [`JobFact::submitted`] at the header's time.
    Submit(Box<NewJob>),
    /// A job moves. It becomes a fact.
    Move {
        /// The job.
        job: JobId,
        /// The move.
        fact: JobFact,
        /// What an attempt left, where the move ends one that left something.
        report: Option<AttemptReport>,
    },
    /// An attempt said something. Each line becomes a fact.
    Log {
        /// The job.
        job: JobId,
        /// Its attempt.
        attempt: AttemptNumber,
        /// What was said, in order.
        lines: Vec<LogLine>,
        /// How many bytes of the attempt's spool file hold these lines and all before them. A crash between two
        /// recordings neither loses nor doubles a line, because this and the lines are one transaction.
        spool_bytes: u64,
    },
    /// A reading, which becomes no fact: only the newest counts to who watches. It is kept for charts.
    Sample(Sample),
    /// Something that a person should know of. It becomes a fact.
    Alert(Alert),
    /// Settings were changed. It becomes a fact.
    Settings {
        /// The version that the change is made for.
        expected: SettingsVersion,
        /// All that was changed since the store was made: a JSON object.
        overlay: String,
        /// What is told of it.
        change: SettingsChange,
    },
}

/// A job that is to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What never changes of it.
    pub header: JobHeader,
    /// What its attempts are made from.
    pub definition: JobDefinition,
    /// How it is treated.
    pub policy: JobPolicy,
    /// It is not started before this.
    pub not_before: Option<DateTime<Utc>>,
    /// What tells a submit that is sent again from a second one.
    pub idempotency: Option<IdempotencyKey>,
    /// The time of its pipeline's schedule that it is made for.
    pub scheduled_for: Option<ScheduledFor>,
}

/// What tells a submit that is sent again from a second one. Kept as long as its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The submitter's word for it.
    pub key: String,
    /// A digest of what was submitted: the same key for something else is a mistake.
    pub digest: String,
}

/// A time of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledFor {
    /// The pipeline's name.
    pub pipeline: String,
    /// The time by which it was due.
    pub at: DateTime<Utc>,
}

/// A reading of a running attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The job.
    pub job: JobId,
    /// Its attempt.
    pub attempt: AttemptNumber,
    /// When it was read.
    pub at: DateTime<Utc>,
    /// What was read.
    pub progress: Progress,
    /// Checked rows per second over the last seconds; `None` while too little was seen.
    pub rows_per_second: Option<f64>,
    /// Processor cores in use over the last seconds; `None` while too little was seen.
    pub cores: Option<f64>,
}

/// A sample on its way to those who watch, with what only they need.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What was read.
    pub sample: Sample,
    /// Time until the source is read, by the recent rate; `None` where nothing honest can be said.
    pub eta: Option<Duration>,
    /// Every field and rule that was broken so far, by falling count.
    pub rejects: Arc<[RejectSummary]>,
}

/// What an attempt left when it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptReport {
    /// What it wrote; `None` where it did not complete.
    pub target: Option<TargetReport>,
    /// Every field and rule that was broken, by falling count.
    pub rejects: Vec<RejectSummary>,
    /// The job's own copy of the reject file; `None` where none was written.
    pub reject_file: Option<PathBuf>,
}

/// The store cannot answer now. What was to be recorded is not; who asked keeps it and asks again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot be used: {message}: {remedy}")]
pub struct StoreUnavailable {
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
}

/// Changes that were not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A job is not where the fact says that it came from: somebody else moved it. Read it again and decide anew.
    #[error("job {job} should be {}, but is {}: read it and decide anew", word(.expected), word(.found))]
    Conflict {
        /// The job.
        job: JobId,
        /// Where the fact says that it came from; `None` for a job that is to be made.
        expected: Option<JobStatus>,
        /// Where it is; `None` where there is no such job.
        found: Option<JobStatus>,
    },
    /// A submit with this key was accepted before.
    #[error(
        "the idempotency key {key:?} was used for job {job} {}",
        if *.is_same { "already" } else { "and another submit: use a new key for a new job" }
    )]
    Duplicate {
        /// The key.
        key: String,
        /// The job that it was accepted as.
        job: JobId,
        /// Whether the same was submitted.
        is_same: bool,
    },
    /// Somebody else changed the settings in between.
    #[error("the settings are at version {current}, not {expected}: read them and change them anew")]
    StaleSettings {
        /// The version that the change was made for.
        expected: SettingsVersion,
        /// The version that holds.
        current: SettingsVersion,
    },
    /// The store will never take one of the changes, because it cannot be true. Asking again is of no use.
    #[error("the store refuses what was to be recorded: {0}: please report it with the version")]
    Refused(String),
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

fn word(status: &Option<JobStatus>) -> String {
    status.map_or_else(|| "absent".to_owned(), |status| status.to_string())
}

/// Records, then tells.
pub trait Ledger: Send + Sync {
    /// Records `changes` in their order, all or none, and gives the place of the last fact of all.
    ///
    /// When the answer is `Ok`, the facts are on disk and survive a crash, and only then does any subscriber see them.
    /// Offsets within an epoch have no holes: the facts of one call follow one another, and the facts of the next call
    /// follow them. A move is refused where the job is not in the status that it comes from, or where its attempt is
    /// lower than the job's, so that a superseded writer changes nothing; a submit where there is such a job; a log or a
    /// sample where there is none. An empty list records nothing.
    ///
    /// Whoever stops waiting for the answer does not know whether the changes are recorded.
    fn record(&self, changes: Vec<Change>) -> Answer<'_, Result<LogPosition, LedgerError>>;
}
