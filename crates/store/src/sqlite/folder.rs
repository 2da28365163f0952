//! The data folder and who owns it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::OpenError;

const LOCK: &str = "lock";
const DATABASE: &str = "etlplus.db";
/// A process id has at most 10 digits; what is longer was not written by a server.
const PID_DIGITS_MAX: u64 = 10;

/// A data folder that this process owns until it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes the folder where there is none, for its owner alone, and takes its lock. The kernel gives the lock back
    /// however the process ends, so no lock is ever left over.
    pub(super) fn own(path: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Folder { folder: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked { folder: path.to_owned(), pid: read_pid(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        // The number only helps whoever is refused to find this process. It must not keep a server with a full disk from
        // starting, which can still show what it has.
        if let Err(error) = write_pid(&mut lock) {
            tracing::warn!(%error, folder = %path.display(), "the process id could not be written to the lock file");
        }
        Ok(Self { path: path.to_owned(), lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A number that was left would be taken for the one of whoever holds the lock next.
        let _ = self.lock.set_len(0);
    }
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(PID_DIGITS_MAX + 1).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// A file that SQLite keeps beside a database.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
