//! What a folder notes about its loads, in the hidden folder `.etlplus` within it: the loads that it has, in order, and the
//! intervals that incremental jobs are going to read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::Interval;
use serde::{Deserialize, Serialize};

use crate::failure::io_failure;
use crate::target::{INTERVALS_KEPT_DAYS, NotedInterval, noted};

/// The folder of notes. Its name begins with a dot, so that neither globs nor readers of whole folders look into it.
pub(super) const NOTES: &str = ".etlplus";
const LOADS: &str = "loads.log";
const INTERVALS: &str = "intervals";
const INTERVALS_KEPT: Duration = Duration::from_secs(INTERVALS_KEPT_DAYS as u64 * 24 * 60 * 60);

/// A load that a folder has: one line of the log, which is appended to. That the line is there, with its end, is what makes
/// the load one that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LoadRecord {
    /// Who loaded.
    pub(super) job: JobId,
    /// The pipeline of the job. Earlier versions did not note it: such a load counts as one of each pipeline.
    #[serde(default)]
    pub(super) pipeline: Option<String>,
    /// Rows loaded.
    pub(super) rows: u64,
    /// Files written.
    pub(super) files: u64,
    /// Their size.
    pub(super) bytes: u64,
    /// The greatest cursor of an incremental load.
    pub(super) cursor: Option<String>,
}

/// What an incremental job is going to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FixedInterval {
    after: Option<String>,
    up_to: Option<String>,
}

/// The loads of a folder, in the order in which they were committed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Loads {
    pub(super) records: Vec<LoadRecord>,
    /// The length of the log's whole lines. What comes after them is of a process that was killed while it wrote.
    whole_bytes: u64,
}

impl Loads {
    /// Reads the log of `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = log_path(folder);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if is_missing(&error) => return Ok(Self::default()),
            Err(error) => return Err(io_failure("read", &path, &error)),
        };
        let mut loads = Self::default();
        for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let Some(whole) = line.strip_suffix(b"\n") else { break };
            match serde_json::from_slice(whole) {
                Ok(record) => loads.records.push(record),
                Err(error) => return Err(unreadable(&path, index + 1, &error)),
            }
            loads.whole_bytes += line.len() as u64;
        }
        Ok(loads)
    }

    /// The load of `job`.
    pub(super) fn of(&self, job: &JobId) -> Option<&LoadRecord> {
        self.records.iter().find(|record| record.job == *job)
    }

    /// The greatest cursor that jobs of `pipeline` have loaded.
    pub(super) fn cursor(&self, pipeline: &str) -> Option<&str> {
        let is_of = |record: &&LoadRecord| record.pipeline.as_ref().is_none_or(|name| name == pipeline);
        self.records.iter().rev().filter(is_of).find_map(|record| record.cursor.as_deref())
    }

    /// Adds a load to the log of `folder` whose loads these are. Once this returns without an error, it has happened.
    pub(super) fn append(&self, folder: &Path, record: &LoadRecord) -> Result<(), Failure> {
        let path = log_path(folder);
        let mut line = serde_json::to_vec(record).map_err(|error| Failure::bug(error.to_string()))?;
        line.push(b'\n');
        let append = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            file.set_len(self.whole_bytes)?;
            file.seek(SeekFrom::End(0))?;
            let written = file.write_all(&line).and_then(|()| file.sync_all());
            // What is half written, or may not be on the disk, must not count after all.
            written.inspect_err(|_| drop(file.set_len(self.whole_bytes).and_then(|()| file.sync_all())))?;
            sync_folder(&folder.join(NOTES))
        };
        append().map_err(|error| io_failure("write", &path, &error))
    }
}

/// The interval that was fixed for `job`.
pub(super) fn fixed_interval(folder: &Path, job: &JobId) -> Result<Option<NotedInterval>, Failure> {
    let path = interval_path(folder, job);
    match fs::read(&path) {
        Ok(text) => {
            let fixed: FixedInterval = serde_json::from_slice(&text).map_err(|error| unreadable(&path, 1, &error))?;
            Ok(Some((fixed.after, fixed.up_to)))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(io_failure("read", &path, &error)),
    }
}

/// Notes the interval of `job`, durably, and forgets those of jobs that were given up. `folder` and missing ones above it are
/// made.
pub(super) fn fix_interval(folder: &Path, job: &JobId, interval: &Interval) -> Result<(), Failure> {
    let (after, up_to) = noted(interval);
    let fixed = FixedInterval { after, up_to };
    let path = interval_path(folder, job);
    let fix = || -> io::Result<()> {
        let intervals = folder.join(NOTES).join(INTERVALS);
        fs::create_dir_all(&intervals)?;
        let temporary = path.with_extension("tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(&fixed)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        [&intervals, &folder.join(NOTES), folder].into_iter().try_for_each(sync_folder)
    };
    fix().map_err(|error| io_failure("write", &path, &error))?;
    forget_old_intervals(&folder.join(NOTES).join(INTERVALS));
    Ok(())
}

/// Best effort: they cost space and harm nothing.
fn forget_old_intervals(intervals: &Path) {
    let Ok(entries) = fs::read_dir(intervals) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|modified| modified.elapsed());
        if age.is_ok_and(|age| age.is_ok_and(|age| age > INTERVALS_KEPT)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Forgets the interval of a job that has loaded it. Best effort: it is looked at by that job alone.
pub(super) fn forget_interval(folder: &Path, job: &JobId) {
    let _ = fs::remove_file(interval_path(folder, job));
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join(NOTES).join(LOADS)
}

fn interval_path(folder: &Path, job: &JobId) -> PathBuf {
    folder.join(NOTES).join(INTERVALS).join(format!("{job}.json"))
}

/// A folder that is a file has no notes either; whoever writes there will hear of it.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, line: usize, error: &serde_json::Error) -> Failure {
    Failure::data(
        "notes_unreadable",
        format!("cannot read line {line} of {}: {error}", path.display()),
        "restore the file from a copy: without it, rows may be loaded twice",
    )
}
