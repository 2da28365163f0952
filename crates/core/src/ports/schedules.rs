//! Schedules of pipelines that are kept: what of them was seen to already.

use chrono::{DateTime, Utc};

use super::{Answer, StoreUnavailable};

/// Keeps how far each pipeline's schedule was followed.
pub trait Schedules: Send + Sync {
    /// The last scheduled time of each pipeline that was seen to, by the pipeline's name. A submit with a
    /// [`ScheduledFor`](super::ScheduledFor) moves it in the submit's own transaction.
    #[allow(clippy::type_complexity, reason = "a pair has no better name")]
    fn schedule_marks(&self) -> Answer<'_, Result<Vec<(String, DateTime<Utc>)>, StoreUnavailable>>;

    /// Says that all times up to `at` were seen to, where no job was made of them: the schedule was just made, or its
    /// policy passes over what was missed.
    fn mark_schedule(&self, pipeline: String, at: DateTime<Utc>) -> Answer<'_, Result<(), StoreUnavailable>>;
}
