//! Incremental loads: an interval of the cursor, fixed before, noted with the rows.

use etlplus_connectors::{Intake, source, target};
use etlplus_core::pipeline::{Column, Interval, LoadMode};
use etlplus_core::{Type, Value};

use crate::database::{execute, one, place};
use crate::support::{Unlimited, column, incremental, job, pipeline, read, rows, sqlite_place, sqlite_table};

fn value(ty: Type, text: &str) -> Value {
    Value::parse(ty, text).expect("the test gives a value")
}

fn between(ty: Type, after: Option<&str>, up_to: Option<&str>) -> Interval {
    Interval { after: after.map(|text| value(ty, text)), up_to: up_to.map(|text| value(ty, text)) }
}

async fn newest(file: &std::path::Path, ty: Type) -> Option<Value> {
    let columns = vec![column("c", ty), column("id", Type::Int64)];
    let source = sqlite_table(file, "t", columns);
    let job = job(incremental(pipeline(source, sqlite_place(file, "out"), LoadMode::Append), "c"));
    source::newest(&job.pipeline().source, &job, "c").await.expect("it can be asked")
}

/// The ids of the rows in an interval, and the rows that were rejected.
async fn found(file: &std::path::Path, ty: Type, interval: &Interval) -> (Vec<String>, Vec<u64>) {
    let columns: Vec<Column> = vec![column("c", ty), column("id", Type::Int64)];
    let source = sqlite_table(file, "t", columns);
    let job = job(incremental(pipeline(source, sqlite_place(file, "out"), LoadMode::Append), "c"));
    let (batch, rejects) = read(&job, Some(interval)).await.expect("it can be read");
    let mut ids: Vec<_> = rows(&[batch]).into_iter().filter_map(|row| row[1].clone()).collect();
    ids.sort();
    (ids, rejects.iter().map(|reject| reject.errors.len() as u64).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_compare_as_numbers() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (c INTEGER, id INTEGER); CREATE INDEX i ON t (c);
         INSERT INTO t VALUES (9, 1), (10, 2), (11, 3), (100, 4), (NULL, 5), ('x', 6), (x'00', 7);",
    )
    .await;
    assert_eq!(newest(&file, Type::Int64).await, Some(Value::Integer(100)), "texts come after all numbers");
    let (ids, rejects) = found(&file, Type::Int64, &between(Type::Int64, Some("9"), Some("11"))).await;
    assert_eq!(ids, ["2", "3"]);
    assert_eq!(rejects.len(), 3, "what has no cursor is told, not passed over");
    let (ids, _) = found(&file, Type::Int64, &between(Type::Int64, None, Some("11"))).await;
    assert_eq!(ids, ["1", "2", "3"]);
    let (ids, _) = found(&file, Type::Int64, &between(Type::Int64, Some("11"), None)).await;
    assert_eq!(ids, ["4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_one_moment_are_equal_however_they_are_written() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (c DATETIME, id INTEGER);
         INSERT INTO t VALUES ('2026-02-28 10:00:00', 1), ('2026-02-28T10:00:00', 2), ('2026-02-28T10:00:00.500', 3),
           ('2026-02-28 10:00:00.5', 4), ('2026-02-28 10:00:01', 5), ('2026-03-01 00:00:00', 6), ('soon', 7), (NULL, 8);",
    )
    .await;
    let ty = Type::Timestamp;
    assert_eq!(newest(&file, ty).await, Some(value(ty, "2026-03-01T00:00:00")));
    let interval = between(ty, Some("2026-02-28T10:00:00"), Some("2026-02-28T10:00:00.500"));
    let (ids, rejects) = found(&file, ty, &interval).await;
    assert_eq!(ids, ["3", "4"]);
    assert_eq!(rejects.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_are_taken_into_account() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (c TEXT, id INTEGER);
         INSERT INTO t VALUES ('2026-03-01T00:30:00+02:00', 1), ('2026-02-28T23:00:00Z', 2), ('2026-03-01T00:00:00Z', 3);",
    )
    .await;
    let ty = Type::TimestampTz;
    // The first is at 22:30 of the day before.
    assert_eq!(newest(&file, ty).await, Some(value(ty, "2026-03-01T00:00:00Z")));
    execute(&file, "DELETE FROM t WHERE id = 3").await;
    assert_eq!(newest(&file, ty).await, Some(value(ty, "2026-02-28T23:00:00Z")));
    let interval = between(ty, Some("2026-02-28T22:00:00Z"), Some("2026-02-28T22:45:00Z"));
    assert_eq!(found(&file, ty, &interval).await.0, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_says_nothing_is_not_asked() {
    let (_folder, file) = place();
    execute(&file, "CREATE TABLE t (c TEXT, id INTEGER); INSERT INTO t VALUES ('9.50', 1), ('10.00', 2);").await;
    let ty = Type::Decimal { precision: 5, scale: 2 };
    assert_eq!(newest(&file, ty).await, None);
    assert_eq!(found(&file, ty, &between(ty, Some("9.50"), None)).await.0, ["2"]);
    let empty = place();
    execute(&empty.1, "CREATE TABLE t (c INTEGER, id INTEGER)").await;
    assert_eq!(newest(&empty.1, Type::Int64).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_moves_with_its_rows_and_the_interval_is_kept_for_the_next_attempt() {
    let (_folder, file) = place();
    let source = sqlite_table(&file, "t", vec![column("c", Type::Int64)]);
    execute(&file, "CREATE TABLE t (c INTEGER); INSERT INTO t VALUES (1), (2);").await;
    let out = file.with_file_name("out.db");
    let new_job = || job(incremental(pipeline(source.clone(), sqlite_place(&out, "copy"), LoadMode::Append), "c"));
    let first = new_job();
    let target = target::of(&first);
    assert_eq!(target.state().await.expect("there is none").interval, None);
    assert!(!out.exists(), "looking makes nothing");
    let interval = between(Type::Int64, None, Some("2"));
    target.fix_interval(&interval).await.expect("it is noted");

    // Another attempt of the same job, in another process as it were.
    let again = target::of(&first).state().await.expect("it is there");
    assert_eq!(again.interval, Some((None, Some("2".to_owned()))));
    assert_eq!(target::of(&new_job()).state().await.expect("it is there").interval, None, "it is the job's own");
    let (batch, _) = read(&first, Some(&interval)).await.expect("it can be read");
    crate::support::load(&first, &[batch], Some("2")).await.expect("it is loaded");

    let state = target::of(&first).state().await.expect("it is there");
    assert_eq!((state.loaded, state.cursor.as_deref()), (Some(2), Some("2")));
    let next = new_job();
    let state = target::of(&next).state().await.expect("it is there");
    assert_eq!((state.loaded, state.cursor.as_deref(), state.interval), (None, Some("2"), None));

    // A job that fixed its interval before another one loaded it must not load it again.
    let late = new_job();
    target::of(&late).fix_interval(&between(Type::Int64, None, Some("2"))).await.expect("it is noted");
    let (batch, _) = read(&late, Some(&interval)).await.expect("it can be read");
    let failure = crate::support::load(&late, &[batch], Some("2")).await.expect_err("it is loaded already");
    assert_eq!(failure.code, "interval_loaded", "{failure}");
    assert_eq!(one(&out, "SELECT group_concat(c) FROM copy").await, "1,2");
    execute(&out, "DELETE FROM etlplus_intervals").await;

    // Nothing new: the cursor stays.
    let open = source::open(&source, &next, Some(&between(Type::Int64, Some("2"), None))).await.expect("it is there");
    let schema = open.schema();
    assert!(Intake::start(open, &Unlimited).next().await.expect("it is read").is_none());
    let empty = arrow::array::RecordBatch::new_empty(schema);
    crate::support::load(&next, &[empty], None).await.expect("no rows are rows too");
    let state = target::of(&new_job()).state().await.expect("it is there");
    assert_eq!(state.cursor.as_deref(), Some("2"));
    assert_eq!(one(&out, "SELECT count(*) FROM etlplus_intervals").await, "0", "what is loaded needs no interval");
    assert_eq!(one(&out, "SELECT group_concat(rows) FROM etlplus_loads").await, "2,0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_does_not_go_back() {
    let (_folder, file) = place();
    // A text that is a number: SQLite's order says nothing, so that all rows are read.
    execute(&file, "CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('4.00'), ('5.00');").await;
    let ty = Type::Decimal { precision: 5, scale: 2 };
    let source = sqlite_table(&file, "t", vec![column("c", ty)]);
    let out = file.with_file_name("out.db");
    let job = job(incremental(pipeline(source.clone(), sqlite_place(&out, "copy"), LoadMode::Append), "c"));
    let target = target::of(&job);
    // The source has lost its last rows.
    target.fix_interval(&between(ty, Some("9.00"), Some("5.00"))).await.expect("it is noted");
    let interval = target.state().await.expect("it is there").interval;
    assert_eq!(interval, Some((Some("9.00".to_owned()), Some("9.00".to_owned()))));

    let after = value(ty, "9.00");
    for (after, rows, seen) in [(None, 2, Some(value(ty, "5.00"))), (Some(&after), 0, None)] {
        let mut open = source::open(&source, &job, None).await.expect("it is there");
        open.plan_mut().follow("c", after).expect("it is a cursor");
        let mut intake = Intake::start(open, &Unlimited);
        let mut found = 0;
        while let Some(rows) = intake.next().await.expect("it is read") {
            found += rows.batch.num_rows();
        }
        assert_eq!((found, intake.cursor()), (rows, seen.as_ref()));
    }
    let empty = arrow::array::RecordBatch::new_empty(crate::support::schema(&source.columns));
    crate::support::load(&job, &[empty], Some("5.00")).await.expect("no rows are rows too");
    assert_eq!(target.state().await.expect("it is there").cursor.as_deref(), Some("9.00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_of_jobs_that_were_given_up_are_forgotten() {
    let (_folder, file) = place();
    let source = sqlite_table(&file, "t", vec![column("c", Type::Int64)]);
    let new_job = || job(incremental(pipeline(source.clone(), sqlite_place(&file, "copy"), LoadMode::Append), "c"));
    let jobs = [new_job(), new_job(), new_job()];
    for (job, days) in jobs.iter().zip([31, 29, 0]) {
        target::of(job).fix_interval(&between(Type::Int64, None, Some("2"))).await.expect("it is noted");
        let sql = format!(
            "UPDATE etlplus_intervals SET fixed_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-{days} days') WHERE job_id = '{}'",
            job.id()
        );
        execute(&file, &sql).await;
    }
    for (job, is_kept) in jobs.iter().zip([false, true, true]) {
        let state = target::of(job).state().await.expect("it is there");
        assert_eq!(state.interval.is_some(), is_kept);
    }
}
