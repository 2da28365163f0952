//! The suite: each kind of target, in each of its modes.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use etlplus_connectors::target::{self, Load};
use etlplus_core::pipeline::{Interval, JobSpec, LoadMode};
use etlplus_core::ports::Control;
use etlplus_core::{Type, Value};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{job_from, job_into, load, random, read, rows};
use crate::targets::{Kind, all};

/// Rounds of random rows for each kind and mode.
const ROUNDS: u32 = 6;

/// Runs `property` on each kind of target in each of its modes, in a folder of its own.
async fn each(property: impl AsyncFn(&Kind, &LoadMode, &Path)) {
    for kind in all() {
        for mode in &kind.modes {
            let folder = tempfile::tempdir().expect("a temporary folder");
            property(&kind, mode, folder.path()).await;
        }
    }
}

fn job(kind: &Kind, mode: &LoadMode, folder: &Path) -> JobSpec {
    job_into((kind.place)(folder), mode.clone())
}

/// What is there, as rows of texts.
async fn contents(kind: &Kind, folder: &Path) -> Vec<Vec<Option<String>>> {
    let source = (kind.source)(folder, random::columns(&kind.types));
    let (batch, rejects) = read(&job_from(&source), None).await.expect("what was loaded can be read");
    assert_eq!(rejects, [], "{}", kind.name);
    rows(&[batch])
}

/// Random rows of the kind's types, whose ids count from `first`.
struct Batches(TestRunner);

impl Batches {
    fn new() -> Self {
        Self(TestRunner::new(Config { failure_persistence: None, ..Config::default() }))
    }

    fn next(&mut self, kind: &Kind, first: i64, rows: std::ops::Range<usize>) -> RecordBatch {
        let strategy = random::batch(kind.types.clone(), first, rows);
        strategy.new_tree(&mut self.0).expect("nothing is filtered away for good").current()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_loaded_is_there_by_name_and_value() {
    let mut random = Batches::new();
    for _ in 0..ROUNDS {
        let mut drawn = |kind: &Kind, first| random.next(kind, first, 1..60);
        for kind in all() {
            for mode in kind.modes.clone() {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let first = [drawn(&kind, 0), drawn(&kind, 100)];
                load(&job(&kind, &mode, folder.path()), &first, None).await.expect("it is loaded");
                assert_eq!(contents(&kind, folder.path()).await, rows(&first), "{} {mode:?}", kind.name);
                // Columns in another order, and rows that are there already by their keys.
                let second = drawn(&kind, 0);
                let reversed: Vec<_> = (0..second.num_columns()).rev().collect();
                let second = second.project(&reversed).expect("all of them");
                load(&job(&kind, &mode, folder.path()), std::slice::from_ref(&second), None)
                    .await
                    .expect("it is loaded");
                let expected = match &mode {
                    LoadMode::Replace => rows(&[second]),
                    LoadMode::Append => rows(&[first[0].clone(), first[1].clone(), second]),
                    LoadMode::Upsert { .. } => {
                        let kept = &first[0];
                        let from = second.num_rows().min(kept.num_rows());
                        rows(&[kept.slice(from, kept.num_rows() - from), first[1].clone(), second])
                    }
                };
                assert_eq!(contents(&kind, folder.path()).await, expected, "{} {mode:?}", kind.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_rows_is_a_load() {
    each(async |kind, mode, folder| {
        let mut random = Batches::new();
        let empty = random.next(kind, 0, 1..2).slice(0, 0);
        load(&job(kind, mode, folder), std::slice::from_ref(&empty), None).await.expect("it is loaded");
        if kind.is_there_without_rows {
            assert_eq!(contents(kind, folder).await, Vec::<Vec<_>>::new(), "{} {mode:?}", kind.name);
        }
        let some = random.next(kind, 0, 1..9);
        load(&job(kind, mode, folder), std::slice::from_ref(&some), None).await.expect("it is loaded");
        assert_eq!(contents(kind, folder).await, rows(&[some]), "{} {mode:?}", kind.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_before_its_commit_a_load_leaves_the_old() {
    each(async |kind, mode, folder| {
        let mut random = Batches::new();
        let old = random.next(kind, 0, 1..40);
        load(&job(kind, mode, folder), std::slice::from_ref(&old), None).await.expect("it is loaded");
        for is_finished in [false, true] {
            let given_up = job(kind, mode, folder);
            let target = target::of(&given_up);
            let new = random.next(kind, 0, 1..40);
            let control = Arc::new(Control::default());
            let mut loader = target.start(Load { schema: new.schema(), control }).await.expect("it begins");
            loader.write(new.clone()).await.expect("it is taken");
            if is_finished {
                drop(loader.finish(None).await.expect("it is written"));
            } else {
                drop(loader);
            }
            assert_eq!(contents(kind, folder).await, rows(std::slice::from_ref(&old)), "{} {mode:?}", kind.name);
            assert_eq!(target.state().await.expect("it can be asked").loaded, None);
        }
        // Nothing of them is in the way of the next.
        let new = random.next(kind, 1000, 1..40);
        load(&job(kind, mode, folder), std::slice::from_ref(&new), None).await.expect("it is loaded");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_has_loaded_is_known() {
    each(async |kind, mode, folder| {
        let mut random = Batches::new();
        let new = random.next(kind, 0, 1..40);
        let job = job(kind, mode, folder);
        assert_eq!(target::of(&job).state().await.expect("it can be asked").loaded, None, "{}", kind.name);
        load(&job, std::slice::from_ref(&new), Some("17")).await.expect("it is loaded");
        let state = target::of(&job).state().await.expect("it can be asked");
        if kind.keeps_notes {
            assert_eq!(state.loaded, Some(new.num_rows() as u64), "{} {mode:?}", kind.name);
            assert_eq!(state.cursor.as_deref(), Some("17"), "{} {mode:?}", kind.name);
            let next = self::job(kind, mode, folder);
            let state = target::of(&next).state().await.expect("it can be asked");
            assert_eq!((state.loaded, state.cursor.as_deref()), (None, Some("17")), "{} {mode:?}", kind.name);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_is_kept_for_the_job_that_fixed_it() {
    each(async |kind, mode, folder| {
        if !kind.keeps_notes {
            return;
        }
        let interval = Interval { after: None, up_to: Some(Value::parse(Type::Int64, "9").expect("a number")) };
        let job = job(kind, mode, folder);
        target::of(&job).fix_interval(&interval).await.expect("it is noted");
        let state = target::of(&job).state().await.expect("it can be asked");
        assert_eq!(state.interval, Some((None, Some("9".to_owned()))), "{}", kind.name);
        let other = self::job(kind, mode, folder);
        assert_eq!(target::of(&other).state().await.expect("it can be asked").interval, None, "{}", kind.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_twice_in_one_load_fails_it() {
    each(async |kind, mode, folder| {
        let LoadMode::Upsert { .. } = mode else { return };
        let mut random = Batches::new();
        let old = random.next(kind, 0, 2..40);
        load(&job(kind, mode, folder), std::slice::from_ref(&old), None).await.expect("it is loaded");
        let twice = [random.next(kind, 5, 1..10), random.next(kind, 5, 1..10)];
        let failure = load(&job(kind, mode, folder), &twice, None).await.expect_err("a key comes twice");
        assert_eq!(failure.code, "key_repeated", "{}: {failure}", kind.name);
        assert_eq!(contents(kind, folder).await, rows(&[old]), "{}", kind.name);
    })
    .await;
}
