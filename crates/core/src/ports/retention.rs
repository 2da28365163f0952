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
    /// Log lines said before this go.
    pub lines_before: Option<DateTime<Utc>>,
    /// So many log lines stay, the last recorded.
    pub lines_max: Option<u64>,
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

/// Forgets.
pub trait Retention: Send + Sync {
    /// Removes about `step` rows that `limits` do not keep, and gives their space back to the system. Facts that a
    /// subscriber may still ask for by their place are then answered with [`HistoryError::Gap`](super::HistoryError::Gap).
    ///
    /// A job that has not ended is not touched, nor is a fact that [`Alerts::advance`](super::Alerts::advance) has not
    /// come to.
    fn prune(&self, limits: RetentionLimits, step: NonZeroUsize) -> Answer<'_, Result<Pruned, StoreUnavailable>>;
}
