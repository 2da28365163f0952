//! Databases that an earlier release left.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ids::{AttemptNumber, JobId, Offset};
use etlplus_core::job::{JobFact, JobInput, JobPolicy, JobState, JobStatus};
use etlplus_core::ports::{
    Alerts, Change, Consequences, Fact, History, Ledger, LogPosition, LogQuery, LogRange, NewJob, Pipelines, Recorded,
    Retention, RetentionLimits, SpoolPosition,
};
use etlplus_core::{Counters, LogLevel, Progress};
use etlplus_store::Store;
use sqlx::{Connection, SqliteConnection};

use crate::children::submit;
use crate::open::connect;

const FIRST_VERSION: &str = include_str!("../../src/sqlite/migrations/0001_start.sql");
const MANY: NonZeroUsize = NonZeroUsize::new(99).expect("99 is not zero");

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + seconds, 5).expect("the time is within range")
}

fn progress() -> Progress {
    let counters = Counters::default();
    Counters::add(&counters.records_successful, 3);
    counters.read()
}

/// The facts of a job that is started and, where `completes`, comes to its end.
fn life(completes: bool) -> Vec<JobFact> {
    let attempt = AttemptNumber::FIRST;
    let mut facts = vec![JobFact::submitted(at(0), None)];
    let mut inputs = vec![JobInput::Start { attempt }];
    inputs.extend(completes.then(|| JobInput::Completed { attempt, progress: progress() }));
    for input in inputs {
        let state: &JobState = &facts.last().expect("it was submitted").state;
        let step = state.apply(input, state.since() + TimeDelta::seconds(1)).expect("the move is legal");
        facts.extend(step.facts);
    }
    facts
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it has JSON")
}

/// A database of version 1 with a job that has completed and one that runs, three lines and a reading of each.
async fn of_version_1(folder: &Path, has_auto_vacuum: bool) -> [JobId; 2] {
    let mut old = connect(folder).await;
    if has_auto_vacuum {
        sqlx::raw_sql("PRAGMA auto_vacuum = INCREMENTAL").execute(&mut old).await.expect("it is empty");
    }
    sqlx::raw_sql(FIRST_VERSION).execute(&mut old).await.expect("it is empty");
    let mut offset = 0;
    let mut ids = Vec::new();
    for (key, completes) in [(1, true), (2, false)] {
        let (id, change) = submit();
        let Change::Submit(new) = change else { panic!("a submit") };
        let facts = life(completes);
        insert_job(&mut old, key, &new, &facts).await;
        for fact in &facts {
            offset += 1;
            let insert = "INSERT INTO facts VALUES (?1, ?2, ?3)";
            sqlx::query(insert).bind(offset).bind(key).bind(json(fact)).execute(&mut old).await.expect("a fact");
        }
        for line in 1..=3 {
            offset += 1;
            let insert = "INSERT INTO log_lines VALUES (?1, ?2, 1, ?3, 7, 1, 'said')";
            sqlx::query(insert).bind(offset).bind(key).bind(line).execute(&mut old).await.expect("a line");
        }
        sqlx::query("INSERT INTO attempts VALUES (?1, 1, 300)").bind(key).execute(&mut old).await.expect("a row");
        let insert = "INSERT INTO samples VALUES (?1, 1, 1, 7, ?2, 0.5, NULL)";
        sqlx::query(insert).bind(key).bind(json(&progress())).execute(&mut old).await.expect("a reading");
        ids.push(id);
    }
    sqlx::query("INSERT INTO pipelines VALUES ('orders', 3, 'text', '/srv', 7)")
        .execute(&mut old)
        .await
        .expect("a row");
    let insert = "INSERT INTO meta VALUES (1, '01970000-0000-7000-8000-000000000000', ?1)";
    sqlx::query(insert).bind(offset).execute(&mut old).await.expect("the one row");
    old.close().await.expect("nothing is wrong");
    ids.try_into().expect("two jobs")
}

async fn insert_job(old: &mut SqliteConnection, key: i64, new: &NewJob, facts: &[JobFact]) {
    let insert = "INSERT INTO jobs (key, id, pipeline, job_type, tags, submitted_at, definition, state) \
                  VALUES (?1, ?2, 'orders', 'LOAD', '[]', ?3, ?4, ?5)";
    sqlx::query(insert)
        .bind(key)
        .bind(new.header.id.to_string())
        .bind(at(0).timestamp_nanos_opt())
        .bind(json(&new.definition))
        .bind(json(&facts.last().expect("it was submitted").state))
        .execute(old)
        .await
        .expect("a job");
}

#[tokio::test]
async fn a_database_of_the_first_release_goes_on_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [completed, running] = of_version_1(folder.path(), true).await;
    let opened = Store::open(folder.path()).await.expect("it is migrated");
    let store = &opened.store;
    let position = opened.bus.position();
    assert_eq!(position.offset.get(), 11);
    assert_eq!(position.epoch.to_string(), "01970000-0000-7000-8000-000000000000");

    let facts = store.facts_after(LogPosition { offset: Offset::START, ..position }, MANY).await.expect("it is whole");
    assert_eq!(facts.len(), 11);
    for (job, status) in [(completed, JobStatus::Completed), (running, JobStatus::Running)] {
        let record = store.job(job).await.expect("the store answers").expect("it is kept");
        assert_eq!((record.state.status(), record.policy), (status, JobPolicy::default()));
        let query = LogQuery { job, min_level: LogLevel::Debug, range: LogRange::Last, limit: MANY };
        assert_eq!(store.log(query).await.expect("the store answers").len(), 3);
        assert_eq!(store.samples(job, MANY).await.expect("the store answers").len(), 1);
        let spool = store.spool_position(job, AttemptNumber::FIRST).await;
        assert_eq!(spool, Ok(SpoolPosition { bytes: 300, line: 3 }));
    }
    assert_eq!(store.snapshot().await.expect("the store answers").jobs.len(), 1);
    assert_eq!(store.pipeline("orders".to_owned()).await.expect("it answers").expect("it is kept").version, 3);

    // What happened before there were rules raises nothing; what happens now does.
    let rules = Arc::new(|facts: &[_], _: &[_]| {
        assert!(facts.iter().all(|recorded: &Recorded| recorded.offset.get() > 11));
        Consequences::default()
    });
    assert_eq!(store.advance(rules.clone(), MANY).await, Ok(0));
    store.record(vec![submit().1]).await.expect("it goes on");
    assert_eq!(store.advance(rules, MANY).await, Ok(1));

    // The rows that were there are counted: six lines, two readings, and a job that has ended.
    let limits = RetentionLimits { lines_max: Some(5), samples_max: Some(1), ..RetentionLimits::default() };
    let pruned = store.prune(limits, MANY).await.expect("the store works");
    assert_eq!((pruned.jobs, pruned.lines, pruned.samples), (0, 1, 1));
    let limits = RetentionLimits { jobs_max: Some(0), ..RetentionLimits::default() };
    let pruned = store.prune(limits, MANY).await.expect("the store works");
    assert_eq!((pruned.jobs, pruned.lines, pruned.samples), (1, 2, 0));
    opened.writer.close().await.expect("nothing is wrong");

    let opened = Store::open(folder.path()).await.expect("it was migrated");
    assert_eq!(opened.bus.position().offset.get(), 12);
    let facts = opened.store.facts_after(LogPosition { offset: Offset::from_number(6), ..position }, MANY).await;
    assert!(matches!(facts.expect("it is whole from there")[5].fact, Fact::Job { .. }));
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_first_version() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    of_version_1(folder.path(), true).await;
    let mut old = connect(folder.path()).await;
    // The last table of the migration is there already.
    sqlx::query("CREATE TABLE tokens (a)").execute(&mut old).await.expect("it is a name like any other");
    Store::open(folder.path()).await.expect_err("there is another such table");
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut old).await.expect("it answers");
    assert_eq!(version, 1);
    let columns = "SELECT count(*) FROM pragma_table_info('meta')";
    let columns: i64 = sqlx::query_scalar(columns).fetch_one(&mut old).await.expect("it answers");
    assert_eq!(columns, 3, "nothing of the migration is left");
    sqlx::query("DROP TABLE tokens").execute(&mut old).await.expect("it is ours");
    old.close().await.expect("nothing is wrong");
    let opened = Store::open(folder.path()).await.expect("it is migrated");
    assert_eq!(opened.bus.position().offset.get(), 11);
}

/// A database that somebody made anew from a dump.
pub(crate) async fn without_auto_vacuum(folder: &Path) {
    of_version_1(folder, false).await;
}
