//! Takes the rows of one load of a folder.

use std::sync::Arc;

use arrow::array::RecordBatch;
use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, TargetFolder};
use etlplus_core::ports::Control;
use etlplus_core::progress::Counters;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::loads::LoadRecord;
use super::partitions::{Part, Partitions};
use super::stage::Stage;
use super::writer::{FolderWriter, Written};
use crate::target::chunks::{CHUNK_MAX_BYTES, Chunks, Gathered};
use crate::target::encode::Encoder;
use crate::target::{Load, Loaded, Loader, Ready};

pub(super) struct FolderLoader {
    chunks: Chunks<FolderWriter>,
    division: Division,
    job: JobId,
    pipeline: String,
    rows: u64,
    /// Whether the rows that are there stay. Where they do, a load without rows needs no file to tell its columns.
    keeps_rows: bool,
    control: Arc<Control>,
}

/// How rows become chunks.
enum Division {
    /// All go to the folder itself.
    Whole { gathered: Gathered, chunk_rows: usize, chunk_bytes: usize },
    /// By the values of some columns.
    Partitions(Box<Partitions>),
}

impl FolderLoader {
    pub(super) fn start(
        folder: &TargetFolder,
        job: &JobSpec,
        stage: Stage,
        load: Load,
        keeps_rows: bool,
    ) -> Result<Self, Failure> {
        // A chunk is the least that a file has.
        let chunk_bytes = CHUNK_MAX_BYTES.min(usize::try_from(folder.file_bytes).unwrap_or(CHUNK_MAX_BYTES));
        let chunk_rows = Encoder::chunk_rows(&folder.format);
        let (division, schema) = if folder.partition_by.is_empty() {
            (Division::Whole { gathered: Gathered::default(), chunk_rows, chunk_bytes }, load.schema)
        } else {
            let partitions = Partitions::new(&load.schema, &folder.partition_by, chunk_rows, chunk_bytes)?;
            let schema = partitions.file_schema();
            (Division::Partitions(Box::new(partitions)), schema)
        };
        let encoder = Arc::new(Encoder::new(&folder.format, &schema)?);
        let chunks = Chunks::start(encoder.clone(), FolderWriter::new(encoder, stage, *job.id(), folder));
        let (job, pipeline) = (*job.id(), job.pipeline().name.clone());
        Ok(Self { chunks, division, job, pipeline, rows: 0, keeps_rows, control: load.control })
    }

    async fn take(&mut self, batch: RecordBatch) -> Result<(), Failure> {
        let rows = batch.num_rows() as u64;
        let parts = self.division.push(batch)?;
        self.encode(parts).await?;
        self.rows += rows;
        Counters::add(&self.control.counters.rows_loaded, rows);
        Ok(())
    }

    async fn encode(&mut self, parts: Vec<Part>) -> Result<(), Failure> {
        for (place, rows) in parts {
            self.chunks.encode(place, rows).await?;
        }
        Ok(())
    }

    async fn end(mut self, cursor: Option<String>) -> Result<ReadyFolder, Failure> {
        let parts = self.division.finish()?;
        self.encode(parts).await?;
        let mut writer = self.chunks.finish().await?;
        let needs_file = self.rows == 0 && !self.keeps_rows && matches!(self.division, Division::Whole { .. });
        let finished = spawn_blocking(move || {
            if needs_file {
                writer.begin_empty()?;
            }
            writer.finish()
        });
        let (stage, written) =
            finished.await.map_err(|error| Failure::bug(format!("a file ended early: {error}")))??;
        let Written { files, bytes } = written;
        let (job, pipeline, rows) = (self.job, Some(self.pipeline), self.rows);
        Ok(ReadyFolder { stage, record: LoadRecord { job, pipeline, rows, files, bytes, cursor } })
    }
}

impl Division {
    fn push(&mut self, batch: RecordBatch) -> Result<Vec<Part>, Failure> {
        let (gathered, chunk_rows, chunk_bytes) = match self {
            Self::Partitions(partitions) => return partitions.push(batch),
            Self::Whole { gathered, chunk_rows, chunk_bytes } => (gathered, *chunk_rows, *chunk_bytes),
        };
        let chunks = gathered.push_up_to(&batch, chunk_rows, chunk_bytes);
        Ok(chunks.into_iter().map(|rows| (Arc::from(""), rows)).collect())
    }

    fn finish(&mut self) -> Result<Vec<Part>, Failure> {
        match self {
            Self::Partitions(partitions) => partitions.finish(),
            Self::Whole { gathered, .. } if gathered.rows == 0 => Ok(Vec::new()),
            Self::Whole { gathered, .. } => Ok(vec![(Arc::from(""), gathered.take())]),
        }
    }
}

impl Loader for FolderLoader {
    fn write(&mut self, batch: RecordBatch) -> BoxFuture<'_, Result<(), Failure>> {
        self.take(batch).boxed()
    }

    fn finish(self: Box<Self>, cursor: Option<String>) -> BoxFuture<'static, Result<Box<dyn Ready>, Failure>> {
        async move { Ok(Box::new(self.end(cursor).await?) as Box<dyn Ready>) }.boxed()
    }
}

struct ReadyFolder {
    stage: Stage,
    record: LoadRecord,
}

impl Ready for ReadyFolder {
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<Loaded, Failure>> {
        let committed = spawn_blocking(move || {
            self.stage.commit(&self.record)?;
            Ok(Loaded { bytes: Some(self.record.bytes) })
        });
        committed
            .map(|done| done.unwrap_or_else(|error| Err(Failure::bug(format!("the commit ended early: {error}")))))
            .boxed()
    }
}
