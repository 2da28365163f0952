//! Whatever befalls jobs, history is what was recorded.

use std::collections::BTreeMap;

use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::{JobInput, JobState};
use etlplus_core::ports::{Change, Fact, History, Ledger};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::examples::*;
use crate::fixture::Fixture;

/// Sequences that are tried. Each commits up to a hundred times.
const CASES: usize = 12;

/// Something that befalls a job: an input as for its first attempt, or some lines.
#[derive(Debug, Clone)]
enum Happening {
    Input(Box<JobInput>),
    Lines(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let attempt = FIRST;
    let failure = || prop_oneof![3 => Just(transient()), 1 => Just(lasting())];
    let retry = || proptest::option::of((0i64..1000).prop_map(at));
    let input = prop_oneof![
        4 => Just(JobInput::Start { attempt }),
        1 => (0u64..1000).prop_map(move |rows| JobInput::Completed { attempt, progress: progress(rows) }),
        2 => (failure(), retry()).prop_map(move |(failure, retry_at)| failed(failure, retry_at)),
        1 => Just(JobInput::Stopped { attempt, progress: Some(progress(5)) }),
        2 => (failure(), retry()).prop_map(move |(failure, retry_at)| {
            JobInput::Lost { attempt, failure, progress: None, retry_at }
        }),
        1 => Just(JobInput::Abort { attempt, failure: lasting() }),
        1 => Just(JobInput::Cancel),
        2 => Just(JobInput::Pause),
        2 => Just(JobInput::Resume),
        2 => Just(JobInput::Retry),
    ];
    prop_oneof![5 => input.prop_map(|input| Happening::Input(Box::new(input))), 1 => (0u64..600).prop_map(Happening::Lines)]
}

fn with_attempt(mut input: JobInput, number: AttemptNumber) -> JobInput {
    match &mut input {
        JobInput::Start { attempt }
        | JobInput::Completed { attempt, .. }
        | JobInput::Failed { attempt, .. }
        | JobInput::Stopped { attempt, .. }
        | JobInput::Lost { attempt, .. }
        | JobInput::Abort { attempt, .. } => *attempt = number,
        JobInput::Cancel | JobInput::Pause | JobInput::Resume | JobInput::Retry => {}
    }
    input
}

/// A job manager's part of the work, small: it holds the states, asks the core, and says what is to be recorded.
#[derive(Default)]
struct Manager {
    jobs: BTreeMap<usize, JobState>,
    facts: Vec<Fact>,
}

impl Manager {
    fn happen(&mut self, number: usize, happening: Happening) -> Vec<Change> {
        let job = || header(number).into();
        let Some(state) = self.jobs.get(&number) else {
            let first = etlplus_core::job::JobFact::submitted(header(number).submitted_at, None);
            self.jobs.insert(number, first.state.clone());
            self.facts.push(Fact::Job { job: job(), fact: first });
            return vec![submit(number)];
        };
        match happening {
            Happening::Lines(count) => {
                let change = log(number, count);
                if let Change::Log { attempt, lines, .. } = &change {
                    self.facts.extend(lines.iter().map(|line| Fact::Log {
                        job: job(),
                        attempt: *attempt,
                        line: line.clone(),
                    }));
                }
                vec![change]
            }
            Happening::Input(input) => {
                let input = with_attempt(*input, state.attempt());
                let Ok(step) = state.apply(input, at(self.facts.len() as i64)) else { return vec![] };
                self.jobs.insert(number, step.state);
                self.facts.extend(step.facts.iter().map(|fact| Fact::Job { job: job(), fact: fact.clone() }));
                let change = |fact| Change::Move { job: job_id(number), fact, report: None };
                step.facts.into_iter().map(change).collect()
            }
        }
    }
}

pub(crate) async fn history_is_what_was_recorded_and_offsets_have_no_holes<F: Fixture>() {
    let sequences = (prop::collection::vec((0usize..4, happening()), 0..100), 1usize..300);
    let mut runner = TestRunner::default();
    for _ in 0..CASES {
        let (happenings, page) = sequences.new_tree(&mut runner).expect("the strategy gives values").current();
        let told = format!("{happenings:?}");
        let fixture = F::new().await;
        let (store, mut manager) = (fixture.store(), Manager::default());
        for (number, happening) in happenings {
            let changes = manager.happen(number, happening);
            store.record(changes).await.unwrap_or_else(|error| panic!("{error} in {told}"));
        }
        let read = all_facts(&store, page).await;
        assert_no_holes(&read);
        let facts: Vec<_> = read.into_iter().map(|recorded| recorded.fact).collect();
        assert_eq!(facts, manager.facts, "{told}");

        for (number, state) in &manager.jobs {
            let job = store.job(job_id(*number)).await.expect("the store answers").expect("it was submitted");
            assert_eq!((&*job.header, &job.state), (&header(*number), state), "{told}");
        }
        let snapshot = store.snapshot().await.expect("the store answers");
        assert_eq!(snapshot.position.offset.get(), facts.len() as u64);
        let active = manager.jobs.iter().filter(|(_, state)| !state.status().is_terminal());
        let active: Vec<_> = active.map(|(number, state)| (job_id(*number), state.clone())).collect();
        let shown: Vec<_> = snapshot.jobs.into_iter().map(|job| (job.header.id, job.state)).collect();
        assert_eq!(shown, active, "{told}");
    }
}
