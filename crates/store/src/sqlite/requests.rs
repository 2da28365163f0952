//! What the writer can be asked for: a variant for each, which knows who is to be answered.

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};
use etlplus_core::access::TokenId;
use etlplus_core::ports::{
    Change, CreateTokenError, LedgerError, LogPosition, Pruned, RetentionLimits, Rules, StoreUnavailable,
    StoredPipeline, TokenRecord,
};
use tokio::sync::oneshot;

use super::alerts::Settled;
use super::batch::{self, Batch, Refused};
use super::error::{Reach, error_text, reach, unavailable};

/// Something that the writer is asked to do.
pub(super) enum Request {
    Record(Asked<Vec<Change>, LogPosition, LedgerError>),
    PutPipeline(Asked<StoredPipeline, StoredPipeline, StoreUnavailable>),
    CreateToken(Asked<TokenRecord, (), CreateTokenError>),
    RevokeToken(Asked<(TokenId, DateTime<Utc>), Option<TokenRecord>, StoreUnavailable>),
    MarkSchedule(Asked<(String, DateTime<Utc>), (), StoreUnavailable>),
    Advance(Asked<(Rules, NonZeroUsize), usize, StoreUnavailable>),
    SettleDelivery(Asked<Settled, (), StoreUnavailable>),
    Prune(Asked<(RetentionLimits, NonZeroUsize), Pruned, StoreUnavailable>),
}

/// Work, and whom to answer once what became of it is on disk.
pub(super) struct Asked<W, T, E> {
    work: Option<W>,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<W, T, E: From<StoreUnavailable>> Asked<W, T, E> {
    pub(super) fn new(work: W, answer: oneshot::Sender<Result<T, E>>) -> Self {
        Self { work: Some(work), outcome: None, answer }
    }

    fn take(&mut self) -> W {
        self.work.take().expect("a request is written once")
    }

    /// Notes what became of the work, and says whether it is done. `refusal` says to who asked what the tables never take.
    ///
    /// # Errors
    /// What concerns the whole batch.
    fn note(&mut self, written: Result<T, Refused<E>>, refusal: impl FnOnce(&sqlx::Error) -> E) -> sqlx::Result<bool> {
        let outcome = match written {
            Ok(done) => Ok(done),
            Err(Refused::Unfit(reason)) => Err(reason),
            Err(Refused::Database(error)) if reach(&error) == Reach::Request => Err(refusal(&error)),
            Err(Refused::Database(error)) => return Err(error),
        };
        Ok(self.outcome.insert(outcome).is_ok())
    }

    /// Who stopped waiting is not told.
    fn reply(self, committed: Result<(), &StoreUnavailable>) {
        let outcome = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Err(reason), _) => Err(reason.clone().into()),
            (Ok(()), None) => return,
        };
        let _ = self.answer.send(outcome);
    }
}

impl Request {
    /// About how many rows it reads or writes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Record(asked) => asked.work.as_deref().map_or(0, batch::weight),
            Self::Advance(asked) => asked.work.as_ref().map_or(0, |(_, limit)| limit.get()),
            Self::Prune(asked) => asked.work.as_ref().map_or(0, |(_, step)| step.get()),
            Self::PutPipeline(_)
            | Self::CreateToken(_)
            | Self::RevokeToken(_)
            | Self::MarkSchedule(_)
            | Self::SettleDelivery(_) => 1,
        }
    }

    /// Does the work within `batch`, and says whether it is done: where it was refused, what was written is to be taken
    /// back.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub(super) async fn write(&mut self, batch: &mut Batch<'_>) -> sqlx::Result<bool> {
        match self {
            Self::Record(asked) => {
                let written = batch.record(asked.take()).await;
                asked.note(written, |error| LedgerError::Refused(error_text(error)))
            }
            Self::PutPipeline(asked) => {
                let written = batch.put_pipeline(asked.take()).await;
                asked.note(written, unavailable)
            }
            Self::CreateToken(asked) => {
                let written = batch.create_token(asked.take()).await;
                asked.note(written, |error| unavailable(error).into())
            }
            Self::RevokeToken(asked) => {
                let (id, at) = asked.take();
                let written = batch.revoke_token(id, at).await;
                asked.note(written.map_err(Refused::from), unavailable)
            }
            Self::MarkSchedule(asked) => {
                let (pipeline, at) = asked.take();
                let written = batch.mark_schedule(&pipeline, at).await;
                asked.note(written.map_err(Refused::from), unavailable)
            }
            Self::Advance(asked) => {
                let (rules, limit) = asked.take();
                let written = batch.advance(&rules, limit).await;
                asked.note(written, unavailable)
            }
            Self::SettleDelivery(asked) => {
                let written = batch.settle_delivery(asked.take()).await;
                asked.note(written.map_err(Refused::from), unavailable)
            }
            Self::Prune(asked) => {
                let (limits, step) = asked.take();
                let written = batch.prune(limits, step).await;
                asked.note(written.map_err(Refused::from), unavailable)
            }
        }
    }

    /// Answers who asked, once the batch is on disk, or where it could not be put there.
    pub(super) fn reply(self, committed: Result<(), &StoreUnavailable>) {
        match self {
            Self::Record(asked) => asked.reply(committed),
            Self::PutPipeline(asked) => asked.reply(committed),
            Self::CreateToken(asked) => asked.reply(committed),
            Self::RevokeToken(asked) => asked.reply(committed),
            Self::MarkSchedule(asked) => asked.reply(committed),
            Self::Advance(asked) => asked.reply(committed),
            Self::SettleDelivery(asked) => asked.reply(committed),
            Self::Prune(asked) => asked.reply(committed),
        }
    }
}
