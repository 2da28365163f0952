//! The data folder and who owns it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use etlplus_core::ports::StoreUnavailable;

use super::error::OpenError;

const LOCK: &str = "lock";
const DATABASE: &str = "etlplus.db";
/// A process id has at most 10 digits; what is longer was not written by a server.
const PID_DIGITS_MAX: u64 = 10;

/// A server that was killed holds the lock until the kernel has ended its last write, which a busy disk can delay.
const DEAD_OWNER_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(20);

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
        let deadline = Instant::now() + DEAD_OWNER_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(unusable(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            let pid = read_pid(&mut lock);
            if pid.is_none_or(lives) || Instant::now() >= deadline {
                return Err(OpenError::Locked { folder: path.to_owned(), pid });
            }
            thread::sleep(LOCK_POLL);
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

/// The database's file, as the system knows it. No other file gets its inode while it is open.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl DatabaseFile {
    /// The file that `path` leads to now: to be asked for before it is opened, so that no other one is taken for it.
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        let metadata = fs::metadata(&path)?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }

    /// The file's size; 0 where it cannot be looked at.
    pub(super) fn bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Whether the path still leads to the file. What is written to one that was deleted is lost with the last connection,
    /// and SQLite does not say so.
    ///
    /// # Errors
    /// The file was deleted, moved or replaced. A path that cannot be looked at says nothing of the file.
    pub(super) fn check(&self) -> Result<(), StoreUnavailable> {
        let what = match fs::metadata(&self.path) {
            Ok(metadata) if (metadata.dev(), metadata.ino()) != (self.device, self.inode) => "replaced by another file",
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                "deleted or moved away"
            }
            _ => return Ok(()),
        };
        let database = self.path.display();
        Err(StoreUnavailable {
            message: format!("the database {database} was {what} while the server ran"),
            remedy: format!(
                "put it or a backup in its place, with no {database}-wal beside it but its own, then start the server again"
            ),
        })
    }
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

/// Whether the process runs: one that was killed and has not ended yet does not (proc_pid_stat(5)).
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X' | 'D'))
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.seek(SeekFrom::Start(0)).ok()?;
    lock.take(PID_DIGITS_MAX + 1).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// A file that SQLite keeps beside a database.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
