//! The live view is what the facts say, from whatever place one begins, and readings show no job that does not run.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ids::{AttemptNumber, Epoch, JobId, Offset};
use etlplus_core::job::{JobFact, JobHeader, JobInput, JobPolicy, JobState, JobType};
use etlplus_core::log::{LogLevel, LogLine};
use etlplus_core::ports::{Fact, JobRecord, LogPosition, Reading, Recorded, Sample, Snapshot};
use etlplus_core::{Counters, Failure};
use etlplus_monitor::{LiveView, RECENT_LOGS_MAX, Update};
use proptest::prelude::*;
use uuid::Uuid;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn header(job: u128) -> Arc<JobHeader> {
    Arc::new(JobHeader {
        id: JobId::from_uuid(Uuid::from_u128(job)),
        pipeline: format!("pipeline-{job}"),
        job_type: JobType::Load,
        tags: Vec::new(),
        submitted_at: at(0),
    })
}

fn position(offset: u64) -> LogPosition {
    LogPosition { epoch: Epoch::from_uuid(Uuid::from_u128(7)), offset: Offset::from_number(offset) }
}

fn empty() -> LiveView {
    LiveView::new(Snapshot { position: position(0), jobs: Vec::new() })
}

fn reading(job: u128, attempt: AttemptNumber) -> Reading {
    let sample = Sample {
        job: JobId::from_uuid(Uuid::from_u128(job)),
        attempt,
        at: at(1),
        progress: Counters::default().read(),
        rows_per_second: None,
        cores: None,
    };
    Reading { sample, eta: None, rejects: Arc::new([]) }
}

/// Facts of jobs that do what the numbers choose, as a store would record them.
fn story(choices: &[(u8, u8)]) -> Vec<Arc<Recorded>> {
    let mut states: Vec<Option<JobState>> = vec![None; 4];
    let mut facts = Vec::new();
    for (job, choice) in choices {
        let number = usize::from(*job) % states.len();
        let header = header(number as u128);
        let state = &mut states[number];
        let fact = match state {
            None => JobFact::submitted(at(0), None),
            Some(current) => {
                let attempt = current.attempt();
                let failure = Failure::transient("away", "the source is away", "wait");
                let progress = Some(Counters::default().read());
                let input = match choice % 6 {
                    0 => JobInput::Start { attempt },
                    1 => JobInput::Completed { attempt, progress: Counters::default().read() },
                    2 => JobInput::Lost { attempt, failure, progress, retry_at: Some(at(0)) },
                    3 => JobInput::Cancel,
                    4 => JobInput::Retry,
                    _ => JobInput::Pause,
                };
                match current.apply(input, at(0)).map(|step| step.facts) {
                    Ok(facts) if !facts.is_empty() => facts[0].clone(),
                    _ => continue,
                }
            }
        };
        *state = Some(fact.state.clone());
        let offset = Offset::from_number(facts.len() as u64 + 1);
        facts.push(Arc::new(Recorded { offset, fact: Fact::Job { job: header, fact } }));
    }
    facts
}

fn states(view: &LiveView) -> Vec<(JobId, JobState)> {
    view.jobs().map(|job| (job.header.id, job.state.clone())).collect()
}

proptest! {
    #[test]
    fn a_snapshot_and_what_follows_give_what_all_facts_give(
        choices in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..80),
        cut in any::<prop::sample::Index>(),
    ) {
        let facts = story(&choices);
        let mut whole = empty();
        facts.iter().for_each(|fact| { whole.take(fact); });

        let cut = cut.index(facts.len() + 1);
        let mut before = empty();
        facts[..cut].iter().for_each(|fact| { before.take(fact); });
        let jobs = before.jobs().map(|job| JobRecord {
            header: job.header.clone(),
            policy: JobPolicy::default(),
            state: job.state.clone(),
            report: None,
        });
        let mut resumed = LiveView::new(Snapshot { position: before.position(), jobs: jobs.collect() });
        // Facts that the snapshot holds already may come again; they change nothing.
        let told = facts.iter().filter_map(|fact| resumed.take(fact)).count();
        prop_assert_eq!(told, facts.len() - cut);
        prop_assert_eq!(states(&resumed), states(&whole));
        prop_assert_eq!(resumed.position(), whole.position());
        prop_assert!(states(&whole).iter().all(|(_, state)| !state.status().is_terminal()));
    }

    #[test]
    fn a_reading_is_shown_exactly_while_its_attempt_runs(
        choices in proptest::collection::vec((0_u8..1, any::<u8>()), 0..40),
    ) {
        let mut view = empty();
        for fact in story(&choices) {
            view.take(&fact);
            let running = match &fact.fact {
                Fact::Job { fact, .. } => match fact.state { JobState::Running { attempt, .. } => Some(attempt), _ => None },
                Fact::Log { .. } | Fact::Alert(_) | Fact::Settings(_) => None,
            };
            for attempt in [AttemptNumber::FIRST, AttemptNumber::FIRST.next()] {
                let shown = matches!(view.read(reading(0, attempt)), Some(Update::Read(_)));
                prop_assert_eq!(shown, running == Some(attempt));
            }
        }
    }
}

#[test]
fn a_new_attempt_does_not_show_the_readings_of_the_last() {
    let mut view = empty();
    let facts = story(&[(0, 0), (0, 0), (0, 2), (0, 0)]);
    assert_eq!(facts.len(), 4, "submit, start, lost, start");
    facts[..2].iter().for_each(|fact| drop(view.take(fact)));
    assert!(view.read(reading(0, AttemptNumber::FIRST)).is_some());
    let shown = |view: &LiveView| view.jobs().next().is_some_and(|job| job.reading.is_some());
    assert!(shown(&view));
    facts[2..].iter().for_each(|fact| drop(view.take(fact)));
    assert!(!shown(&view));
}

#[test]
fn the_last_lines_are_kept_and_no_more() {
    let mut view = empty();
    story(&[(0, 0), (0, 0)]).iter().for_each(|fact| drop(view.take(fact)));
    for number in 1..=RECENT_LOGS_MAX as u64 + 5 {
        let line = LogLine::new(number, at(1), LogLevel::Info, String::new());
        let fact = Fact::Log { job: header(0), attempt: AttemptNumber::FIRST, line };
        let recorded = Arc::new(Recorded { offset: Offset::from_number(number + 2), fact });
        assert!(matches!(view.take(&recorded), Some(Update::Said(_))));
    }
    let job = view.jobs().next().expect("the job runs");
    let offsets: Vec<u64> = job.recent_logs.iter().map(|fact| fact.offset.get() - 2).collect();
    assert_eq!(offsets, (6..=RECENT_LOGS_MAX as u64 + 5).collect::<Vec<_>>());
}
