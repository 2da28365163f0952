//! The store on SQLite, in a folder that one server owns.

use etlplus_core::ports::{Answer, Change, Ledger, LedgerError, LogPosition, StoreUnavailable};
use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};

mod batch;
mod error;
mod folder;
mod history;
mod open;
mod pipelines;
mod rows;
mod schema;
mod writer;

pub use batch::SAMPLES_PER_JOB_MAX;
pub use error::{FatalError, OpenError};
pub use open::Opened;
pub use writer::Writer;

use writer::{Asked, Request};

/// A handle on the store. Clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    queue: mpsc::Sender<Request>,
    readers: SqlitePool,
}

impl Store {
    /// Has the writer do `work`, waiting first for a place in its queue.
    async fn ask<W, T, E: From<StoreUnavailable>>(
        &self,
        work: W,
        request: impl FnOnce(Asked<W, T, E>) -> Request,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel();
        let ended = |()| E::from(error::writer_ended());
        self.queue.send(request(Asked::new(work, answer))).await.map_err(|_| ended(()))?;
        answered.await.map_err(|_| ended(()))?
    }
}

impl Ledger for Store {
    fn record(&self, changes: Vec<Change>) -> Answer<'_, Result<LogPosition, LedgerError>> {
        Box::pin(self.ask(changes, Request::Record))
    }
}
