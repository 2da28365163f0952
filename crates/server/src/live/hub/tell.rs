//! From updates of the view to the groups' buffers, and from there to the sockets.

use std::sync::Arc;

use etlplus_api::CloseCode;
use etlplus_core::ports::{Fact, Recorded};
use etlplus_monitor::Update;
use tokio::time::Instant;

use super::Hub;
use crate::live::FRAMES_SENT;
use crate::live::bounds::{BUFFER_BYTES_MAX, FLUSH_TICK, PENDING_BYTES_MAX};
use crate::live::connection::Connection;
use crate::live::filter::Subject;
use crate::live::framing::Payload;
use crate::live::group::GroupId;
use crate::live::samples;
use crate::wire;

impl Hub {
    pub(super) fn tell(&mut self, updates: Vec<Update>) {
        self.configure_if_changed();
        self.version += 1;
        for update in updates {
            match update {
                Update::Moved(recorded) | Update::Said(recorded) | Update::Noted(recorded) => self.tell_fact(&recorded),
                Update::Read(job) => {
                    self.readings.insert(job);
                }
                Update::Renewed => self.renew(),
            }
            if self.pending >= PENDING_BYTES_MAX {
                self.flush();
            }
        }
        if self.pending == 0 && self.readings.is_empty() {
            return;
        }
        let due = self.flushed_at + FLUSH_TICK;
        if due <= Instant::now() {
            self.flush();
        } else {
            self.flush_at = Some(due);
        }
    }

    fn tell_fact(&mut self, recorded: &Recorded) {
        self.told = recorded.offset;
        let status = match &recorded.fact {
            Fact::Job { job, fact } => {
                let status = fact.state.status();
                if status.is_terminal() {
                    self.statuses.remove(&job.id);
                } else {
                    self.statuses.insert(job.id, status);
                }
                Some(status)
            }
            Fact::Log { .. } if !self.monitoring().job_tracking.log_streaming_enabled => return,
            Fact::Log { job, .. } => self.statuses.get(&job.id).copied(),
            Fact::Alert(_) | Fact::Settings(_) => None,
        };
        self.add(Subject::of_fact(&recorded.fact, status), recorded);
    }

    fn add(&mut self, subject: Subject<'_>, recorded: &Recorded) {
        let epoch = self.monitor.view().position().epoch.to_string();
        let mut payload = None;
        let pending = &mut self.pending;
        self.groups.for_each_of(subject, |group| {
            let payload = payload.get_or_insert_with(|| Payload::of(&wire::fact(&epoch, recorded)));
            *pending += group.add_fact(payload, recorded.offset);
        });
    }

    /// Facts were missed, so everyone gets a new snapshot in place of what is missing.
    pub(super) fn renew(&mut self) {
        self.flush();
        self.recall_statuses();
        let (since, upto) = (self.told, self.monitor.view().position().offset);
        self.told = upto;
        for id in self.groups.ids() {
            let snapshot = self.snapshot(id);
            self.groups.get(id).push_snapshot(&snapshot, since, upto);
            drop(snapshot);
            self.keep_budget();
        }
    }

    pub(super) fn recall_statuses(&mut self) {
        self.statuses = self.monitor.view().jobs().map(|job| (job.header.id, job.state.status())).collect();
    }

    pub(super) fn flush(&mut self) {
        let tracking = &self.settings.values.monitoring.job_tracking;
        samples::add(&mut self.readings, self.monitor.view(), &mut self.groups, tracking);
        let frames = self.groups.iter_mut().map(|group| group.flush(&self.budget)).sum();
        count_frames(frames);
        self.pending = 0;
        self.flush_at = None;
        self.flushed_at = Instant::now();
        self.keep_budget();
    }

    /// Gives memory back where clients hold too much: first snapshots that are kept for who may come, then what those wait
    /// for that are the furthest behind.
    pub(super) fn keep_budget(&mut self) {
        if self.budget.used() <= BUFFER_BYTES_MAX {
            return;
        }
        for group in self.groups.iter_mut() {
            group.snapshot = None;
        }
        if self.budget.used() > BUFFER_BYTES_MAX {
            self.close_furthest_behind();
        }
    }

    fn close_furthest_behind(&self) {
        let mut behind: Vec<(usize, &Arc<Connection>)> =
            self.groups.members().map(|(member, _)| (member.outbox().waiting(), member)).collect();
        behind.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (bytes, connection) in behind {
            if bytes == 0 || self.budget.used() <= BUFFER_BYTES_MAX {
                break;
            }
            tracing::warn!(connection = %connection.id, bytes, "closed: slow clients hold too much memory");
            connection.close(CloseCode::Slow);
        }
    }

    pub(super) fn flush_group(&mut self, group: GroupId) {
        count_frames(self.groups.get(group).flush(&self.budget));
    }
}

/// Counts frames that went to connections: once for each flush, since to count each would cost more than to copy it.
fn count_frames(frames: usize) {
    if frames > 0 {
        metrics::counter!(FRAMES_SENT).increment(frames as u64);
    }
}

/// Shows counters that nothing has counted yet: one that is absent could be one that nobody keeps. Those of the sweep are
/// told by the first.
pub(super) fn show_counters() {
    metrics::counter!(FRAMES_SENT).increment(0);
}
