//! Forgetting what is old, in steps that are too small to be noticed.

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};

use super::{Answer, StoreUnavailable};

/// What may be removed. `None` leaves all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionLimits {
    /// Jobs that ended before this go, with all that is theirs.
    pub jobs_before: Option<DateTime<Utc>>,
    /// Of the jobs that have ended so many stay, the last accepted.
    pub jobs_max: Option<u64>,
    /// Log lines said before this go. What is sealed goes as a whole, once its last line is so old.
    pub lines_before: Option<DateTime<Utc>>,
    /// About so many log lines stay, the last recorded: what is sealed goes as a whole, where as many stay without it.
    pub lines_max: Option<u64>,
    /// Sealed log lines take at most so many bytes in the store, the last recorded.
    pub log_bytes_max: Option<u64>,
    /// The same of each job.
    pub job_log_bytes_max: Option<u64>,
    /// Log lines of attempts that have said nothing since then are sealed: packed together, where they take less space.
    pub seal_before: Option<DateTime<Utc>>,
    /// Readings made before this go.
    pub samples_before: Option<DateTime<Utc>>,
    /// So many readings stay, the last made.
    pub samples_max: Option<u64>,
}

/// What one step removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Jobs.
    pub jobs: u64,
    /// Log lines, those of the jobs among them.
    pub lines: u64,
    /// Readings, those of the jobs among them.
    pub samples: u64,
    /// Alerts.
    pub alerts: u64,
    /// Whether there may be more to remove.
    pub more: bool,
}

/// Forgets, and packs what is kept.
pub trait Retention: Send + Sync {
    /// Removes about `step` rows that `limits` do not keep, and gives their space back to the system; then seals what is to
    /// be. Facts that a
    /// subscriber may still ask for by their place are then answered with [`HistoryError::Gap`](super::HistoryError::Gap).
    ///
    /// A job that has not ended is not touched, nor is a fact that [`Alerts::advance`](super::Alerts::advance) has not
    /// come to.
    fn prune(&self, limits: RetentionLimits, step: NonZeroUsize) -> Answer<'_, Result<Pruned, StoreUnavailable>>;
}
