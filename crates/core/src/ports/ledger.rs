//! Recording of facts: the one way by which anything becomes true for others.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Alert, SettingsVersion};
use crate::ids::{Epoch, JobId, Offset};
use crate::job::{JobFact, JobStatus};

/// Something that happened, which is never lost: each fact has one place in one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// A job moved.
    Job {
        /// The job.
        job: JobId,
        /// Its move.
        fact: JobFact,
    },
    /// An alert began or ended.
    Alert {
        /// The alert as it is now.
        alert: Alert,
    },
    /// The settings were changed.
    Settings {
        /// The version that holds from now on.
        version: SettingsVersion,
        /// When.
        at: DateTime<Utc>,
    },
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its place.
    pub offset: Offset,
    /// What happened.
    pub fact: Fact,
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

/// Facts that were not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A job is not where the fact says that it came from: somebody else moved it. Read it again and decide anew.
    #[error("job {job} should be {}, but is {}: read it and decide anew", word(.expected), word(.found))]
    Conflict {
        /// The job.
        job: JobId,
        /// Where the fact says that it came from.
        expected: Option<JobStatus>,
        /// Where it is; `None` where there is no such job.
        found: Option<JobStatus>,
    },
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

fn word(status: &Option<JobStatus>) -> String {
    status.map_or_else(|| "absent".to_owned(), |status| status.to_string())
}

/// Records, then tells.
pub trait Ledger: Send + Sync {
    /// Records `facts` in their order, all or none, and gives the place of the last one.
    ///
    /// When the answer is `Ok`, the facts are on disk and survive a crash, and only then does any subscriber see them.
    /// Offsets within an epoch have no holes: the facts of one call follow one another, and the facts of the next call
    /// follow them. A job fact is refused where the job is not in the status that the fact comes from, or where its
    /// attempt is lower than the job's, so that a superseded writer changes nothing. An empty list records nothing and
    /// gives the place of the last fact of all.
    fn record(&self, facts: Vec<Fact>) -> impl Future<Output = Result<LogPosition, LedgerError>> + Send;
}
