//! Rows of the last step into the target file. Encoding has a thread of its own, since it takes about as long as all that
//! comes before it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use etlplus_core::Failure;
use etlplus_core::ports::Control;
use etlplus_core::progress::Counters;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::pause::unpaused;
use crate::failure::query_failure;
use crate::target::Encoder;

/// Batches that wait for the encoder: enough to let the query work on while a row group is written.
const WAITING_BATCHES: usize = 4;

/// Writes all `rows`, and hands the encoder back.
pub(super) async fn encode(
    rows: SendableRecordBatchStream,
    encoder: Box<dyn Encoder>,
    control: &Arc<Control>,
) -> Result<Box<dyn Encoder>, Failure> {
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let writing = control.clone();
    let writer = spawn_blocking(move || write(encoder, receiver, &writing));
    let read = feed(rows, sender, control).await;
    let written = writer.await.map_err(|error| Failure::bug(format!("the encoder ended early: {error}")))?;
    // A writer that failed stops the reading, which is then no failure of its own.
    let encoder = written?;
    read.map(|()| encoder)
}

async fn feed(
    mut rows: SendableRecordBatchStream,
    sender: mpsc::Sender<RecordBatch>,
    control: &Control,
) -> Result<(), Failure> {
    while let Some(batch) = rows.next().await {
        unpaused(control).await;
        if sender.send(batch.map_err(query_failure)?).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn write(
    mut encoder: Box<dyn Encoder>,
    mut batches: mpsc::Receiver<RecordBatch>,
    control: &Control,
) -> Result<Box<dyn Encoder>, Failure> {
    while let Some(batch) = batches.blocking_recv() {
        let count = batch.num_rows() as u64;
        Counters::add(&control.counters.rows_transformed, count);
        encoder.write(&batch)?;
        Counters::add(&control.counters.rows_loaded, count);
    }
    Ok(encoder)
}
