//! Encoding in parallel: chunks of rows are encoded by several threads, and written by one in the order in which they came.

use std::sync::Arc;
use std::thread::available_parallelism;

use arrow::array::{Array, RecordBatch};
use etlplus_core::Failure;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};

use super::encode::{Chunk, Encoder};

/// The rows of a chunk take about so many bytes at most, whatever a row weighs, and those of a batch more where they do.
pub(super) const CHUNK_MAX_BYTES: usize = 32 << 20;
/// Bytes of rows that are being encoded or wait to be written. A chunk that is larger goes alone.
const IN_FLIGHT_MAX_BYTES: usize = 96 << 20;
/// The unit in which bytes in flight are counted.
const PERMIT_BYTES: usize = 1 << 10;

/// Writes chunks, one after another, each to its place.
pub(super) trait ChunkWriter: Send + 'static {
    /// Where a chunk goes.
    type Place: Send + 'static;

    /// Writes a chunk.
    fn append(&mut self, place: Self::Place, chunk: Chunk) -> Result<(), Failure>;
}

/// A chunk that a thread is making, on its way to the writer.
struct Coming<P> {
    place: P,
    chunk: oneshot::Receiver<Result<Chunk, Failure>>,
    /// The memory that it takes until it is written.
    memory: OwnedSemaphorePermit,
}

/// Encodes chunks for a writer.
pub(super) struct Chunks<W: ChunkWriter> {
    encoder: Arc<Encoder>,
    memory: Arc<Semaphore>,
    has_learned: bool,
    /// Gone once the last chunk is on its way.
    queue: Option<mpsc::Sender<Coming<W::Place>>>,
    /// Gone once its end was awaited.
    writing: Option<JoinHandle<Result<W, Failure>>>,
}

impl<W: ChunkWriter> Chunks<W> {
    /// Starts the thread of `writer`.
    pub(super) fn start(encoder: Arc<Encoder>, writer: W) -> Self {
        // One chunk for each core is encoded while the oldest is written.
        let cores = available_parallelism().map_or(1, |cores| cores.get());
        let (queue, coming) = mpsc::channel(cores);
        let writing = spawn_blocking(move || write_all(writer, coming));
        let memory = Arc::new(Semaphore::new(IN_FLIGHT_MAX_BYTES / PERMIT_BYTES));
        Self { encoder, memory, has_learned: false, queue: Some(queue), writing: Some(writing) }
    }

    /// Takes the rows of one chunk, at least one; waits while too many are on their way.
    pub(super) async fn encode(&mut self, place: W::Place, rows: Vec<RecordBatch>) -> Result<(), Failure> {
        let rows = self.learn(rows).await?;
        let permits = rows.iter().map(bytes_of).sum::<usize>().min(IN_FLIGHT_MAX_BYTES) / PERMIT_BYTES;
        let memory = self.memory.clone().acquire_many_owned(permits as u32).await;
        let Ok(memory) = memory else { return Err(Failure::bug("the account of memory in flight was closed")) };
        let slot = match &self.queue {
            Some(queue) => queue.clone().reserve_owned().await.ok(),
            None => None,
        };
        // A writer that takes no more has failed, and says why.
        let Some(slot) = slot else { return self.end().await.and(Err(Failure::bug("the writer of chunks stopped"))) };
        let (sender, chunk) = oneshot::channel();
        slot.send(Coming { place, chunk, memory });
        let encoder = self.encoder.clone();
        spawn_blocking(move || {
            // Nobody waits any more where the load was dropped.
            let _ = sender.send(encoder.encode(&rows));
        });
        Ok(())
    }

    /// Lets the encoder look at the first rows, which takes a while.
    async fn learn(&mut self, rows: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, Failure> {
        if self.has_learned {
            return Ok(rows);
        }
        self.has_learned = true;
        let encoder = self.encoder.clone();
        let learned = spawn_blocking(move || encoder.learn(&rows).map(|()| rows));
        learned.await.map_err(|error| Failure::bug(format!("a look at the first rows panicked: {error}")))?
    }

    /// Waits until every chunk is written.
    pub(super) async fn finish(mut self) -> Result<W, Failure> {
        self.end().await
    }

    async fn end(&mut self) -> Result<W, Failure> {
        self.queue = None;
        let Some(writing) = self.writing.take() else { return Err(Failure::bug("the writer of chunks ended before")) };
        writing.await.map_err(|error| Failure::bug(format!("the writer of chunks ended early: {error}")))?
    }
}

fn write_all<W: ChunkWriter>(mut writer: W, mut coming: mpsc::Receiver<Coming<W::Place>>) -> Result<W, Failure> {
    while let Some(Coming { place, chunk, memory }) = coming.blocking_recv() {
        let chunk = chunk.blocking_recv().map_err(|_| Failure::bug("a thread that encodes panicked"))?;
        writer.append(place, chunk?)?;
        drop(memory);
    }
    Ok(writer)
}

/// The bytes of a batch's rows. What a slice shares with other batches is not counted.
pub(super) fn bytes_of(batch: &RecordBatch) -> usize {
    let bytes = batch
        .columns()
        .iter()
        .map(|array| array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()));
    bytes.sum()
}

/// Batches gathered for one chunk.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl Gathered {
    /// Adds a batch.
    pub(super) fn push(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows();
        self.bytes += bytes_of(&batch);
        self.batches.push(batch);
    }

    /// Adds the rows of a batch, and hands out the chunks that get full by them.
    pub(super) fn push_up_to(
        &mut self,
        batch: &RecordBatch,
        rows_max: usize,
        bytes_max: usize,
    ) -> Vec<Vec<RecordBatch>> {
        let (mut chunks, mut taken) = (Vec::new(), 0);
        while taken < batch.num_rows() {
            let rows = (rows_max - self.rows).min(batch.num_rows() - taken);
            self.push(batch.slice(taken, rows));
            taken += rows;
            if self.rows >= rows_max || self.bytes >= bytes_max {
                chunks.push(self.take());
            }
        }
        chunks
    }

    /// Hands out all batches.
    pub(super) fn take(&mut self) -> Vec<RecordBatch> {
        std::mem::take(self).batches
    }
}
