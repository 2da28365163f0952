//! Laws that hold for every sequence of inputs, legal or not, at any times.

use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::{
    AttemptRun, Cause, HeldRunner, IllegalMove, JobFact, JobInput, JobState, JobStatus, Stop, Wait,
};
use proptest::prelude::*;

use crate::examples::{at, lasting, pending, progress, time_limit, transient};

/// An input whose attempt is chosen when the job's own is known.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    /// As in the examples, with any attempt.
    input: JobInput,
    /// Whether a message is made to come from another attempt than the job's.
    is_foreign: bool,
    /// When, in seconds; in no order, as of a clock that jumps.
    pub(crate) seconds: i64,
}

impl Happening {
    /// The input as it meets a job in `state`.
    pub(crate) fn input(&self, state: &JobState) -> JobInput {
        let current = state.attempt();
        let chosen = match self.is_foreign {
            false => current,
            true if current == AttemptNumber::FIRST => current.next(),
            true => AttemptNumber::FIRST,
        };
        let mut input = self.input.clone();
        match &mut input {
            JobInput::Start { attempt }
            | JobInput::Completed { attempt, .. }
            | JobInput::Failed { attempt, .. }
            | JobInput::Stopped { attempt, .. }
            | JobInput::Lost { attempt, .. }
            | JobInput::Abort { attempt, .. } => *attempt = chosen,
            JobInput::Cancel | JobInput::Pause | JobInput::Resume | JobInput::Retry => {}
        }
        input
    }
}

fn inputs() -> impl Strategy<Value = JobInput> {
    let attempt = AttemptNumber::FIRST;
    let failure = || prop_oneof![3 => Just(transient()), 1 => Just(lasting())];
    let readings = || proptest::option::of((0u64..1000).prop_map(progress));
    let retry = || proptest::option::of((0i64..1000).prop_map(at));
    prop_oneof![
        4 => Just(JobInput::Start { attempt }),
        1 => (0u64..1000).prop_map(move |rows| JobInput::Completed { attempt, progress: progress(rows) }),
        2 => (failure(), readings(), retry()).prop_map(move |(failure, progress, retry_at)| {
            JobInput::Failed { attempt, failure, progress, retry_at }
        }),
        1 => readings().prop_map(move |progress| JobInput::Stopped { attempt, progress }),
        2 => (failure(), readings(), retry()).prop_map(move |(failure, progress, retry_at)| {
            JobInput::Lost { attempt, failure, progress, retry_at }
        }),
        1 => Just(JobInput::Abort { attempt, failure: time_limit() }),
        1 => Just(JobInput::Cancel),
        2 => Just(JobInput::Pause),
        2 => Just(JobInput::Resume),
        2 => Just(JobInput::Retry),
    ]
}

pub(crate) fn happening() -> impl Strategy<Value = Happening> {
    (inputs(), proptest::bool::weighted(0.1), -1000i64..1000).prop_map(|(input, is_foreign, seconds)| Happening {
        input,
        is_foreign,
        seconds,
    })
}

/// What a person could rightly call impossible about a state, beyond what the types forbid.
fn assert_sound(state: &JobState) -> Result<(), TestCaseError> {
    let began = |run: &AttemptRun| run.started_at;
    match state {
        JobState::Pending { wait: Wait::Retry { failure, run, .. }, attempt, since } => {
            prop_assert!(failure.kind.is_retryable());
            prop_assert!(*attempt > AttemptNumber::FIRST);
            prop_assert!(began(run) <= *since);
        }
        JobState::Pending { .. } => {}
        JobState::Running { started_at, since, stop, .. } => {
            prop_assert!(started_at <= since);
            if let Some(Stop::Abort { failure }) = stop {
                prop_assert_eq!(failure, &time_limit());
            }
        }
        JobState::Paused { started_at, since, runner, .. } => {
            prop_assert!(started_at <= since);
            if let HeldRunner::Gone { failure, .. } = runner {
                prop_assert!([transient(), lasting()].contains(failure));
            }
        }
        JobState::Completed { started_at, finished_at, .. } => prop_assert!(started_at <= finished_at),
        JobState::Failed { run, finished_at, .. } => prop_assert!(began(run) <= *finished_at),
        JobState::Cancelled { run, finished_at, .. } => {
            prop_assert!(run.as_ref().is_none_or(|run| began(run) <= *finished_at));
        }
    }
    Ok(())
}

/// The facts of a job that `happenings` befell, the first being that it was made. Refused inputs leave no trace.
fn facts_of(happenings: &[Happening]) -> (JobState, Vec<JobFact>) {
    let first = JobFact::submitted(at(0), None);
    let (mut state, mut facts) = (first.state.clone(), vec![first]);
    for happening in happenings {
        if let Ok(step) = state.apply(happening.input(&state), at(happening.seconds)) {
            state = step.state;
            facts.extend(step.facts);
        }
    }
    (state, facts)
}

proptest! {
    #[test]
    fn no_sequence_of_inputs_leads_to_a_state_that_cannot_be(happenings in prop::collection::vec(happening(), 0..60)) {
        for fact in facts_of(&happenings).1 {
            assert_sound(&fact.state)?;
        }
    }

    #[test]
    fn an_ended_job_moves_only_by_a_retry_and_a_completed_one_never(
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        for fact in facts_of(&happenings).1 {
            if fact.from.is_some_and(JobStatus::is_terminal) {
                prop_assert_eq!(fact.cause, Cause::Retry);
                prop_assert_ne!(fact.from, Some(JobStatus::Completed));
            }
        }
    }

    #[test]
    fn each_start_has_a_higher_attempt_than_the_one_before(happenings in prop::collection::vec(happening(), 0..60)) {
        let (_, facts) = facts_of(&happenings);
        let starts = facts.iter().filter(|fact| fact.cause == Cause::Start).map(|fact| fact.state.attempt());
        let starts: Vec<_> = starts.collect();
        prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", starts);
        prop_assert!(facts.windows(2).all(|pair| pair[0].state.attempt() <= pair[1].state.attempt()));
    }

    #[test]
    fn the_facts_alone_tell_the_whole_story(happenings in prop::collection::vec(happening(), 0..60)) {
        let (state, facts) = facts_of(&happenings);
        let text = serde_json::to_string(&facts).expect("facts are JSON");
        let read: Vec<JobFact> = serde_json::from_str(&text).expect("they read back");
        prop_assert_eq!(read[0].from, None);
        for pair in read.windows(2) {
            prop_assert_eq!(pair[1].from, Some(pair[0].state.status()));
        }
        prop_assert_eq!(&read[read.len() - 1].state, &state);
    }

    #[test]
    fn times_never_go_back(happenings in prop::collection::vec(happening(), 0..60)) {
        let (_, facts) = facts_of(&happenings);
        prop_assert!(facts.windows(2).all(|pair| pair[0].state.since() <= pair[1].state.since()));
    }

    #[test]
    fn a_message_from_another_attempt_is_always_refused(happenings in prop::collection::vec(happening(), 0..60)) {
        let mut state = pending();
        for happening in &happenings {
            let input = happening.input(&state);
            let is_other = input.attempt().is_some_and(|given| given != state.attempt());
            let applied = state.apply(input, at(happening.seconds));
            prop_assert_eq!(is_other, matches!(applied, Err(IllegalMove::OtherAttempt { .. })));
            state = applied.map_or(state, |step| step.state);
        }
    }

    #[test]
    fn what_is_refused_names_the_job_as_it_is(happenings in prop::collection::vec(happening(), 1..60)) {
        let mut state = pending();
        for happening in &happenings {
            match state.apply(happening.input(&state), at(happening.seconds)) {
                Ok(step) => state = step.state,
                Err(refused) => prop_assert!(refused.to_string().contains(": "), "no remedy: {}", refused),
            }
        }
    }
}

/// The laws above would hold of a generator that never gets anywhere, so it must be seen to get everywhere.
#[test]
fn random_happenings_reach_every_status() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let sequences = prop::collection::vec(happening(), 60);
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let happenings = sequences.new_tree(&mut runner).expect("the strategy gives values").current();
        reached.extend(facts_of(&happenings).1.iter().map(|fact| fact.state.status()));
    }
    assert_eq!(reached.len(), 6, "{reached:?}");
}
