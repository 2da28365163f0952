//! A schedule that is followed: which of its times are due, decided from its arguments alone.

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::pipeline::{CatchUp, Overlap, Schedule};
use etlplus_core::ports::StoredPipeline;

use super::ScheduleInfo;

/// A time that is seen later than this was missed: the scheduler looks at least twice as often.
const LATE: TimeDelta = TimeDelta::seconds(60);

/// A pipeline with its schedule.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    pub(super) stored: StoredPipeline,
    pub(super) schedule: Schedule,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DueTimes {
    /// The times up to this one get no job.
    pub(super) passed_over: Option<DateTime<Utc>>,
    /// This one gets a job.
    pub(super) now: Option<DateTime<Utc>>,
}

impl Followed {
    /// What is due at `now` of the times after `done`.
    pub(super) fn due(&self, done: DateTime<Utc>, now: DateTime<Utc>) -> DueTimes {
        let due = match self.schedule.catch_up {
            CatchUp::All => self.schedule.next_after(done).filter(|next| *next <= now),
            CatchUp::Latest | CatchUp::None => self.schedule.last_until(done, now),
        };
        let is_missed = |at: &DateTime<Utc>| self.schedule.catch_up == CatchUp::None && now - at > LATE;
        match due {
            Some(at) if is_missed(&at) => DueTimes { passed_over: Some(at), now: None },
            due => DueTimes { passed_over: None, now: due },
        }
    }

    /// Whether no job is made while an earlier one has not ended.
    pub(super) fn skips_overlap(&self) -> bool {
        self.schedule.overlap == Overlap::Skip
    }

    /// The schedule as it is shown.
    pub(super) fn info(&self, last: Option<DateTime<Utc>>, next: Option<DateTime<Utc>>) -> ScheduleInfo {
        ScheduleInfo {
            pipeline: self.stored.name.clone(),
            cron: self.schedule.cron().to_owned(),
            timezone: self.schedule.timezone().to_owned(),
            catch_up: self.schedule.catch_up,
            overlap: self.schedule.overlap,
            next,
            last,
        }
    }
}
