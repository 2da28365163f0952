//! The writer: the one task that records, and then tells.

use std::future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::metrics::{counter, gauge, histogram};
use etlplus_bus::Publisher;
use etlplus_core::ports::Recorded;
use sqlx::{Connection, SqliteConnection, SqlitePool};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::{select, time};

use super::batch::{Batch, KnownJobs};
use super::error::{FatalError, NotRecorded, Reach, reach, unavailable};
use super::folder::{DatabaseFile, Folder, beside};
use super::head::Head;
use super::logs::ChunkCache;
use super::open::Opened;
use super::requests::Request;
use super::{Fault, SEARCHES_MAX, Store, metrics};

#[cfg(test)]
mod tests;

/// Requests that wait for the writer. Whoever comes when it is full waits for a place, and so slows down what it does.
const QUEUE_MAX: usize = 1_024;
/// About how many rows one transaction writes; one request that has more is alone in its own. It bounds how long the first
/// of a batch waits for the last, and how much of the log one commit adds (about 1 MiB).
const BATCH_ROWS_MAX: usize = 4_096;
/// The write-ahead log is cut whenever it has grown by so many bytes. SQLite's own checkpoints keep it far smaller, unless
/// they fail, which they do in silence, or readers never pause.
const WAL_GROWTH_BYTES: u64 = 64 << 20;
/// How long closing waits for those who still read.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// The writer's task, as whoever composes the program sees it. Dropping it closes the store as [`Writer::close`] does,
/// with nobody to wait for the end.
#[derive(Debug)]
pub struct Writer {
    task: JoinHandle<Result<(), FatalError>>,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<Result<(), FatalError>>,
}

impl Writer {
    /// Waits until the store cannot go on, which is forever while it can. May be dropped and called again.
    pub async fn failed(&mut self) -> FatalError {
        match self.end().await {
            Err(error) => error,
            Ok(()) => future::pending().await,
        }
    }

    /// Takes no more requests, records those that wait, and closes the database, with nothing left in the write-ahead log.
    /// Every handle answers that the store is closed from then on, and subscriptions to the bus end.
    ///
    /// # Errors
    /// The store failed, now or before.
    pub async fn close(mut self) -> Result<(), FatalError> {
        self.stop.take();
        self.end().await
    }

    async fn end(&mut self) -> Result<(), FatalError> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let ended = (&mut self.task).await.unwrap_or_else(|error| {
            let message = format!("its writer did not come to its end: {error}");
            Err(FatalError { message, remedy: "please report it with the version".to_owned() })
        });
        self.ended.insert(ended).clone()
    }
}

/// Starts the writer of the store whose log is at `head`.
pub(super) fn start(
    connection: SqliteConnection,
    readers: SqlitePool,
    head: Head,
    folder: Folder,
    file: DatabaseFile,
) -> Opened {
    metrics::describe();
    let (queue, requests) = mpsc::channel(QUEUE_MAX);
    let (publisher, bus) = etlplus_bus::bus(head.position);
    let (stop, stopped) = oneshot::channel();
    let (fault, last_fault) = watch::channel(None);
    let chunks = ChunkCache::default();
    let searches = Arc::new(Semaphore::new(SEARCHES_MAX));
    let store = Store { queue, readers: readers.clone(), fault: last_fault, chunks: chunks.clone(), searches };
    let known = KnownJobs::default();
    let task = Task { connection, readers, known, chunks, head, publisher, fault, wal_bytes_kept: 0, folder, file };
    let task = tokio::spawn(task.run(requests, stopped));
    Opened { store, bus, writer: Writer { task, stop: Some(stop), ended: None } }
}

struct Task {
    connection: SqliteConnection,
    readers: SqlitePool,
    known: KnownJobs,
    chunks: ChunkCache,
    /// What is known of the log that is on disk.
    head: Head,
    publisher: Publisher,
    fault: watch::Sender<Option<Fault>>,
    /// The size of the write-ahead log after it was last cut, in bytes.
    wal_bytes_kept: u64,
    folder: Folder,
    file: DatabaseFile,
}

impl Task {
    async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        mut stopped: oneshot::Receiver<()>,
    ) -> Result<(), FatalError> {
        let mut waiting = Vec::with_capacity(QUEUE_MAX);
        loop {
            select! {
                biased;
                _ = &mut stopped, if !requests.is_closed() => requests.close(),
                taken = requests.recv_many(&mut waiting, QUEUE_MAX) => if taken == 0 { break },
            }
            while !waiting.is_empty() {
                let batch = waiting.drain(..batch_length(&waiting)).collect();
                self.record(batch).await.inspect_err(|error| tracing::error!(%error, "the store has failed"))?;
                gauge!(metrics::QUEUE).set((waiting.len() + requests.len()) as f64);
            }
        }
        self.close().await
    }

    /// Records a batch in one transaction, tells its facts, and answers.
    async fn record(&mut self, mut requests: Vec<Request>) -> Result<(), FatalError> {
        let begin = Instant::now();
        let (head, facts) = match self.write(&mut requests).await {
            Ok(written) => written,
            Err(not_recorded) => return self.refuse(requests, not_recorded).await,
        };
        self.head = head;
        counter!(metrics::FACTS).increment(facts.len() as u64);
        self.publisher.publish(facts);
        self.fault.send_if_modified(|fault| fault.take().is_some());
        for request in requests {
            request.reply(Ok(()));
        }
        histogram!(metrics::BATCH_SECONDS).record(begin.elapsed());
        gauge!(metrics::BYTES).set(self.file.bytes() as f64);
        self.bound_wal().await
    }

    /// Answers that nothing of a batch was recorded.
    async fn refuse(&mut self, requests: Vec<Request>, why: NotRecorded) -> Result<(), FatalError> {
        let NotRecorded { reason, reach } = why;
        // After some errors SQLite has rolled back by itself, which makes this one fail; nothing depends on it.
        let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        self.known.forget();
        counter!(metrics::ERRORS).increment(1);
        self.fault.send_replace(Some(Fault { at: Instant::now(), reason: reason.clone() }));
        tracing::warn!(%reason, requests = requests.len(), "a batch could not be recorded");
        for request in requests {
            request.reply(Err(&reason));
        }
        if reach == Reach::Store { Err(reason.into()) } else { Ok(()) }
    }

    async fn write(&mut self, requests: &mut [Request]) -> Result<(Head, Vec<Recorded>), NotRecorded> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        let (connection, known, chunks) = (&mut self.connection, &mut self.known, &self.chunks);
        let mut batch = Batch { connection, known, chunks, head: self.head, facts: Vec::new() };
        for request in requests {
            write_one(&mut batch, request).await?;
        }
        let Batch { head, facts, .. } = batch;
        if head != self.head {
            head.write(&mut self.connection).await?;
        }
        // As late as can be, since what is committed will be acknowledged. It costs some microseconds, the commit an fsync.
        self.file.check().map_err(|reason| NotRecorded { reason, reach: Reach::Store })?;
        let begin = Instant::now();
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        histogram!(metrics::COMMIT_SECONDS).record(begin.elapsed());
        Ok((head, facts))
    }

    /// Cuts the write-ahead log where SQLite's own checkpoints did not keep it small. A checkpoint that readers hold up
    /// is tried again when the log has grown by as much once more.
    async fn bound_wal(&mut self) -> Result<(), FatalError> {
        let wal = beside(&self.folder.database(), "-wal");
        let bytes = || std::fs::metadata(&wal).map_or(0, |metadata| metadata.len());
        if bytes() < self.wal_bytes_kept + WAL_GROWTH_BYTES {
            return Ok(());
        }
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&mut self.connection).await;
        self.wal_bytes_kept = bytes();
        match checkpoint {
            Err(error) if reach(&error) == Reach::Store => Err(unavailable(&error).into()),
            _ => Ok(()),
        }
    }

    /// The last connection that closes writes the whole log back to the database and removes it. It leaves both alone where
    /// the database is not in its place any more, and says nothing.
    async fn close(self) -> Result<(), FatalError> {
        if time::timeout(CLOSE_WAIT, self.readers.close()).await.is_err() {
            tracing::warn!("somebody still reads the store: its write-ahead log is kept for the next start");
        }
        self.connection.close().await.map_err(|error| unavailable(&error))?;
        Ok(self.file.check()?)
    }
}

/// How many of `requests` go into the next transaction: at least one.
fn batch_length(requests: &[Request]) -> usize {
    let mut rows = 0;
    let fits = |request: &&Request| {
        rows = request.weight().saturating_add(rows);
        rows <= BATCH_ROWS_MAX
    };
    requests.iter().take_while(fits).count().max(1)
}

/// Writes one request, whole or not at all: where it is refused, the others of its batch go on without it.
///
/// # Errors
/// What concerns the whole batch.
async fn write_one(batch: &mut Batch<'_>, request: &mut Request) -> sqlx::Result<()> {
    let before = batch.head;
    sqlx::query("SAVEPOINT request").execute(&mut *batch.connection).await?;
    if !request.write(batch).await? {
        sqlx::query("ROLLBACK TO request").execute(&mut *batch.connection).await?;
        batch.back_to(before);
    }
    sqlx::query("RELEASE request").execute(&mut *batch.connection).await?;
    Ok(())
}
