//! What an earlier server left: its jobs are taken up again, and its runners are ended.

use std::collections::BTreeSet;
use std::ffi::OsString;

use chrono::{DateTime, Utc};
use etlplus_core::Failure;
use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::{HeldRunner, JobState, JobStatus};
use etlplus_core::ports::JobRecord;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Command, Ended, Managed, Manager};
use crate::supervisor::{Attempt, SERVER_STOPPED};

/// A job that went down with its server so often is not tried again: it may be what brings the server down.
const SERVER_STOPS_MAX: u32 = 5;

/// When an attempt that was lost is tried again: at once where it went down with its server, else not at all.
pub(super) fn retry_at(failure: &Failure, attempt: AttemptNumber, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (failure.code == SERVER_STOPPED && attempt.get() < SERVER_STOPS_MAX).then_some(now)
}

impl Manager {
    /// Takes up `records`, the jobs that have not ended. Attempts that ran are taken over, each in a task of its own.
    pub(super) fn recover(&mut self, records: Vec<JobRecord>) {
        let mut kept = BTreeSet::new();
        for JobRecord { header, state, .. } in records {
            let (id, attempt) = (header.id, state.attempt());
            let has_runner = match &state {
                JobState::Paused { runner, .. } => !matches!(runner, HeldRunner::Gone { .. }),
                other => other.status() == JobStatus::Running,
            };
            let stop = has_runner.then(CancellationToken::new);
            if has_runner {
                kept.insert(OsString::from(format!("{id}.{attempt}")));
                let (context, ended) = (self.context.clone(), self.ended.clone());
                self.attempts.spawn(async move {
                    let (end, hold) = Attempt { context, job: id, number: attempt }.take_over().await;
                    let _ = ended.send(Command::Ended(Ended { job: id, attempt, end, hold })).await;
                });
            }
            self.jobs.insert(id, Managed { header, state, stop, due: Instant::now() });
        }
        self.remove_leavings(kept);
    }

    /// Removes the directories of attempts whose end is recorded: the server stopped before it came to that.
    fn remove_leavings(&self, kept: BTreeSet<OsString>) {
        let attempts = self.context.options.folder.join("attempts");
        self.attempts.spawn_blocking(move || {
            let Ok(entries) = std::fs::read_dir(&attempts) else { return };
            for entry in entries.flatten().filter(|entry| !kept.contains(&entry.file_name())) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        });
    }
}
