//! Sources: rows read as a stream of checked blocks, in the order of the input where it has one.

pub(crate) mod arrow_records;
mod csv;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub(crate) mod ndjson;
pub(crate) mod parquet;
pub(crate) mod reject;
mod replay;
pub(crate) mod text;

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use etlplus_core::pipeline::{Interval, JobSpec, Origin, Source, SourceFormat};
use etlplus_core::{Failure, Type, Value};
use futures::stream::{BoxStream, Stream, unfold};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

pub(crate) use csv::unquoted;
pub(crate) use files::{SourceFile, find_files};
pub use replay::open_rejects;

use crate::check::{CheckPlan, Checked};
use crate::{postgres, sqlite};

/// A source that is there and fits what is declared.
pub struct OpenSource {
    /// What each row keeps.
    pub(crate) plan: Arc<CheckPlan>,
    /// The files, in the order in which they are read; none where the rows are in a database.
    pub(crate) files: Vec<Arc<SourceFile>>,
    /// The rows of the whole source, where it tells before reading.
    pub(crate) rows_total: Option<u64>,
    pub(crate) reader: Box<dyn Reader>,
}

/// Reads the rows of a source. One for each format.
pub(crate) trait Reader: Send {
    /// See [`OpenSource::least_row_bytes`].
    fn least_row_bytes(&self) -> Option<u64> {
        None
    }

    /// How many batches of rows are in memory at a time, where they may be so large that they have to count among what the job may
    /// use.
    fn held_batches(&self) -> usize {
        0
    }

    /// Starts reading: blocks come checked, several being parsed at a time. From files they come in the order of the input.
    fn read(self: Box<Self>, plan: Arc<CheckPlan>) -> BoxStream<'static, Result<Checked, Failure>>;
}

impl OpenSource {
    /// The columns that rows have.
    pub fn schema(&self) -> SchemaRef {
        self.plan.schema.clone()
    }

    /// The size of all files in bytes; `None` where the rows are in a database.
    pub fn bytes_total(&self) -> Option<u64> {
        (!self.files.is_empty()).then(|| self.files.iter().map(|file| file.bytes()).sum())
    }

    /// The rows of the whole source, where it tells before reading.
    pub fn rows_total(&self) -> Option<u64> {
        self.rows_total
    }

    /// The fewest bytes that a row without a mistake takes of the files, its line end included; `None` where bytes say nothing
    /// of rows, as in compressed files.
    pub fn least_row_bytes(&self) -> Option<u64> {
        self.reader.least_row_bytes()
    }

    /// The files, in the order in which they are read; none where the rows are in a database.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path())
    }

    /// The type of the column `name`; `None` where there is none, or it is of a type that no schema has.
    pub fn type_of(&self, name: &str) -> Option<Type> {
        self.plan.type_of(name)
    }

    /// What each row keeps, to be added to before the reading starts.
    pub fn plan_mut(&mut self) -> &mut CheckPlan {
        Arc::make_mut(&mut self.plan)
    }

    /// Starts reading.
    pub(crate) fn read(self) -> BoxStream<'static, Result<Checked, Failure>> {
        self.reader.read(self.plan)
    }
}

/// Finds the rows of `source` and looks at what is said about them: headers and schemas, no rows. Of a source that is loaded
/// incrementally only the rows in `interval` will be read.
///
/// # Errors
/// Where it is not there, or does not fit what is declared.
pub async fn open(source: &Source, job: &JobSpec, interval: Option<&Interval>) -> Result<OpenSource, Failure> {
    match &source.origin {
        Origin::Files(origin) => {
            let files = find_files(&origin.path, job)?;
            match &origin.format {
                SourceFormat::Csv(options) => csv::open(source, origin, options, job, files),
                SourceFormat::Ndjson(options) => ndjson::open(source, origin, options, job, files),
                SourceFormat::Parquet => parquet::open(source, job, files),
            }
        }
        Origin::Sqlite(database) => sqlite::open(source, database, job, interval).await,
        Origin::Postgres(database) => postgres::open(source, database, job, interval).await,
    }
}

/// The greatest value of the column `cursor` that the source has now, where it can say so without reading all its rows.
///
/// # Errors
/// Where the source cannot be asked.
pub async fn newest(source: &Source, job: &JobSpec, cursor: &str) -> Result<Option<Value>, Failure> {
    match &source.origin {
        Origin::Files(_) => Ok(None),
        Origin::Sqlite(database) => sqlite::newest(source, database, job, cursor).await,
        Origin::Postgres(database) => postgres::newest(source, database, job, cursor).await,
    }
}

/// What a reading thread sends. A thread that panicked sent no end, and what came before is not the whole source; `failure`
/// says so, from what the panic said.
pub(crate) fn received<T: Send + 'static>(
    receiver: Receiver<Result<T, Failure>>,
    thread: JoinHandle<()>,
    failure: impl FnOnce(String) -> Failure + Send + 'static,
) -> impl Stream<Item = Result<T, Failure>> + Send {
    unfold(Some((receiver, thread, failure)), |state| async {
        let (mut receiver, thread, failure) = state?;
        match receiver.recv().await {
            Some(sent) => Some((sent, Some((receiver, thread, failure)))),
            None => thread.await.err().map(|error| (Err(failure(error.to_string())), None)),
        }
    })
}

/// How many blocks are parsed at a time. One more than cores keeps each core busy while the oldest is handed on.
pub(crate) fn parallel_blocks() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get()) + 1
}
