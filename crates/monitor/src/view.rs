//! The live view: a plain fold, without time, tasks or I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use etlplus_core::ids::JobId;
use etlplus_core::job::{JobHeader, JobState, JobStatus};
use etlplus_core::ports::{Fact, JobRecord, LogPosition, Reading, Recorded, Snapshot};

/// Log lines that are kept for each active job.
pub const RECENT_LOGS_MAX: usize = 100;

/// An active job.
#[derive(Debug, Clone)]
pub struct LiveJob {
    /// What never changes.
    pub header: Arc<JobHeader>,
    /// Where it is.
    pub state: JobState,
    /// The newest reading of the attempt that runs; `None` before its first.
    pub reading: Option<Reading>,
    /// Its last log lines, oldest first: facts of the kind [`Fact::Log`].
    pub recent_logs: VecDeque<Arc<Recorded>>,
}

/// What changed in the view.
#[derive(Debug, Clone)]
pub enum Update {
    /// A job moved: a fact of the kind [`Fact::Job`]. A job that has ended is no longer in the view.
    Moved(Arc<Recorded>),
    /// A job said something: a fact of the kind [`Fact::Log`].
    Said(Arc<Recorded>),
    /// Something happened that is no move and no word of a job: a fact of the kind [`Fact::Alert`] or [`Fact::Settings`].
    Noted(Arc<Recorded>),
    /// A job has a new reading, which is in the view.
    Read(JobId),
    /// Facts were missed, and the view was taken anew from the store.
    Renewed,
}

/// Every job that has not ended, at one place in the log.
#[derive(Debug, Clone)]
pub struct LiveView {
    position: LogPosition,
    jobs: BTreeMap<JobId, LiveJob>,
}

impl LiveView {
    /// The view of a snapshot. Readings and log lines come with time.
    pub fn new(snapshot: Snapshot) -> Self {
        let live = |JobRecord { header, state, .. }: JobRecord| {
            (header.id, LiveJob { header, state, reading: None, recent_logs: VecDeque::new() })
        };
        Self { position: snapshot.position, jobs: snapshot.jobs.into_iter().map(live).collect() }
    }

    /// The last fact that the view holds.
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Every active job, by id.
    pub fn jobs(&self) -> impl ExactSizeIterator<Item = &LiveJob> {
        self.jobs.values()
    }

    /// An active job.
    pub fn job(&self, id: JobId) -> Option<&LiveJob> {
        self.jobs.get(&id)
    }

    /// Takes the next fact; one that the view holds already changes nothing.
    pub fn take(&mut self, recorded: &Arc<Recorded>) -> Option<Update> {
        if recorded.offset <= self.position.offset {
            return None;
        }
        self.position.offset = recorded.offset;
        Some(match &recorded.fact {
            Fact::Job { job, fact } => {
                self.moved(job, &fact.state);
                Update::Moved(recorded.clone())
            }
            Fact::Log { job, .. } => {
                if let Some(live) = self.jobs.get_mut(&job.id) {
                    live.keep(recorded.clone());
                }
                Update::Said(recorded.clone())
            }
            Fact::Alert(_) | Fact::Settings(_) => Update::Noted(recorded.clone()),
        })
    }

    fn moved(&mut self, job: &Arc<JobHeader>, state: &JobState) {
        if state.status().is_terminal() {
            self.jobs.remove(&job.id);
            return;
        }
        match self.jobs.get_mut(&job.id) {
            Some(live) => {
                if live.state.attempt() != state.attempt() {
                    live.reading = None;
                }
                live.state = state.clone();
            }
            None => {
                let (header, state) = (job.clone(), state.clone());
                self.jobs.insert(job.id, LiveJob { header, state, reading: None, recent_logs: VecDeque::new() });
            }
        }
    }

    /// Takes a reading. One of an attempt that does not run, or no longer, changes nothing: it would show a job that has
    /// ended as if it went on.
    pub fn read(&mut self, reading: Reading) -> Option<Update> {
        let id = reading.sample.job;
        let live = self.jobs.get_mut(&id)?;
        let is_shown = live.state.status() == JobStatus::Running && live.state.attempt() == reading.sample.attempt;
        is_shown.then(|| {
            live.reading = Some(reading);
            Update::Read(id)
        })
    }

    /// Puts a job's last recorded lines in front of those that were heard.
    pub(crate) fn recall(&mut self, id: JobId, recorded: Vec<Arc<Recorded>>) {
        let Some(live) = self.jobs.get_mut(&id) else { return };
        for line in recorded {
            live.keep(line);
        }
    }
}

impl LiveJob {
    fn keep(&mut self, line: Arc<Recorded>) {
        if self.recent_logs.len() == RECENT_LOGS_MAX {
            self.recent_logs.pop_front();
        }
        self.recent_logs.push_back(line);
    }
}
