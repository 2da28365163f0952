//! A file that is being written.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use etlplus_core::Failure;
use rustix::fs::{Advice, fadvise};

use crate::failure::io_failure;

/// The system is told to begin writing to the disk after so many bytes. A file that were left in memory until its end would
/// make the end wait for all of it.
const WRITE_BACK_BYTES: u64 = 8 << 20;

/// A new file, written from its start to its end. Each write goes to the system at once: writers hand over whole pages, or
/// the text of many rows.
#[derive(Debug)]
pub(crate) struct OutputFile {
    file: File,
    /// The path that failures show: where the file will be, which need not be where it is.
    path: PathBuf,
    bytes: u64,
    /// How many of the bytes the system was told to write to the disk.
    written_back: u64,
}

impl OutputFile {
    /// Goes on with an empty `file`, which failures call `path`.
    pub(crate) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path, bytes: 0, written_back: 0 }
    }

    /// Its size so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The path that failures show.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error while writing it.
    pub(crate) fn write_failure(&self, error: &io::Error) -> Failure {
        io_failure("write", &self.path, error)
    }

    /// Waits until its content is on the disk.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| self.write_failure(&error))
    }

    /// Linux takes "not needed" as a reason to begin writing what is not on the disk yet, and does not wait for it. Where
    /// another system ignores the hint, the last fsync takes longer and nothing else changes.
    fn write_back(&mut self) {
        let _ = fadvise(
            &self.file,
            self.written_back,
            std::num::NonZeroU64::new(self.bytes - self.written_back),
            Advice::DontNeed,
        );
        self.written_back = self.bytes;
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        if self.bytes - self.written_back >= WRITE_BACK_BYTES {
            self.write_back();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
