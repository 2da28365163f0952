//! Reading of what was recorded.

use std::num::NonZeroUsize;

use super::{LogPosition, Recorded, StoreUnavailable};
use crate::ids::{JobId, Offset};
use crate::job::JobState;

/// The jobs that have not ended, and the place in the log at which they were so: who goes on from there with the next
/// fact misses nothing and sees nothing twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last fact that the states below hold.
    pub position: LogPosition,
    /// Every job that has not ended, by id.
    pub jobs: Vec<(JobId, JobState)>,
}

/// Facts that cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The place belongs to another epoch, lies before what is kept, or after the last fact: what happened between it
    /// and now cannot be told one by one.
    #[error(
        "offset {} of epoch {} is not in the log, which holds {} to {} of epoch {}: take a snapshot and go on from there",
        asked.offset, asked.epoch, oldest, newest.offset, newest.epoch
    )]
    Gap {
        /// The place that was asked for.
        asked: LogPosition,
        /// The first offset that can be gone on from.
        oldest: Offset,
        /// The place of the last fact.
        newest: LogPosition,
    },
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Reads what the [`Ledger`](super::Ledger) recorded, and nothing that it has not.
pub trait History: Send + Sync {
    /// A job's state, or `None` where there is no such job.
    fn job(&self, job: JobId) -> impl Future<Output = Result<Option<JobState>, StoreUnavailable>> + Send;

    /// The jobs that have not ended, and the place of the last fact, both of one moment.
    fn snapshot(&self) -> impl Future<Output = Result<Snapshot, StoreUnavailable>> + Send;

    /// The facts after a place, in their order and without holes: at most `limit`; fewer only where the log ends.
    fn facts_after(
        &self,
        place: LogPosition,
        limit: NonZeroUsize,
    ) -> impl Future<Output = Result<Vec<Recorded>, HistoryError>> + Send;
}
