//! Where the files of a load are until it is committed, and how they come to their places.
//!
//! A load that replaces a folder, or makes one, writes a whole folder beside it and exchanges the two: one call of the system, which
//! happens or does not. A load that appends writes to `.etlplus/JOB` within the folder; it has happened once the log of
//! loads says so, and then its files are moved to their places. Whoever is stopped between the two leaves the rest of the
//! moving to the next who takes the folder's lock.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::loads::{LoadRecord, Loads, NOTES, fixed_interval, forget_interval, sync_folder};
use super::lock::FolderLock;
use crate::failure::io_failure;
use crate::target::atomic_file::{folder_of, make_folder, temporary_name};
use crate::target::{TEMPORARY_SUFFIX, reached};

/// The files of a load that is not committed. Dropped, they are removed.
pub(super) struct Stage {
    /// Where they are.
    root: PathBuf,
    /// The folder that is the target.
    folder: PathBuf,
    kind: Kind,
    is_committed: bool,
}

enum Kind {
    /// Within the folder, which keeps what it has.
    Within { loads: Loads, _lock: FolderLock },
    /// Beside the folder, which goes if it is there.
    Beside { _lock: FolderLock, old: Option<FolderLock> },
}

impl Stage {
    /// Begins an append to `folder`, whose lock this is and whose loads these are.
    pub(super) fn within(folder: &Path, job: &JobId, loads: Loads, lock: FolderLock) -> Result<Self, Failure> {
        let root = folder.join(NOTES).join(job.to_string());
        fs::create_dir(&root).map_err(|error| io_failure("make the folder", &root, &error))?;
        let kind = Kind::Within { loads, _lock: lock };
        Ok(Self { root, folder: folder.to_owned(), kind, is_committed: false })
    }

    /// Begins a folder that takes the place of `folder`, whose lock `old` is if it is there.
    pub(super) fn beside(folder: &Path, job: &JobId, old: Option<FolderLock>) -> Result<Self, Failure> {
        let root = folder_of(folder).join(temporary_name(folder, &job.to_string()));
        make_folder(folder_of(folder))?;
        let lock = make_locked(&root).map_err(|error| io_failure("make the folder", &root, &error))?;
        let has_old = old.is_some();
        let kind = Kind::Beside { _lock: lock, old };
        let stage = Self { root, folder: folder.to_owned(), kind, is_committed: false };
        if has_old {
            stage.ensure_exchangeable()?;
        }
        Ok(stage)
    }

    /// The folder to write the files to, at the paths that they will have.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The end that the names of files have here beside their own: readers of folders that look into hidden ones, too, pass
    /// over a name that does not end as its format does. Nothing is renamed within a folder that is exchanged as a whole.
    pub(super) fn suffix(&self) -> &'static str {
        match self.kind {
            Kind::Within { .. } => TEMPORARY_SUFFIX,
            Kind::Beside { .. } => "",
        }
    }

    /// Puts the files in place; they are on the disk already. An error does not tell whether the load has happened: the next
    /// start finds out.
    pub(super) fn commit(mut self, record: &LoadRecord) -> Result<(), Failure> {
        let failed = |error| io_failure("write", &self.folder, &error);
        sync_tree(&self.root).map_err(failed)?;
        match &self.kind {
            Kind::Within { loads, .. } => {
                let cursor = reached(fixed_interval(&self.folder, &record.job)?, record.cursor.clone());
                loads.append(&self.folder, &LoadRecord { cursor, ..record.clone() })?;
                self.is_committed = true;
                roll_forward(&self.folder, &self.root).map_err(failed)?;
                forget_interval(&self.folder, &record.job);
            }
            Kind::Beside { old, .. } => {
                Loads::default().append(&self.root, record)?;
                self.put_in_place(old.is_some())?;
                self.is_committed = true;
                sync_folder(folder_of(&self.folder)).map_err(failed)?;
                // What is there now is the old folder. Where it cannot be removed, the next start tries again.
                let _ = fs::remove_dir_all(&self.root);
            }
        }
        Ok(())
    }

    fn put_in_place(&self, has_old: bool) -> Result<(), Failure> {
        let flags = if has_old { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
        match renameat_with(CWD, &self.root, CWD, &self.folder, flags) {
            Err(rustix::io::Errno::EXIST) => Err(Failure::transient(
                "target_changed",
                format!("{} was made by somebody else while this job was writing it", self.folder.display()),
                "run again",
            )),
            renamed => renamed.map_err(|error| io_failure("write", &self.folder, &error.into())),
        }
    }

    /// Finds out before the load, not after it, whether the file system can exchange folders.
    fn ensure_exchangeable(&self) -> Result<(), Failure> {
        let [a, b] = ["a", "b"].map(|name| self.root.join(NOTES).join(name));
        let exchange = || -> io::Result<()> {
            let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
            if device(&self.root)? != device(&self.folder)? {
                return Err(io::ErrorKind::CrossesDevices.into());
            }
            fs::set_permissions(&self.root, fs::metadata(&self.folder)?.permissions())?;
            fs::create_dir(&a)?;
            fs::create_dir(&b)?;
            renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE)?;
            fs::remove_dir(&a)?;
            fs::remove_dir(&b)
        };
        exchange().map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::CrossesDevices => Failure::user(
                "folder_not_exchangeable",
                format!("the file system cannot exchange {} for a new folder: {error}", self.folder.display()),
                "name a folder within it, which must not be a mount point; or append, or write one file",
            ),
            _ => io_failure("write", &self.root, &error),
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.is_committed {
            // Nothing can be done about a failure here; the next job of this target tries again.
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// Ends what killed jobs began within `folder`, whose lock the caller has and whose loads these are: what was committed is
/// put in place, what was not is removed.
pub(super) fn recover(folder: &Path, loads: &Loads) -> Result<(), Failure> {
    let failed = |error| io_failure("recover", folder, &error);
    for entry in fs::read_dir(folder.join(NOTES)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Some(job) = entry.file_name().to_str().and_then(|name| name.parse::<JobId>().ok()) else { continue };
        if loads.of(&job).is_some() {
            roll_forward(folder, &entry.path()).map_err(failed)?;
            forget_interval(folder, &job);
        } else {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Removes folders beside `folder` that killed jobs left. Best effort: they cost space and harm nothing.
pub(super) fn remove_left_behind(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder_of(folder)) else { return };
    let prefix = temporary_name(folder, "").to_string_lossy().into_owned();
    let prefix = prefix.trim_end_matches(TEMPORARY_SUFFIX);
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let job = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(TEMPORARY_SUFFIX));
        let is_stage = job.is_some_and(|job| job.parse::<JobId>().is_ok()) && entry.path().is_dir();
        // The lock is held until the folder is gone: whoever made it a moment ago must not come to think it his.
        if is_stage && let Ok(Some(_lock)) = FolderLock::try_take(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes a folder and locks it. Between the two, a job that cleans up may take it for one left behind; then it is made once
/// more.
fn make_locked(root: &Path) -> io::Result<FolderLock> {
    const TRIES: usize = 1000;
    const WAIT: Duration = Duration::from_millis(1);
    for _ in 0..TRIES {
        match fs::create_dir(root).and_then(|()| FolderLock::try_take(root)) {
            Ok(Some(lock)) => return Ok(lock),
            Err(error) if !matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
                return Err(error);
            }
            _ => thread::sleep(WAIT),
        }
    }
    Err(io::Error::other("another attempt of this job is still writing it"))
}

/// Moves the files of a committed load to their places, and then removes its stage. May be begun again after it was stopped.
fn roll_forward(folder: &Path, stage: &Path) -> io::Result<()> {
    let mut moves = Vec::new();
    let mut folders = vec![folder.to_owned()];
    for (path, is_folder) in walk(stage)? {
        let place = folder.join(path.strip_prefix(stage).unwrap_or(&path));
        if is_folder {
            match fs::create_dir(&place) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => folders.push(place),
            }
        } else {
            let name = entry_name(&place);
            let place = place.with_file_name(name.strip_suffix(TEMPORARY_SUFFIX).unwrap_or(&name));
            moves.push((path, place));
        }
    }
    // Readers that come now see some of the files: nothing else is done meanwhile.
    for (from, to) in &moves {
        fs::rename(from, to)?;
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))?;
    fs::remove_dir_all(stage)
}

fn entry_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Makes the names of all files in a folder, and in the folders within it, durable.
fn sync_tree(root: &Path) -> io::Result<()> {
    sync_folder(root)?;
    for (path, is_folder) in walk(root)? {
        if is_folder {
            sync_folder(&path)?;
        }
    }
    Ok(())
}

/// Everything in a folder and in the folders within it, a folder before what is in it; and whether it is one.
fn walk(root: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let is_folder = entry.file_type()?.is_dir();
            if is_folder {
                folders.push(entry.path());
            }
            found.push((entry.path(), is_folder));
        }
    }
    Ok(found)
}
