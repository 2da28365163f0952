//! A load that is killed, at any step.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;

use etlplus_connectors::target::{self, Load};
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, LoadMode};
use etlplus_core::ports::Control;
use std::collections::BTreeMap;

use crate::children::{Told, folder, on, tell, this_program};
use crate::database::{execute, one};
use crate::modes::{batch, upsert};
use crate::support::{load, pipeline, sqlite_place, sqlite_table};

/// Batches of the load that is killed; each is larger than what SQLite keeps in memory by a tenth.
const BATCHES: i64 = 40;
const ROWS: i64 = 1000;

/// The steps after which the child waits to be killed.
const STEPS: [&str; 4] = ["started", "half", "finished", "committed"];

fn modes() -> [LoadMode; 3] {
    [LoadMode::Replace, LoadMode::Append, upsert()]
}

/// The same job in each process.
fn the_job(file: &Path, mode: LoadMode) -> JobSpec {
    let source = sqlite_table(Path::new("nowhere.db"), "nothing", Vec::new());
    let pipeline = pipeline(source, sqlite_place(file, "t"), mode);
    let id: JobId = "00000000-0000-7000-8000-000000000001".parse().expect("an id");
    JobSpec::new(id, Arc::new(pipeline), Path::new("/"), &BTreeMap::new(), chrono::DateTime::UNIX_EPOCH)
        .expect("no parameters")
}

fn rows(first: i64) -> arrow::array::RecordBatch {
    let text = "x".repeat(1000);
    batch(&(0..ROWS).map(|row| (first * ROWS + row, text.as_str())).collect::<Vec<_>>())
}

/// Loads and tells of each step, then waits.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, in a process of its own"]
async fn loads_step_by_step() {
    let Some(folder) = folder() else { return };
    let told = std::fs::read_to_string(folder.join("mode")).expect("the parent says it");
    let (mode, step) = told.split_once(' ').expect("a mode and a step");
    let mode = modes()[mode.parse::<usize>().expect("a number")].clone();
    let pause = async |reached: &str| {
        if reached == step {
            tell("reached", reached);
            std::future::pending::<()>().await;
        }
    };
    let job = the_job(&folder.join("data.db"), mode);
    let load = Load { schema: batch(&[]).schema(), control: Arc::new(Control::default()) };
    let mut loader = target::of(&job).start(load).await.expect("nobody else writes");
    pause("started").await;
    for first in 0..BATCHES {
        loader.write(rows(first)).await.expect("it is taken");
        if first == BATCHES / 2 {
            pause("half").await;
        }
    }
    let ready = loader.finish(None).await.expect("it is written");
    pause("finished").await;
    ready.commit().await.expect("it is committed");
    pause("committed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_the_old_or_the_new_and_the_job_loads_once() {
    let mut fired = 0;
    for journal in ["delete", "wal"] {
        for (number, mode) in modes().into_iter().enumerate() {
            for step in STEPS {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let file = folder.path().join("data.db");
                let old = format!(
                    "PRAGMA journal_mode = {journal}; CREATE TABLE t (id INTEGER UNIQUE, name TEXT); \
                     INSERT INTO t VALUES (-1, 'old')"
                );
                execute(&file, &old).await;
                std::fs::write(folder.path().join("mode"), format!("{number} {step}")).expect("there is room");
                let mut told = Told::by(on(this_program(), "crash::loads_step_by_step", folder.path()));
                let reached = told.next();
                assert_eq!(reached, Some(("reached".to_owned(), step.to_owned())));
                told.child.kill().expect("it waits");
                assert_eq!(told.child.wait().expect("it was a child").signal(), Some(9));
                fired += 1;

                let job = the_job(&file, mode.clone());
                let state = target::of(&job).state().await.expect("the database is whole");
                let total = (BATCHES * ROWS).unsigned_abs();
                let after = if mode == LoadMode::Replace { total } else { total + 1 };
                if step == "committed" {
                    assert_eq!(state.loaded, Some(total));
                } else {
                    assert_eq!(state.loaded, None);
                    assert_eq!(one(&file, "SELECT count(*) || max(name) FROM t").await, "1old", "{journal} {step}");
                    let batches: Vec<_> = (0..BATCHES).map(rows).collect();
                    load(&job, &batches, None).await.expect("the lock went with the process");
                }
                assert_eq!(one(&file, "SELECT count(*) FROM t").await, after.to_string(), "{journal} {step}");
                assert_eq!(one(&file, "SELECT count(*) FROM etlplus_loads").await, "1");
                assert_eq!(one(&file, "PRAGMA integrity_check").await, "ok");
            }
        }
    }
    assert_eq!(fired, 2 * 3 * STEPS.len());
}

/// The file is not there before its first load.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_the_first_load_leaves_an_empty_database_at_most() {
    for step in STEPS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("data.db");
        std::fs::write(folder.path().join("mode"), format!("0 {step}")).expect("there is room");
        let mut told = Told::by(on(this_program(), "crash::loads_step_by_step", folder.path()));
        assert_eq!(told.next(), Some(("reached".to_owned(), step.to_owned())));
        told.child.kill().expect("it waits");
        assert_eq!(told.child.wait().expect("it was a child").signal(), Some(9));
        let tables = one(&file, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'").await;
        assert_eq!(tables, if step == "committed" { "2" } else { "0" }, "{step}");
        let job = the_job(&file, LoadMode::Replace);
        if step != "committed" {
            load(&job, &[rows(0)], None).await.expect("it begins anew");
        }
        assert!(target::of(&job).state().await.expect("it is there").loaded.is_some());
    }
}
