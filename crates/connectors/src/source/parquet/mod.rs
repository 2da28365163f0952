//! Apache Parquet.

mod batch_rows;
mod decode;
mod file;
mod page_limit;
mod progress;
mod schema;

use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::pipeline::{JobSpec, Source};
use futures::stream::{BoxStream, StreamExt};
use tokio::task::spawn_blocking;

use self::batch_rows::BatchRows;
use self::decode::{Decoded, HELD_BATCHES, decode};
use self::file::ParquetFile;
pub(crate) use self::file::load_metadata;
use self::progress::BytesRead;
use super::arrow_records::{ArrowRecords, ensure_fits};
use super::{OpenSource, Reader, SourceFile, parallel_blocks};
use crate::check::{CheckPlan, Checked};

/// Parquet files of one source.
struct Parquet {
    files: Vec<ParquetFile>,
    /// The most bytes that the job may have.
    memory: u64,
}

/// Looks at the schema of each file. Declared columns that a file does not have are taken from the names of its folders,
/// where one is `column=value`, as Hive, Spark and DuckDB divide files by the values of a column.
pub(super) fn open(source: &Source, job: &JobSpec, files: Vec<Arc<SourceFile>>) -> Result<OpenSource, Failure> {
    let opened = files.iter().map(ParquetFile::open).collect::<Result<Vec<_>, _>>()?;
    let plan = if source.columns.is_empty() {
        CheckPlan::undeclared(schema::common_schema(&opened)?)
    } else {
        let plan = CheckPlan::new(&source.columns, job);
        for file in &opened {
            ensure_fits(&file.schema(&plan), &plan, source.extra_fields, &file.file.name())?;
        }
        plan
    };
    let rows_total = Some(opened.iter().map(ParquetFile::rows).sum());
    let reader = Box::new(Parquet { files: opened, memory: job.pipeline().limits.memory_bytes });
    Ok(OpenSource { plan: Arc::new(plan), files, rows_total, reader })
}

impl Reader for Parquet {
    /// Of each block in a check there are the rows as they were read, and as they become.
    fn held_batches(&self) -> usize {
        HELD_BATCHES + 2 * parallel_blocks()
    }

    fn read(self: Box<Self>, plan: Arc<CheckPlan>) -> BoxStream<'static, Result<Checked, Failure>> {
        let batch_rows = BatchRows::new(&self.files, self.memory, self.held_batches());
        let files = Arc::new(self.files);
        let mut progress: Vec<_> =
            files.iter().map(|file| BytesRead::new(file.file.bytes(), file.row_groups())).collect();
        let names: Vec<Arc<str>> = files.iter().map(|file| file.file.name().into()).collect();
        let decoded = decode(files, batch_rows, &plan);
        let checked = decoded.map(move |decoded| {
            let plan = plan.clone();
            let decoded = decoded.map(|Decoded { file, first_row, batch }| {
                let bytes = progress[file].after(first_row - 1 + batch.num_rows() as u64);
                (ArrowRecords::new(names[file].clone(), batch, first_row), bytes)
            });
            async move {
                let (records, bytes) = decoded?;
                let checked = spawn_blocking(move || records.check(&plan, bytes)).await;
                checked.unwrap_or_else(|error| Err(Failure::bug(format!("a check of rows panicked: {error}"))))
            }
        });
        checked.buffered(parallel_blocks()).boxed()
    }
}
