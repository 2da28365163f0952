//! Whatever befalls jobs, history is what was recorded, but for what was forgotten.

use etlplus_core::ids::{AttemptNumber, Offset};
use etlplus_core::job::JobInput;
use etlplus_core::ports::{
    Alerts, History, HistoryError, Ledger, LogPosition, Retention, RetentionLimits, SettingsStore,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::examples::*;
use crate::fixture::Fixture;
use crate::retention::prune;
use model::{Model, raise_and_resolve};

mod model;

/// Sequences that are tried. Each commits up to a hundred times.
const CASES: usize = 16;

/// Something that happens: an input as for a job's first attempt, some lines, or what concerns the whole store.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    Input(Box<JobInput>),
    Lines(u64),
    Settings,
    /// The rules are shown so many facts at most.
    Advance(usize),
    /// So many ended jobs and lines stay.
    Prune(Option<u64>, Option<u64>),
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
    prop_oneof![
        20 => input.prop_map(|input| Happening::Input(Box::new(input))),
        4 => (0u64..600).prop_map(Happening::Lines),
        1 => Just(Happening::Settings),
        4 => (1usize..400).prop_map(Happening::Advance),
        2 => (proptest::option::of(0u64..3), proptest::option::of(0u64..500))
            .prop_map(|(jobs, lines)| Happening::Prune(jobs, lines)),
    ]
}

pub(crate) fn with_attempt(mut input: JobInput, number: AttemptNumber) -> JobInput {
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

pub(crate) async fn history_is_what_was_recorded_and_offsets_have_no_holes<F: Fixture>() {
    let sequences = (prop::collection::vec((0usize..4, happening()), 0..100), 1usize..300);
    let mut runner = TestRunner::default();
    for _ in 0..CASES {
        let (happenings, page) = sequences.new_tree(&mut runner).expect("the strategy gives values").current();
        let told = format!("{happenings:?}");
        let fixture = F::new().await;
        let (store, mut model) = (fixture.store(), Model::default());
        for (number, happening) in happenings {
            happen(&store, &mut model, number, happening, &told).await;
        }
        compare(&store, &model, page, &told).await;
        let fixture = fixture.reopen().await;
        compare(&fixture.store(), &model, page, &told).await;
    }
}

async fn happen(
    store: &(impl Ledger + Alerts + Retention),
    model: &mut Model,
    number: usize,
    happening: Happening,
    told: &str,
) {
    match happening {
        Happening::Advance(most) => {
            let read = store.advance(std::sync::Arc::new(raise_and_resolve), limit(most)).await;
            assert_eq!(read, Ok(model.advance(most)), "{told}");
        }
        Happening::Prune(jobs_max, lines_max) => {
            let limits = RetentionLimits { jobs_max, lines_max, ..RetentionLimits::default() };
            let removed = prune(store, limits, 97).await;
            assert_eq!((removed.jobs, removed.lines), model.prune(jobs_max, lines_max), "{told}");
        }
        other => {
            let changes = model.record(number, other);
            store.record(changes).await.unwrap_or_else(|error| panic!("{error} in {told}"));
        }
    }
}

/// Whether the store says what the model does.
async fn compare(store: &(impl Ledger + History + Alerts + SettingsStore), model: &Model, page: usize, told: &str) {
    let newest = store.record(vec![]).await.expect("the store works");
    assert_eq!(newest.offset.get(), model.last(), "{told}");
    if model.oldest > 0 {
        let asked = LogPosition { offset: Offset::from_number(model.oldest - 1), ..newest };
        let gap = HistoryError::Gap { asked, oldest: Offset::from_number(model.oldest), newest };
        assert_eq!(store.facts_after(asked, limit(9)).await, Err(gap), "{told}");
    }
    let oldest = LogPosition { offset: Offset::from_number(model.oldest), ..newest };
    let read = facts_from(store, oldest, page).await;
    assert!(read.iter().eq(model.facts_after_oldest()), "{told}");

    for number in 0..4 {
        let job = store.job(job_id(number)).await.expect("the store answers");
        assert_eq!(job.map(|job| job.state).as_ref(), model.jobs.get(&number), "{told}");
    }
    let snapshot = store.snapshot().await.expect("the store answers");
    assert_eq!(snapshot.position, newest);
    let active = model.jobs.iter().filter(|(_, state)| !state.status().is_terminal());
    let active: Vec<_> = active.map(|(number, state)| (job_id(*number), state.clone())).collect();
    let shown: Vec<_> = snapshot.jobs.into_iter().map(|job| (job.header.id, job.state)).collect();
    assert_eq!(shown, active, "{told}");

    let firing = store.firing().await.expect("the store answers");
    let firing: Vec<_> = firing.iter().map(|record| record.position.offset.get()).collect();
    assert_eq!(firing, model.firing(), "{told}");
    let settings = store.stored_settings().await.expect("the store answers");
    assert_eq!(settings.map_or(0, |stored| stored.version.get()), model.settings, "{told}");
}
