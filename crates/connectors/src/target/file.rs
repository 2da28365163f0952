//! A target that is one file: replaced as a whole, or as it was before.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, PathTemplate, TargetFormat};
use etlplus_core::ports::Control;
use etlplus_core::progress::Counters;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::chunks::{CHUNK_MAX_BYTES, ChunkWriter, Chunks, Gathered};
use super::encode::{Chunk, EncodedFile, Encoder, misfits};
use super::{AtomicFile, Load, Loaded, Loader, Misfit, Ready, Target, TargetState};

/// One file.
pub(super) struct FileTarget {
    format: TargetFormat,
    path: PathBuf,
    job: JobId,
}

impl FileTarget {
    pub(super) fn new(format: &TargetFormat, path: &PathTemplate, job: &JobSpec) -> Self {
        Self { format: format.clone(), path: job.path(path), job: *job.id() }
    }
}

impl Target for FileTarget {
    fn misfits(&self, schema: &Schema) -> Vec<Misfit> {
        misfits(&self.format, schema)
    }

    fn state(&self) -> BoxFuture<'_, Result<TargetState, Failure>> {
        // Whatever is there goes.
        async { Ok(TargetState::default()) }.boxed()
    }

    fn start(&self, load: Load) -> BoxFuture<'_, Result<Box<dyn Loader>, Failure>> {
        async move {
            let encoder = Arc::new(Encoder::new(&self.format, &load.schema)?);
            let file = AtomicFile::create(&self.path, &self.job)?;
            let encoded = encoder.begin(file.output()?)?;
            let chunks = Chunks::start(encoder, SingleFile { encoded: Some(encoded), file });
            let (gathered, chunk_rows) = (Gathered::default(), Encoder::chunk_rows(&self.format));
            let loader = FileLoader { chunks, gathered, chunk_rows, control: load.control };
            Ok(Box::new(loader) as Box<dyn Loader>)
        }
        .boxed()
    }
}

struct FileLoader {
    chunks: Chunks<SingleFile>,
    /// Rows of the next chunk.
    gathered: Gathered,
    chunk_rows: usize,
    control: Arc<Control>,
}

impl Loader for FileLoader {
    fn write(&mut self, batch: RecordBatch) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            for rows in self.gathered.push_up_to(&batch, self.chunk_rows, CHUNK_MAX_BYTES) {
                self.chunks.encode((), rows).await?;
            }
            Counters::add(&self.control.counters.rows_loaded, batch.num_rows() as u64);
            Ok(())
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>, _cursor: Option<String>) -> BoxFuture<'static, Result<Box<dyn Ready>, Failure>> {
        async move {
            if self.gathered.rows > 0 {
                self.chunks.encode((), self.gathered.take()).await?;
            }
            let written = self.chunks.finish().await?;
            Ok(Box::new(ReadyFile(written)) as Box<dyn Ready>)
        }
        .boxed()
    }
}

/// The file as it takes chunks.
struct SingleFile {
    /// Gone where a chunk could not be written.
    encoded: Option<EncodedFile>,
    file: AtomicFile,
}

impl ChunkWriter for SingleFile {
    type Place = ();

    fn append(&mut self, (): (), chunk: Chunk) -> Result<(), Failure> {
        let Some(encoded) = self.encoded.take() else { return Err(Failure::bug("a file goes on after a failure")) };
        self.encoded = Some(encoded.append(chunk)?);
        Ok(())
    }
}

struct ReadyFile(SingleFile);

impl Ready for ReadyFile {
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<Loaded, Failure>> {
        let committed = spawn_blocking(move || {
            let SingleFile { encoded, file } = self.0;
            encoded.map(EncodedFile::finish).transpose()?;
            Ok(Loaded { bytes: Some(file.commit()?) })
        });
        committed
            .map(|done| done.unwrap_or_else(|error| Err(Failure::bug(format!("the commit ended early: {error}")))))
            .boxed()
    }
}
