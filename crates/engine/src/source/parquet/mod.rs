//! Apache Parquet.

mod records;
mod schema;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use etlplus_core::Failure;
use etlplus_core::pipeline::{JobSpec, Source};
use futures::stream::{BoxStream, StreamExt};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use self::records::ParquetRecords;
use super::{OpenSource, Reader, SourceFile, received};
use crate::check::{CheckPlan, Checked, check};
use crate::failure::{arrow_failure, parquet_failure};

/// Rows that are read and checked at a time.
const BATCH_ROWS: usize = 8192;
/// Batches that wait to be taken: the reader works ahead by so many.
const WAITING_BATCHES: usize = 2;

/// Parquet files of one source.
struct Parquet {
    plan: Arc<CheckPlan>,
    files: Vec<(Arc<SourceFile>, ArrowReaderMetadata)>,
}

/// Looks at the schema of each file.
pub(super) fn open(source: &Source, job: &JobSpec, files: Vec<Arc<SourceFile>>) -> Result<OpenSource, Failure> {
    let mut read = Vec::with_capacity(files.len());
    for file in &files {
        read.push((file.clone(), load_metadata(file)?));
    }
    let plan = if source.columns.is_empty() {
        CheckPlan::undeclared(schema::common_schema(&read)?)
    } else {
        let plan = CheckPlan::new(&source.columns, job);
        for (file, metadata) in &read {
            schema::ensure_fits(metadata.schema(), &plan, source.extra_fields, file)?;
        }
        plan
    };
    let rows = read.iter().map(|(_, metadata)| metadata.metadata().file_metadata().num_rows());
    let rows_total = Some(rows.sum::<i64>().unsigned_abs());
    let plan = Arc::new(plan);
    let reader = Box::new(Parquet { plan: plan.clone(), files: read });
    Ok(OpenSource { plan, files, rows_total, reader })
}

impl Reader for Parquet {
    fn read(self: Box<Self>) -> BoxStream<'static, Result<Checked, Failure>> {
        let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
        let first = self.files.first().map(|(file, _)| file.name()).unwrap_or_default();
        let reading = spawn_blocking(move || {
            for (file, metadata) in &self.files {
                if let Err(failure) = read_file(&self.plan, file, metadata, &sender) {
                    // A receiver that is gone has stopped listening on purpose.
                    let _ = sender.blocking_send(Err(failure));
                    return;
                }
            }
        });
        received(receiver, reading, move |_| damaged(&first)).boxed()
    }
}

/// Reads the footer of a file. The library panics on some footers that no writer makes; that is the file's fault, too.
pub(crate) fn load_metadata(file: &SourceFile) -> Result<ArrowReaderMetadata, Failure> {
    let opened = file.open()?;
    match catch_unwind(AssertUnwindSafe(|| ArrowReaderMetadata::load(&opened, Default::default()))) {
        Ok(metadata) => metadata.map_err(|error| parquet_failure(file.path(), &error)),
        Err(_) => Err(damaged(&file.name())),
    }
}

fn damaged(name: &str) -> Failure {
    Failure::data(
        "parquet_unreadable",
        format!("cannot read {name} or a file after it: its metadata is damaged"),
        "the file is damaged or no Parquet: fetch it again",
    )
}

/// Reads and checks one file, until its end or until nobody listens.
fn read_file(
    plan: &Arc<CheckPlan>,
    file: &Arc<SourceFile>,
    metadata: &ArrowReaderMetadata,
    sender: &mpsc::Sender<Result<Checked, Failure>>,
) -> Result<(), Failure> {
    let failed = |error| parquet_failure(file.path(), &error);
    let groups = metadata.metadata().row_groups();
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.open()?, metadata.clone());
    let batches = builder.with_batch_size(BATCH_ROWS).build().map_err(failed)?;
    let (mut first_row, mut bytes) = (1, BytesRead::new(file.bytes(), groups));
    for batch in batches {
        // A page that does not decode is a fault of the file, whichever library says it.
        let batch = batch.map_err(|error| parquet_failure(file.path(), &error.into()))?;
        let rows = batch.num_rows() as u64;
        let bytes = bytes.after(first_row - 1 + rows);
        let checked = check_batch(plan, file, batch, first_row, bytes)?;
        if sender.blocking_send(Ok(checked)).is_err() {
            return Ok(());
        }
        first_row += rows;
    }
    let (read, promised) = (first_row - 1, metadata.metadata().file_metadata().num_rows());
    if i64::try_from(read) != Ok(promised) {
        return Err(Failure::data(
            "parquet_unreadable",
            format!("{} has {read} rows where its footer says {promised}", file.name()),
            "the file is damaged: fetch it again",
        ));
    }
    Ok(())
}

fn check_batch(
    plan: &Arc<CheckPlan>,
    file: &Arc<SourceFile>,
    batch: RecordBatch,
    first_row: u64,
    bytes: u64,
) -> Result<Checked, Failure> {
    let rows = batch.num_rows();
    let records = ParquetRecords { file: file.clone(), batch, first_row };
    if plan.columns.is_empty() {
        let batch = conform(&records.batch, &plan.schema)?;
        let origins = (0..rows as u32).collect();
        return Ok(Checked { batch, origins, records: Arc::new(records), rejects: Vec::new(), bytes });
    }
    let positions = plan.columns.iter().map(|column| records.batch.schema().index_of(&column.name));
    let positions = positions.collect::<Result<Vec<_>, _>>().map_err(arrow_failure)?;
    let batch = records.batch.project(&positions).map_err(arrow_failure)?;
    check(Arc::new(ParquetRecords { batch, ..records }), plan, Vec::new(), bytes)
}

/// The batch under the schema that all files share, which may differ in what its fields say beside name and type.
fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Failure> {
    crate::check::record_batch(schema.clone(), batch.columns().to_vec(), batch.num_rows())
}

/// How many bytes of a file are read after so many of its rows: those of the row groups that are behind the reader, and
/// of the current one in proportion.
struct BytesRead {
    /// Rows and bytes up to the end of each row group.
    ends: Vec<(u64, u64)>,
    file_bytes: u64,
    told: u64,
}

impl BytesRead {
    fn new(file_bytes: u64, groups: &[parquet::file::metadata::RowGroupMetaData]) -> Self {
        let mut end = (0, 0);
        let ends = groups.iter().map(|group| {
            end.0 += group.num_rows().unsigned_abs();
            end.1 += group.compressed_size().unsigned_abs();
            end
        });
        Self { ends: ends.collect(), file_bytes, told: 0 }
    }

    /// The bytes to account for, now that `rows` rows are read.
    fn after(&mut self, rows: u64) -> u64 {
        let next = self.ends.iter().position(|(end, _)| *end > rows);
        let read = match next {
            None => self.file_bytes,
            Some(group) => {
                let (row, byte) = if group == 0 { (0, 0) } else { self.ends[group - 1] };
                let (row_end, byte_end) = self.ends[group];
                let share = (rows - row) as f64 / (row_end - row) as f64;
                byte + ((byte_end - byte) as f64 * share) as u64
            }
        };
        let bytes = read.saturating_sub(self.told);
        self.told = self.told.max(read);
        bytes
    }
}
