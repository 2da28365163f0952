//! What an earlier server left: its jobs are taken up again, and its runners are ended.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::Failure;
use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::{HeldRunner, JobState, JobStatus};
use etlplus_core::ports::JobRecord;

use super::managed::{Managed, Running};
use super::{Command, Ended, Manager};
use crate::program::SERVER_SHORT;
use crate::supervisor::{Attempt, SERVER_ENDED, SERVER_STOPPED};

/// A job that comes to so many attempts is not tried again where its server crashes, since it may be what brings it down,
/// nor where the server cannot begin it.
const ATTEMPTS_MAX: u32 = 10;

/// How long an attempt waits that the server had no means to begin, times the attempts before it.
const SHORTAGE_WAIT: TimeDelta = TimeDelta::seconds(2);

/// When an attempt that was lost is tried again: at once where it went down with its server, later where the server had no
/// means to begin it, else not at all.
pub(super) fn retry_at(failure: &Failure, attempt: AttemptNumber, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_early = attempt.get() < ATTEMPTS_MAX;
    match failure.code.as_str() {
        SERVER_ENDED => Some(now),
        SERVER_STOPPED if is_early => Some(now),
        SERVER_SHORT if is_early => Some(now + SHORTAGE_WAIT * i32::try_from(attempt.get()).unwrap_or(1)),
        _ => None,
    }
}

impl Manager {
    /// Takes up `records`, the jobs that have not ended. Attempts that ran are taken over, each in a task of its own.
    /// `found` are the names of the attempt directories that there were before any attempt began.
    pub(super) fn recover(&mut self, records: Vec<JobRecord>, found: Vec<OsString>) {
        let mut kept = BTreeSet::new();
        let now = self.context.moment();
        for record in records {
            let (id, attempt) = (record.header.id, record.state.attempt());
            let has_runner = match &record.state {
                JobState::Paused { runner, .. } => !matches!(runner, HeldRunner::Gone { .. }),
                other => other.status() == JobStatus::Running,
            };
            let mut job = Managed::new(&record, now);
            if has_runner {
                job.attempt = Some(Running::ending());
                kept.insert(OsString::from(format!("{id}.{attempt}")));
                let (context, ended) = (self.context.clone(), self.ended.clone());
                self.attempts.spawn(async move {
                    let (end, hold) = Attempt { context, job: id, number: attempt }.take_over().await;
                    let _ = ended.send(Command::Ended(Ended { job: id, attempt, end, hold })).await;
                });
            }
            self.jobs.insert(id, job);
        }
        self.remove(found.into_iter().filter(|name| !kept.contains(name)).collect());
    }

    /// Removes the directories of attempts whose end is recorded: the server stopped before it came to that.
    fn remove(&self, leavings: Vec<OsString>) {
        let attempts = self.context.options.folder.join("attempts");
        self.attempts.spawn_blocking(move || {
            for name in leavings {
                let _ = std::fs::remove_dir_all(attempts.join(name));
            }
        });
    }
}

/// The names of the attempt directories.
pub(super) fn attempt_folders(folder: &Path) -> Vec<OsString> {
    let entries = std::fs::read_dir(folder.join("attempts")).into_iter().flatten();
    entries.flatten().map(|entry| entry.file_name()).collect()
}
