//! What comes in: the rows of a source that keep every rule, and the rejects of the others, in the order of the input.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::memory_pool::MemoryPool;
use etlplus_core::{Failure, Reject};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::check::{Checked, UniqueKeys};
use crate::source::{OpenSource, SourceFile};

/// The rows of a source.
pub(crate) struct Intake {
    blocks: BoxStream<'static, Result<Checked, Failure>>,
    unique: UniqueKeys,
    schema: SchemaRef,
    files: Vec<Arc<SourceFile>>,
}

/// Some rows of a source.
pub(crate) struct Rows {
    /// The rows that keep every rule.
    pub(crate) batch: RecordBatch,
    /// The others, by position.
    pub(crate) rejects: Vec<Reject>,
    /// Bytes of the source that they took.
    pub(crate) bytes: u64,
}

impl Intake {
    /// Starts reading `source`. Unique keys take their memory from `pool`.
    pub(crate) fn start(source: OpenSource, pool: &Arc<dyn MemoryPool>) -> Self {
        let unique = UniqueKeys::new(&source.plan, pool);
        Self { unique, schema: source.schema(), files: source.files.clone(), blocks: source.read() }
    }

    /// The columns of the rows.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The next rows; `None` once all are read and no file has changed meanwhile.
    pub(crate) async fn next(&mut self) -> Result<Option<Rows>, Failure> {
        let Some(checked) = self.blocks.next().await else {
            self.files.iter().try_for_each(|file| file.ensure_unchanged())?;
            return Ok(None);
        };
        let mut checked = checked?;
        self.unique.check(&mut checked)?;
        let Checked { batch, mut rejects, bytes, .. } = checked;
        rejects.sort_by_key(|reject| reject.row);
        Ok(Some(Rows { batch, rejects, bytes }))
    }
}
