//! Writes the files of a load, each to its folder, and begins another one where a file is large enough.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, OpenOptions};
use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{TargetFolder, TargetFormat};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use super::super::chunks::ChunkWriter;
use super::super::encode::{Chunk, EncodedFile, Encoder};
use super::super::output::OutputFile;
use super::stage::Stage;
use crate::failure::io_failure;

/// Files that are open at the same time; well below the 1,024 that systems give a process. Beyond it, the file that was not
/// written to for longest is ended, and its folder gets another one if more rows come.
const OPEN_FILES_MAX: usize = 128;
/// Ended files that are on their way to the disk.
const SYNCING_MAX: usize = 8;

/// The files of one load.
pub(super) struct FolderWriter {
    encoder: Arc<Encoder>,
    stage: Stage,
    job: JobId,
    /// The end of the files' names, with the dot.
    ending: String,
    file_bytes: u64,
    open: HashMap<Arc<str>, OpenFile>,
    /// Chunks so far, by which the open files are ordered.
    chunks: u64,
    syncing: VecDeque<JoinHandle<Result<(), Failure>>>,
    written: Written,
}

/// The end of the names of files of a format, without the dot.
pub(super) fn ending(format: &TargetFormat) -> &'static str {
    match format {
        TargetFormat::Csv(_) => "csv",
        TargetFormat::Ndjson => "ndjson",
        TargetFormat::Parquet(_) => "parquet",
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

struct OpenFile {
    file: EncodedFile,
    last_chunk: u64,
}

impl FolderWriter {
    /// Writes the files of `folder` to `stage`.
    pub(super) fn new(encoder: Arc<Encoder>, stage: Stage, job: JobId, folder: &TargetFolder) -> Self {
        let (open, syncing, written) = (HashMap::new(), VecDeque::new(), Written::default());
        let ending = format!(".{}{}", ending(&folder.format), stage.suffix());
        Self { encoder, stage, job, ending, file_bytes: folder.file_bytes, open, chunks: 0, syncing, written }
    }

    /// Ends every file and waits until all are on the disk. Not to be called on a thread that runs tasks.
    pub(super) fn finish(mut self) -> Result<(Stage, Written), Failure> {
        for (_, open) in std::mem::take(&mut self.open) {
            self.end(open.file)?;
        }
        while !self.syncing.is_empty() {
            self.await_oldest()?;
        }
        Ok((self.stage, self.written))
    }

    /// Begins a file that has no rows.
    pub(super) fn begin_empty(&mut self) -> Result<(), Failure> {
        let file = self.begin("")?;
        self.end(file)
    }

    fn begin(&mut self, place: &str) -> Result<EncodedFile, Failure> {
        let folder = self.stage.root().join(place);
        fs::create_dir_all(&folder).map_err(|error| io_failure("make the folder", &folder, &error))?;
        let path = folder.join(format!("{}-{:05}{}", self.job, self.written.files, self.ending));
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| io_failure("write", &path, &error))?;
        self.written.files += 1;
        self.encoder.begin(OutputFile::new(file, path))
    }

    fn end(&mut self, file: EncodedFile) -> Result<(), Failure> {
        let output = file.finish()?;
        self.written.bytes += output.bytes();
        if self.syncing.len() >= SYNCING_MAX {
            self.await_oldest()?;
        }
        self.syncing.push_back(spawn_blocking(move || output.sync()));
        Ok(())
    }

    fn await_oldest(&mut self) -> Result<(), Failure> {
        let Some(oldest) = self.syncing.pop_front() else { return Ok(()) };
        let synced = Handle::current().block_on(oldest);
        synced.map_err(|error| Failure::bug(format!("an fsync ended early: {error}")))?
    }

    fn end_least_recent(&mut self) -> Result<(), Failure> {
        let oldest = self.open.iter().min_by_key(|(_, open)| open.last_chunk).map(|(place, _)| place.clone());
        match oldest.and_then(|place| self.open.remove(&place)) {
            Some(open) => self.end(open.file),
            None => Ok(()),
        }
    }
}

impl ChunkWriter for FolderWriter {
    type Place = Arc<str>;

    fn append(&mut self, place: Arc<str>, chunk: Chunk) -> Result<(), Failure> {
        let file = match self.open.remove(&place) {
            Some(open) => open.file,
            None => {
                if self.open.len() >= OPEN_FILES_MAX {
                    self.end_least_recent()?;
                }
                self.begin(&place)?
            }
        };
        let file = file.append(chunk)?;
        if file.bytes() >= self.file_bytes || file.is_full() {
            return self.end(file);
        }
        self.chunks += 1;
        self.open.insert(place, OpenFile { file, last_chunk: self.chunks });
        Ok(())
    }
}
