//! What the scheduler and the handle have in common.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use etlplus_core::pipeline::{CatchUp, Overlap};
use tokio::sync::Notify;

/// A schedule that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleInfo {
    /// The pipeline's name.
    pub pipeline: String,
    /// The cron line.
    pub cron: String,
    /// The time zone in which it is read.
    pub timezone: String,
    /// What becomes of times at which no server ran.
    pub catch_up: CatchUp,
    /// What becomes of a time at which an earlier job of the pipeline has not ended.
    pub overlap: Overlap,
    /// The next time; `None` only beyond the years that the calendar knows.
    pub next: Option<DateTime<Utc>>,
    /// The last time that was seen to: its job was made, or it was passed over.
    pub last: Option<DateTime<Utc>>,
}

/// The board on which the scheduler shows what it follows, and the bell by which it is woken.
#[derive(Debug, Default)]
pub(crate) struct Board {
    changed: Notify,
    shown: Mutex<Vec<ScheduleInfo>>,
}

impl Board {
    /// Wakes the scheduler, or keeps it from its next sleep.
    pub(crate) fn pipelines_changed(&self) {
        self.changed.notify_one();
    }

    /// Waits to be woken.
    pub(super) async fn woken(&self) {
        self.changed.notified().await;
    }

    /// What the scheduler showed last.
    pub(crate) fn shown(&self) -> Vec<ScheduleInfo> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows what is followed.
    pub(super) fn show(&self, schedules: Vec<ScheduleInfo>) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = schedules;
    }
}
