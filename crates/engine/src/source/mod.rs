//! Sources: files of rows, read as a stream of checked blocks in the order of the input.
//!
//! A format is one folder and one arm of [`open`].

mod csv;
mod files;
pub(crate) mod ndjson;
pub(crate) mod parquet;
mod reject;
pub(crate) mod text;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use etlplus_core::Failure;
use etlplus_core::pipeline::{JobSpec, Source, SourceFormat};
use futures::stream::{BoxStream, Stream, unfold};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

pub(crate) use csv::unquoted;
pub(crate) use files::{SourceFile, find_files};

use crate::check::{CheckPlan, Checked};

/// A source whose files exist and fit what is declared.
pub(crate) struct OpenSource {
    /// What each row keeps.
    pub(crate) plan: Arc<CheckPlan>,
    /// The files, in the order in which they are read.
    pub(crate) files: Vec<Arc<SourceFile>>,
    /// The rows of all files, where the format tells before reading.
    pub(crate) rows_total: Option<u64>,
    reader: Box<dyn Reader>,
}

/// Reads the rows of a source. One for each format.
pub(crate) trait Reader: Send {
    /// Starts reading: blocks come checked and in the order of the input, several being parsed at a time.
    fn read(self: Box<Self>) -> BoxStream<'static, Result<Checked, Failure>>;
}

impl OpenSource {
    /// The columns that rows have.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.plan.schema.clone()
    }

    /// The size of all files in bytes.
    pub(crate) fn bytes_total(&self) -> u64 {
        self.files.iter().map(|file| file.bytes()).sum()
    }

    /// Starts reading.
    pub(crate) fn read(self) -> BoxStream<'static, Result<Checked, Failure>> {
        self.reader.read()
    }
}

/// Finds the files of `source` and looks at what they say about themselves: headers and schemas, no rows.
pub(crate) fn open(source: &Source, job: &JobSpec) -> Result<OpenSource, Failure> {
    let files = find_files(&source.path, job)?;
    match &source.format {
        SourceFormat::Csv(options) => csv::open(source, options, job, files),
        SourceFormat::Ndjson => ndjson::open(source, job, files),
        SourceFormat::Parquet => parquet::open(source, job, files),
    }
}

/// What a reading thread sends. A thread that panicked sent no end, and what came before is not the whole source; `failure`
/// says so, from what the panic said.
fn received<T: Send + 'static>(
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
fn parallel_blocks() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get()) + 1
}
