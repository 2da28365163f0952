//! What people ask of jobs.

use etlplus_core::ids::JobId;
use etlplus_core::job::{JobInput, JobState};
use etlplus_core::ports::{JobRecord, LedgerError};

use super::managed::Managed;
use super::{ApplyError, Manager};
use crate::jobs::CommandError;

/// How many jobs may be paused with a living runner, for each place. A paused job gives its place away and keeps its memory:
/// with one for each place, there are never more runners than twice the places, nor more jobs at work when all paused ones
/// are resumed, since none is started while all places are taken.
const PAUSED_PER_PLACE: usize = 1;

/// What is to become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// End it.
    Cancel,
    /// Hold it between two batches.
    Pause,
    /// Let it go on.
    Resume,
    /// Try it again.
    Retry,
}

impl Order {
    /// What the core decides by.
    pub(crate) fn input(self) -> JobInput {
        match self {
            Self::Cancel => JobInput::Cancel,
            Self::Pause => JobInput::Pause,
            Self::Resume => JobInput::Resume,
            Self::Retry => JobInput::Retry,
        }
    }
}

impl Manager {
    /// Follows an order: recorded first, then told to the runner.
    ///
    /// # Errors
    /// [`CommandError::Unknown`] also for a job that was recorded a moment ago, and of which the manager is about to hear.
    pub(super) async fn order(&mut self, id: JobId, order: Order) -> Result<JobRecord, CommandError> {
        if order == Order::Retry && !self.jobs.contains_key(&id) {
            self.take_up_ended(id).await?;
        }
        let Some(job) = self.jobs.get(&id) else { return Err(CommandError::Unknown) };
        // Where a pause means nothing, the core says so.
        if order == Order::Pause && matches!(job.state, JobState::Running { stop: None, .. }) {
            self.ensure_may_pause()?;
        }
        let applied = self.apply(id, order.input(), None).await;
        let now = self.context.moment();
        let Some(job) = self.jobs.get_mut(&id) else { return Err(CommandError::Unknown) };
        let record = job.record();
        match (applied, &mut job.attempt) {
            (Ok(_), Some(running)) => match order {
                Order::Cancel => running.stop(),
                Order::Pause => running.pause(now),
                Order::Resume => running.resume(now),
                Order::Retry => {}
            },
            (Ok(_), None) => {}
            (Err(error), _) => {
                self.forget_ended(id);
                return Err(match error {
                    ApplyError::Illegal(error) => CommandError::Illegal(error),
                    ApplyError::Ledger(LedgerError::Unavailable(error)) => CommandError::Unavailable(error),
                    ApplyError::Ledger(error) => CommandError::Refused(error.to_string()),
                });
            }
        }
        self.forget_ended(id);
        Ok(record)
    }

    /// # Errors
    /// As many runners of paused jobs live as may.
    fn ensure_may_pause(&self) -> Result<(), CommandError> {
        let paused = self.jobs.values().filter(|job| job.is_held()).count();
        let max = self.places() * PAUSED_PER_PLACE;
        if paused < max { Ok(()) } else { Err(CommandError::PausedFull { paused, max }) }
    }

    /// Takes a job in hand that has ended.
    async fn take_up_ended(&mut self, id: JobId) -> Result<(), CommandError> {
        let record = self.context.history.job(id).await?.ok_or(CommandError::Unknown)?;
        if record.state.status().is_terminal() {
            self.jobs.insert(id, Managed::new(&record, self.context.moment()));
        }
        Ok(())
    }
}
