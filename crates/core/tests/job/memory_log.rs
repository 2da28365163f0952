//! A log of facts in memory: the smallest thing that keeps the contracts of the store's ports.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use etlplus_core::ids::{Epoch, JobId, Offset};
use etlplus_core::job::JobState;
use etlplus_core::ports::{
    Alert, AlertStatus, Alerts, Fact, History, HistoryError, Ledger, LedgerError, LogPosition, Recorded, Snapshot,
    StoreUnavailable,
};
use uuid::Uuid;

/// What the log holds. A change is made on a copy that then takes its place, which makes it all or nothing.
#[derive(Debug, Clone, Default)]
struct Content {
    log: Vec<Recorded>,
    jobs: BTreeMap<JobId, JobState>,
    firing: BTreeMap<BTreeMap<String, String>, Alert>,
    facts_shown_to_rules: usize,
}

pub(crate) struct MemoryLog {
    epoch: Epoch,
    content: Mutex<Content>,
}

impl MemoryLog {
    pub(crate) fn new() -> Self {
        Self { epoch: Epoch::from_uuid(Uuid::from_u128(7)), content: Mutex::default() }
    }

    pub(crate) fn position(&self, offset: Offset) -> LogPosition {
        LogPosition { epoch: self.epoch, offset }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().expect("no holder of the lock panics")
    }
}

impl Content {
    fn newest(&self) -> Offset {
        self.log.last().map_or(Offset::START, |recorded| recorded.offset)
    }

    fn take(&mut self, fact: Fact) -> Result<(), LedgerError> {
        match &fact {
            Fact::Job { job, fact } => {
                let known = self.jobs.get(job);
                let found = known.map(JobState::status);
                if found != fact.from || known.is_some_and(|known| known.attempt() > fact.state.attempt()) {
                    return Err(LedgerError::Conflict { job: *job, expected: fact.from, found });
                }
                self.jobs.insert(*job, fact.state.clone());
            }
            Fact::Alert { alert } => {
                match alert.status {
                    AlertStatus::Firing => self.firing.insert(alert.labels.clone(), alert.clone()),
                    AlertStatus::Resolved => self.firing.remove(&alert.labels),
                };
            }
            Fact::Settings { .. } => {}
        }
        self.log.push(Recorded { offset: self.newest().next(), fact });
        Ok(())
    }
}

impl Ledger for MemoryLog {
    async fn record(&self, facts: Vec<Fact>) -> Result<LogPosition, LedgerError> {
        let mut content = self.content();
        let mut changed = content.clone();
        facts.into_iter().try_for_each(|fact| changed.take(fact))?;
        *content = changed;
        Ok(self.position(content.newest()))
    }
}

impl History for MemoryLog {
    async fn job(&self, job: JobId) -> Result<Option<JobState>, StoreUnavailable> {
        Ok(self.content().jobs.get(&job).cloned())
    }

    async fn snapshot(&self) -> Result<Snapshot, StoreUnavailable> {
        let content = self.content();
        let active = content.jobs.iter().filter(|(_, state)| !state.status().is_terminal());
        let jobs = active.map(|(job, state)| (*job, state.clone())).collect();
        Ok(Snapshot { position: self.position(content.newest()), jobs })
    }

    async fn facts_after(&self, place: LogPosition, limit: NonZeroUsize) -> Result<Vec<Recorded>, HistoryError> {
        let content = self.content();
        if place.epoch != self.epoch || place.offset > content.newest() {
            let newest = self.position(content.newest());
            return Err(HistoryError::Gap { asked: place, oldest: Offset::START, newest });
        }
        let after = content.log.iter().filter(|recorded| recorded.offset > place.offset);
        Ok(after.take(limit.get()).cloned().collect())
    }
}

impl Alerts for MemoryLog {
    async fn advance(
        &self,
        rules: impl Fn(&[Recorded], &[Alert]) -> Vec<Alert> + Send,
    ) -> Result<usize, StoreUnavailable> {
        let mut content = self.content();
        let firing: Vec<_> = content.firing.values().cloned().collect();
        let new = content.log[content.facts_shown_to_rules..].to_vec();
        for alert in rules(&new, &firing) {
            content.take(Fact::Alert { alert }).expect("an alert conflicts with nothing");
        }
        content.facts_shown_to_rules += new.len();
        Ok(new.len())
    }

    async fn firing(&self) -> Result<Vec<Alert>, StoreUnavailable> {
        Ok(self.content().firing.values().cloned().collect())
    }
}

/// The value of a future that never waits, as those of [`MemoryLog`] do not.
pub(crate) fn now<T>(future: impl Future<Output = T> + Send) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}
