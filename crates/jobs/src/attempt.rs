//! The attempt directory: what a runner leaves for its supervisor, or for the one after a crash of the server.
//!
//! ```text
//! attempts/JOB.ATTEMPT/
//!   lock           held by the runner as long as it lives; holds its process id
//!   log.ndjson     the spool: each log line as it was said
//!   outcome.json   how the attempt ended; appears whole or not at all, and is on disk then
//!   stopped        there where the server was told to end, and ended the attempt
//!   stderr         what the runner's standard error took: panics, mostly
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::ports::RunReport;
use rustix::process::{Pid, Signal, kill_process_group};

/// How long a runner whose server is gone may take to notice and end, before it is killed.
const ORPHAN_GRACE: Duration = Duration::from_secs(5);
/// How long the operating system may take to end a killed runner.
const KILL_GRACE: Duration = Duration::from_secs(30);
/// How often a lock is tried.
const LOCK_POLL: Duration = Duration::from_millis(10);
/// The most that is read of the standard error, from its end.
const STDERR_MAX_BYTES: u64 = 4 << 10;

/// An attempt directory.
#[derive(Debug, Clone)]
pub(crate) struct AttemptFolder(PathBuf);

/// A runner's hold on its attempt directory: while the value lives, nobody takes the attempt over.
#[derive(Debug)]
pub(crate) struct Hold {
    _lock: File,
}

impl AttemptFolder {
    /// The directory of an attempt below the manager's `root`. It need not be there.
    pub(crate) fn of(root: &Path, job: JobId, attempt: AttemptNumber) -> Self {
        Self(root.join("attempts").join(format!("{job}.{attempt}")))
    }

    /// The directory at `path`.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the directory.
    pub(crate) fn create(&self) -> io::Result<()> {
        create_private(&self.0)
    }

    /// Removes the directory, if it is there.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// The spool file.
    pub(crate) fn spool(&self) -> PathBuf {
        self.0.join("log.ndjson")
    }

    /// A file for the runner's standard error.
    pub(crate) fn create_stderr(&self) -> io::Result<File> {
        File::create(self.0.join("stderr"))
    }

    /// The end of what the runner's standard error took, as text.
    pub(crate) fn stderr_tail(&self) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.0.join("stderr"))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(STDERR_MAX_BYTES)))?;
            let mut bytes = Vec::new();
            file.take(STDERR_MAX_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).trim().to_owned()
    }

    /// Puts the outcome in place, durable before it has its name.
    pub(crate) fn write_outcome(&self, report: &RunReport) -> io::Result<()> {
        let temporary = self.0.join("outcome.tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(report)?)?;
        file.sync_all()?;
        fs::rename(&temporary, self.0.join("outcome.json"))?;
        File::open(&self.0)?.sync_all()
    }

    /// The outcome; `None` where the attempt left none.
    pub(crate) fn read_outcome(&self) -> io::Result<Option<RunReport>> {
        match fs::read(self.0.join("outcome.json")) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes that the server was told to end, and ended the attempt with itself.
    pub(crate) fn mark_stopped(&self) -> io::Result<()> {
        File::create(self.0.join("stopped"))?.sync_all()
    }

    /// Whether that is noted.
    pub(crate) fn is_marked_stopped(&self) -> bool {
        self.0.join("stopped").exists()
    }

    /// Takes hold of the directory for this process, the runner.
    ///
    /// # Errors
    /// Where the attempt was taken over before the runner came to it: it must do nothing then.
    pub(crate) fn hold(&self) -> io::Result<Hold> {
        let path = self.0.join("lock");
        let mut lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        lock.try_lock().map_err(|_| io::Error::other("another process holds the attempt"))?;
        // Who takes an attempt over removes the directory while holding the lock.
        if fs::metadata(&path)?.ino() != lock.metadata()?.ino() {
            return Err(io::Error::other("the attempt was given up"));
        }
        write!(lock, "{}", std::process::id())?;
        lock.flush()?;
        Ok(Hold { _lock: lock })
    }

    /// Makes sure that no runner works on the attempt any more, and keeps one that is late from beginning: a runner that
    /// still lives is given a moment to notice that its server is gone, and is killed with its process group then.
    /// Blocks. `None` where the runner never came so far as to make its directory its own.
    ///
    /// # Errors
    /// Where the operating system does not end the process.
    pub(crate) fn take_over(&self) -> io::Result<Option<Hold>> {
        let mut lock =
            match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.0.join("lock")) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other?,
            };
        if try_lock_for(&lock, ORPHAN_GRACE)? {
            return Ok(Some(Hold { _lock: lock }));
        }
        let mut text = String::new();
        lock.seek(SeekFrom::Start(0))?;
        lock.read_to_string(&mut text)?;
        // The lock is held, so the process that wrote its id lives, and the id is not another's.
        if let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) {
            tracing::warn!(pid = pid.as_raw_nonzero(), folder = %self.0.display(), "killing a runner that was left behind");
            let _ = kill_process_group(pid, Signal::KILL);
        }
        match try_lock_for(&lock, KILL_GRACE)? {
            true => Ok(Some(Hold { _lock: lock })),
            false => Err(io::Error::other("a runner that was killed does not end")),
        }
    }
}

/// Makes a directory that only the server's user can look into: log lines and rejected rows hold data.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn try_lock_for(lock: &File, time: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + time;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
