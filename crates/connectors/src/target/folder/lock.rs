//! One job at a time writes to a folder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use etlplus_core::Failure;
use tokio::time::{Instant, sleep};

use super::loads::NOTES;
use crate::failure::io_failure;

const LOCK: &str = "lock";
/// How long a job waits for another: for as long as somebody looks at the folder, not for as long as a load takes.
const WAIT_MAX: Duration = Duration::from_secs(2);
const WAIT_STEP: Duration = Duration::from_millis(20);

/// The right to write to a folder, for as long as it lives. It ends with the process, too.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock of a folder that is there; `None` while another job has it.
    pub(super) fn try_take(folder: &Path) -> io::Result<Option<Self>> {
        let notes = folder.join(NOTES);
        match fs::create_dir(&notes) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let path = notes.join(LOCK);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        // A folder that was exchanged or removed meanwhile took its lock with it.
        let is_there =
            || fs::metadata(&path).is_ok_and(|named| file.metadata().is_ok_and(|open| open.ino() == named.ino()));
        match file.try_lock() {
            Ok(()) if is_there() => Ok(Some(Self { _file: file })),
            Ok(()) | Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock of a folder that is there, after a short wait where it must be.
    ///
    /// # Errors
    /// `target_busy`, which a later try may not meet, where another job has it.
    pub(super) async fn take(folder: &Path) -> Result<Self, Failure> {
        let end = Instant::now() + WAIT_MAX;
        loop {
            let taken = Self::try_take(folder).map_err(|error| io_failure("write", folder, &error))?;
            if let Some(lock) = taken {
                return Ok(lock);
            }
            if Instant::now() >= end {
                return Err(Failure::transient(
                    "target_busy",
                    format!("another job is writing to {}", folder.display()),
                    "run again once it has ended; give pipelines of one folder schedules that do not meet",
                ));
            }
            sleep(WAIT_STEP).await;
        }
    }
}
