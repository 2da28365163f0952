//! Jobs on their way through the ports of the store: what is recorded is what is read, in order and without holes.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_core::ids::{Epoch, JobId, Offset};
use etlplus_core::job::{JobFact, JobInput, JobState, JobStatus};
use etlplus_core::ports::{
    Alert, AlertStatus, Alerts, Clock, Fact, History, HistoryError, Ledger, LedgerError, LogPosition, Recorded,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::examples::{FIRST, at, failed, lasting, start};
use crate::memory_log::{MemoryLog, now};
use crate::properties::{Happening, happening};

fn job_id(number: usize) -> JobId {
    JobId::from_uuid(Uuid::from_u128(number as u128 + 1))
}

fn job_fact(job: usize, fact: JobFact) -> Fact {
    Fact::Job { job: job_id(job), fact }
}

fn submitted(job: usize) -> Fact {
    job_fact(job, JobFact::submitted(at(0), None))
}

fn facts_after(log: &impl History, place: LogPosition, limit: usize) -> Result<Vec<Recorded>, HistoryError> {
    now(log.facts_after(place, NonZeroUsize::new(limit).expect("a limit above zero")))
}

/// A job manager's part of the work, small: it holds the states, asks the core, records, and only then believes.
struct Manager<'a, L> {
    ledger: &'a L,
    jobs: BTreeMap<usize, JobState>,
    told: Vec<Fact>,
}

impl<L: Ledger> Manager<'_, L> {
    fn happen(&mut self, job: usize, happening: &Happening, clock: &impl Clock) {
        let (next, facts) = match self.jobs.get(&job) {
            None => {
                let first = JobFact::submitted(clock.now(), None);
                (first.state.clone(), vec![first])
            }
            Some(state) => match state.apply(happening.input(state), clock.now()) {
                Ok(step) => (step.state, step.facts),
                Err(_) => return,
            },
        };
        let facts: Vec<_> = facts.into_iter().map(|fact| job_fact(job, fact)).collect();
        now(self.ledger.record(facts.clone())).expect("nobody else moves these jobs");
        self.jobs.insert(job, next);
        self.told.extend(facts);
    }
}

/// A clock that a test sets: the time of day jumps as it likes, the other only forward.
#[derive(Default)]
struct WalkedClock {
    day_seconds: std::sync::atomic::AtomicI64,
}

impl Clock for WalkedClock {
    fn now(&self) -> DateTime<Utc> {
        at(self.day_seconds.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

proptest! {
    #[test]
    fn history_is_what_was_recorded_and_offsets_have_no_holes(
        happenings in prop::collection::vec((0usize..4, happening()), 0..120),
        page in 1usize..10,
    ) {
        let (log, clock) = (MemoryLog::new(), WalkedClock::default());
        let mut manager = Manager { ledger: &log, jobs: BTreeMap::new(), told: Vec::new() };
        for (job, happening) in &happenings {
            clock.day_seconds.store(happening.seconds, std::sync::atomic::Ordering::Relaxed);
            manager.happen(*job, happening, &clock);
        }

        let mut read: Vec<Recorded> = Vec::new();
        loop {
            let place = log.position(read.last().map_or(Offset::START, |recorded| recorded.offset));
            let facts = facts_after(&log, place, page).expect("the place is in the log");
            prop_assert!(facts.len() <= page);
            if facts.is_empty() {
                break;
            }
            read.extend(facts);
        }
        for (index, recorded) in read.iter().enumerate() {
            prop_assert_eq!(recorded.offset.get(), index as u64 + 1);
        }
        let facts: Vec<_> = read.into_iter().map(|recorded| recorded.fact).collect();
        prop_assert_eq!(&facts, &manager.told);

        for (job, state) in &manager.jobs {
            prop_assert_eq!(now(log.job(job_id(*job))).expect("the log answers"), Some(state.clone()));
        }
        let snapshot = now(log.snapshot()).expect("the log answers");
        prop_assert_eq!(snapshot.position.offset.get(), facts.len() as u64);
        let active = manager.jobs.iter().filter(|(_, state)| !state.status().is_terminal());
        let active: Vec<_> = active.map(|(job, state)| (job_id(*job), state.clone())).collect();
        prop_assert_eq!(snapshot.jobs, active);
    }
}

#[test]
fn facts_of_one_call_are_recorded_all_or_none() {
    let log = MemoryLog::new();
    let started =
        JobFact { from: Some(JobStatus::Running), cause: start().cause(), state: crate::examples::after([start()]) };
    let refused = now(log.record(vec![submitted(0), job_fact(0, started)])).expect_err("the job is PENDING");
    let (expected, found) = (Some(JobStatus::Running), Some(JobStatus::Pending));
    assert_eq!(refused, LedgerError::Conflict { job: job_id(0), expected, found });
    assert_eq!(now(log.job(job_id(0))), Ok(None));
    assert_eq!(facts_after(&log, log.position(Offset::START), 9), Ok(vec![]));
    let place = now(log.record(vec![submitted(0), submitted(1)])).expect("both are new");
    assert_eq!(place, log.position(Offset::from_number(2)));
}

#[test]
fn a_job_is_submitted_once() {
    let log = MemoryLog::new();
    now(log.record(vec![submitted(0)])).expect("the job is new");
    let refused = now(log.record(vec![submitted(0)])).expect_err("the job is there");
    let text = format!("job {} should be absent, but is PENDING: read it and decide anew", job_id(0));
    assert_eq!(refused.to_string(), text);
}

#[test]
fn a_writer_that_was_superseded_changes_nothing() {
    let log = MemoryLog::new();
    let first = JobFact::submitted(at(0), None);
    let started = first.state.apply(start(), at(1)).expect("legal");
    let retried = started.state.apply(failed(crate::examples::transient(), Some(at(9))), at(2)).expect("legal");
    let again = retried.state.apply(JobInput::Start { attempt: FIRST.next() }, at(9)).expect("legal");
    let facts = [vec![first], started.facts, retried.facts, again.facts].concat();
    now(log.record(facts.into_iter().map(|fact| job_fact(0, fact)).collect())).expect("each follows the one before");
    let late = started.state.apply(crate::examples::completed(), at(10)).expect("legal for who missed the retry");
    let late = late.facts.into_iter().map(|fact| job_fact(0, fact)).collect();
    assert!(matches!(now(log.record(late)), Err(LedgerError::Conflict { .. })));
    assert_eq!(now(log.job(job_id(0))), Ok(Some(again.state)));
}

#[test]
fn a_place_that_the_log_does_not_have_is_a_gap() {
    let log = MemoryLog::new();
    now(log.record(vec![submitted(0)])).expect("the job is new");
    let beyond = log.position(Offset::from_number(2));
    let other_epoch = LogPosition { epoch: Epoch::from_uuid(Uuid::from_u128(8)), offset: Offset::START };
    for asked in [beyond, other_epoch] {
        let newest = log.position(Offset::from_number(1));
        assert_eq!(facts_after(&log, asked, 9), Err(HistoryError::Gap { asked, oldest: Offset::START, newest }));
    }
}

/// An alert for each job that failed, resolved when it completes.
fn job_failed(facts: &[Recorded], _firing: &[Alert]) -> Vec<Alert> {
    let alerts = facts.iter().filter_map(|recorded| {
        let Fact::Job { job, fact } = &recorded.fact else { return None };
        let failure = fact.state.failure()?;
        (fact.state.status() == JobStatus::Failed).then(|| Alert {
            labels: BTreeMap::from([
                ("alert".to_owned(), "job_failed".to_owned()),
                ("job".to_owned(), job.to_string()),
            ]),
            status: AlertStatus::Firing,
            at: fact.state.since(),
            message: failure.message.clone(),
            remedy: failure.remedy.clone(),
        })
    });
    alerts.collect()
}

#[test]
fn rules_see_each_fact_once_and_what_they_raise_is_a_fact() {
    let log = MemoryLog::new();
    let first = JobFact::submitted(at(0), None);
    let started = first.state.apply(start(), at(1)).expect("legal");
    let ended = started.state.apply(failed(lasting(), None), at(2)).expect("legal");
    let facts = [vec![first], started.facts, ended.facts].concat();
    now(log.record(facts.into_iter().map(|fact| job_fact(0, fact)).collect())).expect("each follows the one before");

    assert_eq!(now(log.advance(job_failed)), Ok(3));
    let firing = now(log.firing()).expect("the log answers");
    assert_eq!(firing.len(), 1);
    assert_eq!(firing[0].message, "orders.csv is not there");
    let recorded = facts_after(&log, log.position(Offset::from_number(3)), 9).expect("the place is in the log");
    assert_eq!(recorded, [Recorded { offset: Offset::from_number(4), fact: Fact::Alert { alert: firing[0].clone() } }]);
    assert_eq!(now(log.advance(job_failed)), Ok(1), "the alert's own fact");
    assert_eq!(now(log.firing()).map(|firing| firing.len()), Ok(1));
}
