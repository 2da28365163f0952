//! What comes in: the rows of a source that keep every rule, and the rejects of the others, in the order of the input.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use etlplus_core::{Failure, Reject, Value};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::check::{Checked, UniqueKeys, greater};
use crate::memory::{Memory, Reservation};
use crate::source::{OpenSource, SourceFile};

/// The rows of a source.
pub struct Intake {
    blocks: BoxStream<'static, Result<Checked, Failure>>,
    unique: UniqueKeys,
    held: HeldRows,
    schema: SchemaRef,
    files: Vec<Arc<SourceFile>>,
    cursor: Option<Value>,
}

/// Some rows of a source.
pub struct Rows {
    /// The rows that keep every rule.
    pub batch: RecordBatch,
    /// The others, by position.
    pub rejects: Vec<Reject>,
    /// Bytes of the source that they took.
    pub bytes: u64,
    /// Rows that an incremental load passes over, since an earlier one has loaded them.
    pub skipped: u64,
}

impl Intake {
    /// Starts reading `source`. Unique keys and large batches take their memory from `memory`.
    pub fn start(source: OpenSource, memory: &dyn Memory) -> Self {
        let unique = UniqueKeys::new(&source.plan, memory);
        let held = HeldRows { batches: source.reader.held_batches(), largest: 0, memory: memory.reserve("rows") };
        Self { unique, held, schema: source.schema(), files: source.files.clone(), cursor: None, blocks: source.read() }
    }

    /// Makes `values` count as seen in the unique column `column`: they are in the target, to which the rows are appended.
    pub fn have_seen(&mut self, column: &str, values: &ArrayRef) -> Result<(), Failure> {
        self.unique.have_seen(column, values)
    }

    /// The greatest cursor of all rows so far, in an incremental load.
    pub fn cursor(&self) -> Option<&Value> {
        self.cursor.as_ref()
    }

    /// The columns of the rows.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The next rows; `None` once all are read and no file has changed meanwhile.
    pub async fn next(&mut self) -> Result<Option<Rows>, Failure> {
        let Some(checked) = self.blocks.next().await else {
            self.files.iter().try_for_each(|file| file.ensure_unchanged())?;
            return Ok(None);
        };
        let mut checked = checked?;
        self.held.account(&checked.batch)?;
        self.unique.check(&mut checked)?;
        let Checked { batch, mut rejects, bytes, skipped, cursor, .. } = checked;
        self.cursor = greater(self.cursor.take(), cursor);
        rejects.sort_by_key(|reject| reject.row);
        Ok(Some(Rows { batch, rejects, bytes, skipped }))
    }
}

/// The batches of rows that are in memory at a time.
struct HeldRows {
    batches: usize,
    /// The bytes of the largest one so far.
    largest: usize,
    memory: Box<dyn Reservation>,
}

impl HeldRows {
    /// Takes memory for as many batches as are held, as if each were as large as the largest.
    fn account(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let bytes = batch.get_array_memory_size();
        if self.batches == 0 || bytes <= self.largest {
            return Ok(());
        }
        self.largest = bytes;
        if self.memory.try_resize(bytes.saturating_mul(self.batches)) {
            return Ok(());
        }
        Err(Failure::limit(
            "memory_exceeded",
            format!(
                "{} rows of the source take {bytes} bytes, and its rows need more than the job's memory",
                batch.num_rows()
            ),
            "raise limits.memory",
        ))
    }
}
