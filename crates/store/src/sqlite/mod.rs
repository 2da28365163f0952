//! The store on SQLite, in a folder that one server owns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etlplus_core::ports::{Answer, Change, Ledger, LedgerError, LogPosition, StoreUnavailable};
use sqlx::SqlitePool;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

mod alerts;
mod batch;
mod error;
mod facts;
mod folder;
mod head;
mod history;
mod jobs;
mod logs;
mod metrics;
mod open;
mod pipelines;
mod requests;
mod retention;
mod rows;
mod schedules;
mod schema;
mod settings;
mod tokens;
mod writer;

pub use alerts::{ALERTS_MAX, FIRING_MAX};
pub use error::{FatalError, OpenError};
pub use jobs::SAMPLES_PER_JOB_MAX;
pub use logs::{CHUNK_BYTES_MAX, CHUNK_LINES_MAX};
pub use open::Opened;
pub use writer::Writer;

use requests::{Asked, Request};

/// A handle on the store. Clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    queue: mpsc::Sender<Request>,
    readers: SqlitePool,
    fault: watch::Receiver<Option<Fault>>,
    chunks: logs::ChunkCache,
    searches: Arc<Semaphore>,
}

/// Searches that run at once, each with a connection and a thread; others wait. Half of the connections are left to others.
const SEARCHES_MAX: usize = 2;

/// A batch that was not recorded, while none was since.
#[derive(Debug, Clone)]
struct Fault {
    at: Instant,
    reason: StoreUnavailable,
}

/// How long a batch that was not recorded says something about the next one: where nothing is to be recorded, nobody would
/// find out that the store can be used again.
const FAULT_LASTS: Duration = Duration::from_secs(30);

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

/// A reading whose errors are told as the ports have it.
fn read<'a, T>(reading: impl Future<Output = sqlx::Result<T>> + Send + 'a) -> Answer<'a, Result<T, StoreUnavailable>> {
    Box::pin(async move { reading.await.map_err(|error| error::unavailable(&error)) })
}
