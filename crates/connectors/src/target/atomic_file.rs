//! A file that appears whole or not at all, whenever the process or the machine stops.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use etlplus_core::Failure;
use etlplus_core::ids::JobId;

use super::output::OutputFile;
use crate::failure::io_failure;

/// The end of a temporary file's name. Its start is a dot, so that a glob over the folder does not find it.
pub const TEMPORARY_SUFFIX: &str = ".etlplus-tmp";

/// A file under a temporary name beside its place. It holds a lock while it is written, so that what a killed job left
/// behind can be told from what another job is writing. Dropped without a commit, it is removed.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    is_committed: bool,
}

impl AtomicFile {
    /// Starts a file that will take the place of `path`. Missing folders are made; what killed jobs left is removed.
    pub fn create(path: &Path, job: &JobId) -> Result<Self, Failure> {
        // Through a symbolic link, the file that it leads to is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let failed = |error: io::Error| io_failure("write", &path, &error);
        let present = fs::metadata(&path).ok();
        if let Some(present) = &present {
            refuse_unless_regular(&path, present)?;
        }
        let folder = folder_of(&path);
        make_folder(folder)?;
        remove_left_behind(&path);
        let temporary = folder.join(temporary_name(&path, &job.to_string()));
        let file = create_locked(&temporary).map_err(failed)?;
        // Who could not read the old file must not be able to read the new one.
        if let Some(present) = present {
            file.set_permissions(present.permissions()).map_err(failed)?;
        }
        Ok(Self { file, temporary, path, is_committed: false })
    }

    /// The place that it will take.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is until it is committed.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The same file for a writer of its own, which has to be done with it before the commit.
    pub(super) fn output(&self) -> Result<OutputFile, Failure> {
        let file = self.file.try_clone().map_err(|error| self.write_failure(&error))?;
        Ok(OutputFile::new(file, self.path.clone()))
    }

    /// An error while writing it.
    pub fn write_failure(&self, error: &io::Error) -> Failure {
        io_failure("write", &self.path, error)
    }

    /// Gives the content another name as well, or copies it where that is on another file system. To be called before the
    /// commit: afterwards another job may have replaced the file at its place. Where it fails, there is no file at `copy`.
    pub fn keep_copy(&self, copy: &Path) -> io::Result<()> {
        // One that was left by an attempt of the same number is not it.
        let _ = fs::remove_file(copy);
        if fs::hard_link(&self.temporary, copy).is_ok() {
            return Ok(());
        }
        let copied = fs::copy(&self.temporary, copy).and_then(|_| File::open(copy)?.sync_all());
        // Half a copy would pass for the whole of it.
        copied.inspect_err(|_| drop(fs::remove_file(copy)))
    }

    /// Makes the content durable, then gives the file its name, then makes the name durable. Returns its size in bytes.
    pub fn commit(mut self) -> Result<u64, Failure> {
        self.put_in_place().map_err(|error| self.write_failure(&error))
    }

    fn put_in_place(&mut self) -> io::Result<u64> {
        self.file.sync_all()?;
        let bytes = self.file.metadata()?.len();
        fs::rename(&self.temporary, &self.path)?;
        self.is_committed = true;
        File::open(folder_of(&self.path))?.sync_all()?;
        Ok(bytes)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_committed {
            // Nothing can be done about a failure here; the next job of this target tries again.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A device or a pipe would be replaced by a file of the same name.
fn refuse_unless_regular(path: &Path, present: &Metadata) -> Result<(), Failure> {
    if present.is_file() {
        return Ok(());
    }
    if present.is_dir() {
        return Err(io_failure("write", path, &io::ErrorKind::IsADirectory.into()));
    }
    Err(Failure::user(
        "not_a_file",
        format!("cannot write {}: it is a device, a pipe or a socket", path.display()),
        "name a regular file, or one that is not there yet",
    ))
}

pub(super) fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        // The system says "exists" of a file that stands where the folder should.
        let is_file = error.kind() == io::ErrorKind::AlreadyExists;
        let error = if is_file { io::ErrorKind::NotADirectory.into() } else { error };
        io_failure("make the folder", folder, &error)
    })
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

pub(super) fn temporary_name(path: &Path, middle: &str) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(middle);
    name.push(TEMPORARY_SUFFIX);
    name
}

/// Creates a file and locks it. Between the two, a job that cleans up may take it for one left behind; that job holds the
/// lock until it has removed the file, and then it is made once more.
fn create_locked(temporary: &Path) -> io::Result<File> {
    const TRIES: usize = 1000;
    const WAIT: Duration = Duration::from_millis(1);
    for _ in 0..TRIES {
        match OpenOptions::new().write(true).create_new(true).open(temporary) {
            Ok(file) if file.try_lock().is_ok() && is_named(&file, temporary) => return Ok(file),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => thread::sleep(WAIT),
        }
    }
    Err(io::Error::other("other jobs keep removing its temporary file"))
}

/// Whether `path` still leads to `file`.
fn is_named(file: &File, path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|named| file.metadata().is_ok_and(|open| open.ino() == named.ino()))
}

/// Removes temporary files of `path` that nobody is writing. Best effort: they cost space and harm nothing.
fn remove_left_behind(path: &Path) {
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    let prefix = temporary_name(path, "");
    let prefix = prefix.to_string_lossy();
    let prefix = prefix.trim_end_matches(TEMPORARY_SUFFIX);
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Between the two stands a job's id, which has no dot: `.a.csv.` is not the start of a file of `a.csv.gz`.
        let middle = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(TEMPORARY_SUFFIX));
        if middle.is_some_and(|middle| !middle.contains('.')) {
            // The lock is held until the file is gone: whoever made it a moment ago must not come to think it his.
            if let Ok(file) = File::open(entry.path())
                && file.try_lock().is_ok()
            {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    /// Jobs of one target clean up after one another while each begins its own file.
    #[test]
    fn jobs_that_begin_at_once_do_not_take_each_others_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let job = |number: u64| format!("00000000-0000-7000-8000-{number:012x}").parse::<JobId>().unwrap();
        thread::scope(|scope| {
            for thread in 0..8 {
                let (path, job) = (&path, &job);
                scope.spawn(move || {
                    for round in 0..400 {
                        let mut file = AtomicFile::create(path, &job(thread * 1000 + round)).unwrap();
                        file.write_all(b"whole").unwrap();
                        fs::rename(&file.temporary, path).unwrap();
                        file.is_committed = true;
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
