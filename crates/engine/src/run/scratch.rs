//! A folder for what a job puts aside while it runs: what its queries spill, and a copy of its input.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use etlplus_core::Failure;
use tempfile::{Builder, TempDir};

use crate::failure::scratch_failure;

/// How the folder's name begins.
const PREFIX: &str = "etlplus-job-";
/// How often a folder is made anew, that another job took for one left behind before it was locked.
const TRIES: usize = 10;

/// A folder of one job, which nobody else can read. It goes with the value; what a killed job left, the next one removes.
pub(super) struct ScratchFolder {
    folder: TempDir,
    /// Held for as long as the job runs, by which its folder is told from one that was left behind.
    _lock: File,
}

impl ScratchFolder {
    /// Makes the folder, where the system keeps temporary files.
    pub(super) fn create() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        remove_left_behind(&parent);
        for _ in 0..TRIES {
            let folder = Builder::new().prefix(PREFIX).tempdir_in(&parent).map_err(|error| scratch_failure(&error))?;
            if let Some(lock) = locked(folder.path()).map_err(|error| scratch_failure(&error))? {
                return Ok(Self { folder, _lock: lock });
            }
        }
        Err(Failure::bug("other jobs remove each folder for temporary files before it can be locked"))
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The lock of a folder; `None` where somebody else has it, or has removed the folder.
fn locked(folder: &Path) -> io::Result<Option<File>> {
    let lock = match File::open(folder) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok((lock.try_lock().is_ok() && folder.exists()).then_some(lock))
}

/// Removes the folders of jobs that are gone. One that cannot be removed is in nobody's way.
fn remove_left_behind(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|found| found.is_dir())
            && let Ok(Some(_lock)) = locked(&entry.path())
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
