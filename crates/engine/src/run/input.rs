//! The table `input`: the rows of the source that keep every rule, counted on their way.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use etlplus_core::pipeline::{INPUT, JobSpec};
use etlplus_core::ports::Control;
use etlplus_core::progress::{Counters, Stage};
use etlplus_core::{Failure, LogLevel, Reject, Value};
use futures::stream::try_unfold;
use tokio::sync::Mutex;

use super::cancelled_failure;
use super::extent::Extent;
use super::pause::unpaused;
use crate::failure::{as_query_error, query_failure};
use etlplus_connectors::target::ScratchWriter;
use etlplus_connectors::{Intake, RejectFile};

/// The name of a copy of the input, with the ending that the query engine expects.
const COPY_NAME: &str = "input.parquet";

/// The source of a running job. Whoever asks gets the next rows; each row is given out once.
pub(crate) struct Input {
    schema: SchemaRef,
    max_count: Option<u64>,
    max_percent: f64,
    extent: Extent,
    control: Arc<Control>,
    reading: Mutex<Reading>,
}

struct Reading {
    intake: Option<Intake>,
    /// Taken at the end.
    rejects: Option<RejectFile>,
    /// When the broken rules were told last.
    told_at: Option<Instant>,
    /// The greatest cursor, once the whole source of an incremental load is read.
    cursor: Option<Value>,
}

/// How often the broken rules are told: sorting them for every batch would cost more than checking it.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// Broken rules that are told while the job runs.
const TOLD_MAX: usize = 100;

impl Input {
    pub(crate) fn new(
        intake: Intake,
        rejects: RejectFile,
        control: Arc<Control>,
        extent: Extent,
        job: &JobSpec,
    ) -> Self {
        let policy = &job.pipeline().rejects;
        Self {
            schema: intake.schema(),
            max_count: policy.max_count,
            max_percent: policy.max_percent,
            extent,
            control,
            reading: Mutex::new(Reading { intake: Some(intake), rejects: Some(rejects), told_at: None, cursor: None }),
        }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The next rows that keep every rule; the others go to the reject file. `None` at the end of the source.
    pub(crate) async fn next(&self) -> Result<Option<RecordBatch>, Failure> {
        let mut reading = self.reading.lock().await;
        let Reading { intake: current, rejects: Some(rejects), told_at, cursor } = &mut *reading else {
            return Ok(None);
        };
        unpaused(&self.control).await;
        if self.control.is_cancelled() {
            return Err(cancelled_failure());
        }
        let Some(intake) = current else { return Ok(None) };
        let Some(rows) = intake.next().await? else {
            *cursor = intake.cursor().cloned();
            *current = None;
            self.tell(rejects);
            self.control.counters.enter(Stage::Finish);
            self.control.say(LogLevel::Info, || "the whole source is read".to_owned());
            return Ok(None);
        };
        for reject in &rows.rejects {
            rejects.write(reject)?;
            self.control.say(LogLevel::Debug, || line_of(reject));
        }
        if !rows.rejects.is_empty() && told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.tell(rejects);
            *told_at = Some(Instant::now());
        }
        let counters = &self.control.counters;
        Counters::add(&counters.bytes_read, rows.bytes);
        Counters::add(&counters.records_successful, rows.batch.num_rows() as u64);
        Counters::add(&counters.records_failed, rows.rejects.len() as u64);
        Counters::add(&counters.rows_skipped, rows.skipped);
        self.ensure_within_count()?;
        self.ensure_within_share()?;
        Ok(Some(rows.batch))
    }

    /// The greatest cursor of the source, once it is read.
    pub(crate) async fn cursor(&self) -> Option<Value> {
        self.reading.lock().await.cursor.clone()
    }

    fn tell(&self, rejects: &RejectFile) {
        let mut summaries = rejects.summaries();
        summaries.truncate(TOLD_MAX);
        self.control.set_rejects(summaries);
    }

    fn ensure_within_count(&self) -> Result<(), Failure> {
        let failed = self.control.counters.records_failed.load(Ordering::Relaxed);
        match self.max_count {
            Some(max) if failed > max => Err(Failure::data(
                "too_many_rejects",
                format!("{failed} rows were rejected so far, and rejects.max_count is {max}"),
                "look into the reject file, mend the source or its rules, or raise the limit",
            )),
            _ => Ok(()),
        }
    }

    /// Fails a job whose share of rejects will be above its limit even if no row to come has a mistake. A share of the rows so
    /// far alone would say nothing of the whole.
    fn ensure_within_share(&self) -> Result<(), Failure> {
        let so_far = self.control.counters.read();
        let failed = so_far.records_failed;
        match self.extent.most_rows(&so_far).filter(|_| failed > 0) {
            Some(most) if failed as f64 * 100.0 > self.max_percent * most as f64 => Err(Failure::data(
                "too_many_rejects",
                format!(
                    "{failed} rows were rejected so far, of {most} at most in the source, and rejects.max_percent is {}",
                    self.max_percent
                ),
                "look into the reject file, mend the source or its rules, or raise the limit",
            )),
            _ => Ok(()),
        }
    }

    /// Fails a job whose share of rejects is above its limit; to be asked once the whole source is read.
    pub(crate) fn ensure_few_rejects(&self) -> Result<(), Failure> {
        match self.control.counters.read().reject_percent() {
            Some(percent) if percent > self.max_percent => Err(Failure::data(
                "too_many_rejects",
                format!("{percent:.2} % of the rows were rejected, and rejects.max_percent is {}", self.max_percent),
                "look into the reject file, mend the source or its rules, or raise the limit",
            )),
            _ => Ok(()),
        }
    }

    /// Ends the reading and hands out the reject file. Queries that still hold the input get no more rows.
    pub(crate) async fn take_rejects(&self) -> Result<RejectFile, Failure> {
        let mut reading = self.reading.lock().await;
        reading.intake = None;
        reading.rejects.take().ok_or_else(|| Failure::bug("the reject file was taken before"))
    }
}

/// A rejected row as a line of log.
fn line_of(reject: &Reject) -> String {
    let place = reject.line.map_or_else(|| format!("row {}", reject.row), |line| format!("line {line}"));
    let reasons = reject.errors.iter().map(|error| match &error.field {
        Some(field) => format!("{field}: {}", error.message),
        None => error.message.clone(),
    });
    format!("rejected {} {place}: {}", reject.file, reasons.collect::<Vec<_>>().join("; "))
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// The input as a table that can be read once.
pub(crate) fn streaming_table(input: &Arc<Input>) -> Result<Arc<dyn TableProvider>, Failure> {
    let partition = Arc::new(InputPartition(input.clone()));
    let table = StreamingTable::try_new(input.schema(), vec![partition]).map_err(query_failure)?;
    Ok(Arc::new(table))
}

/// Reads the whole input into a file in `folder`, and registers that as the input, which then can be read again and again.
pub(super) async fn register_copy(context: &SessionContext, input: &Input, folder: &Path) -> Result<(), Failure> {
    let schema = input.schema();
    let path = folder.join(COPY_NAME);
    let mut writer = ScratchWriter::create(path.clone(), &schema)?;
    while let Some(batch) = input.next().await? {
        writer.write(&batch)?;
    }
    writer.finish()?;
    let options = ParquetReadOptions::default().schema(&schema);
    context.register_parquet(INPUT, path.to_string_lossy(), options).await.map_err(query_failure)
}

#[derive(Debug)]
struct InputPartition(Arc<Input>);

impl PartitionStream for InputPartition {
    fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = try_unfold(self.0.clone(), |input| async {
            let batch = input.next().await.map_err(as_query_error)?;
            Ok(batch.map(|batch| (batch, input)))
        });
        Box::pin(RecordBatchStreamAdapter::new(self.0.schema(), rows))
    }
}
