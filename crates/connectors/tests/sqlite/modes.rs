//! What becomes of the rows that are there.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use etlplus_connectors::target::{self, Load};
use etlplus_core::pipeline::{JobSpec, LoadMode};
use etlplus_core::ports::Control;
use etlplus_core::{FailureKind, Type};
use futures::TryStreamExt;

use crate::database::{connect, execute, one, place, query, run};
use crate::support::{job_into, load, sqlite_place};

/// Rows of `id` and `name`.
pub(crate) fn batch(rows: &[(i64, &str)]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)));
    RecordBatch::try_from_iter([("id", ids), ("name", names)]).expect("two columns")
}

pub(crate) fn upsert() -> LoadMode {
    LoadMode::Upsert { key: vec!["id".to_owned()] }
}

async fn contents(file: &std::path::Path) -> String {
    one(file, "SELECT group_concat(id || '=' || name, ' ') FROM (SELECT * FROM t ORDER BY id, name)").await
}

fn into(file: &std::path::Path, mode: LoadMode) -> JobSpec {
    job_into(sqlite_place(file, "t"), mode)
}

#[tokio::test(flavor = "multi_thread")]
async fn append_adds_and_replace_leaves_the_new_alone() {
    let (_folder, file) = place();
    load(&into(&file, LoadMode::Append), &[batch(&[(1, "a"), (2, "b")])], None).await.expect("a table is made");
    load(&into(&file, LoadMode::Append), &[batch(&[(2, "b")])], None).await.expect("it is there");
    assert_eq!(contents(&file).await, "1=a 2=b 2=b");
    load(&into(&file, LoadMode::Replace), &[batch(&[(3, "c")]), batch(&[(4, "d")])], None).await.expect("it is there");
    assert_eq!(contents(&file).await, "3=c 4=d");
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_keeps_what_the_table_is() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (name TEXT NOT NULL DEFAULT 'x', extra TEXT DEFAULT 'kept', ID INTEGER PRIMARY KEY CHECK (id > 0));
         CREATE INDEX by_name ON t (name); CREATE TABLE log (n);
         CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END;
         INSERT INTO t VALUES ('old', 'old', 9);",
    )
    .await;
    let before = query(&file, "SELECT sql FROM sqlite_schema WHERE tbl_name IN ('t', 'log') ORDER BY name").await;
    load(&into(&file, LoadMode::Replace), &[batch(&[(1, "a")])], None).await.expect("columns go by name");
    assert_eq!(query(&file, "SELECT * FROM t").await, [["a", "kept", "1"]]);
    assert_eq!(one(&file, "SELECT group_concat(n) FROM log").await, "9,1");
    let after = query(&file, "SELECT sql FROM sqlite_schema WHERE tbl_name IN ('t', 'log') ORDER BY name").await;
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn upsert_replaces_rows_of_the_same_key() {
    let definitions = [
        "",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE TABLE t (id INTEGER, name TEXT, UNIQUE (id))",
        // Without an index over the key, rows are removed and inserted.
        "CREATE TABLE t (id INTEGER, name TEXT)",
        "CREATE TABLE t (id INTEGER, name TEXT); CREATE UNIQUE INDEX i ON t (id) WHERE name = 'x'",
    ];
    for definition in definitions {
        let (_folder, file) = place();
        execute(&file, definition).await;
        let first: Vec<_> = (0..10_000).map(|id| (id, "old")).collect();
        load(&into(&file, upsert()), &[batch(&first)], None).await.expect("it is loaded");
        let second: Vec<_> = (9_000..15_000).rev().map(|id| (id, "new")).collect();
        load(&into(&file, upsert()), &[batch(&second)], None).await.expect("it is loaded");
        let counts = query(&file, "SELECT name, count(*), min(id), max(id) FROM t GROUP BY name ORDER BY name").await;
        assert_eq!(counts, [["new", "6000", "9000", "14999"], ["old", "9000", "0", "8999"]], "{definition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_twice_in_one_load_fails_it_and_so_does_a_row_without_one() {
    let (_folder, file) = place();
    execute(&file, "CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY, name TEXT)").await;
    let texts = |ids: &[Option<&str>]| {
        let ids: ArrayRef = Arc::new(StringArray::from(ids.to_vec()));
        RecordBatch::try_from_iter([("id", ids)]).expect("a column")
    };
    load(&into(&file, upsert()), &[texts(&[Some("a"), Some("b")])], None).await.expect("keys differ");
    // The table's own order of texts decides what is equal.
    let batches = [texts(&[Some("c")]), texts(&[Some("d"), Some("C")])];
    let failure = load(&into(&file, upsert()), &batches, None).await.expect_err("a key comes twice");
    assert_eq!(failure.code, "key_repeated");
    assert!(failure.message.contains("row 3 of the load") && failure.message.contains("id=\"C\""), "{failure}");
    let failure = load(&into(&file, upsert()), &[texts(&[Some("x"), None])], None).await.expect_err("a key is missing");
    assert_eq!(failure.code, "key_without_value");
    assert!(failure.message.contains("row 2 of the load") && failure.message.contains("\"id\""), "{failure}");
    assert_eq!(one(&file, "SELECT group_concat(id) FROM t").await, "a,b", "nothing of them stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_loads_once() {
    for mode in [LoadMode::Append, LoadMode::Replace, upsert()] {
        let (_folder, file) = place();
        let job = into(&file, mode);
        assert_eq!(target::of(&job).state().await.expect("nothing is there").loaded, None);
        load(&job, &[batch(&[(1, "a"), (2, "b")])], None).await.expect("it is loaded");
        assert_eq!(target::of(&job).state().await.expect("it is there").loaded, Some(2));
        // Whoever does not ask is refused.
        load(&job, &[batch(&[(3, "c")])], None).await.expect_err("it has loaded");
        assert_eq!(contents(&file).await, "1=a 2=b");
        assert_eq!(query(&file, "SELECT pipeline, target, rows FROM etlplus_loads").await, [["orders", "t", "2"]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_given_up_leaves_nothing_and_no_lock() {
    let (_folder, file) = place();
    load(&into(&file, LoadMode::Append), &[batch(&[(1, "a")])], None).await.expect("it is loaded");
    for mode in [LoadMode::Append, LoadMode::Replace, upsert()] {
        let load = |control| Load { schema: batch(&[]).schema(), control };
        let control = Arc::new(Control::default());
        let given_up = into(&file, mode);
        let target = target::of(&given_up);
        let mut loader = target.start(load(control.clone())).await.expect("nobody writes");
        loader.write(batch(&[(5, "e")])).await.expect("it is taken");
        let mut other = connect(&file).await;
        run(&mut other, "BEGIN IMMEDIATE").await.expect_err("the load holds the lock");
        drop(loader);
        wait_for_the_lock(&mut other).await;

        let mut loader = target.start(load(control)).await.expect("nobody writes");
        loader.write(batch(&[(5, "e")])).await.expect("it is taken");
        let ready = loader.finish(None).await.expect("it is written");
        run(&mut other, "BEGIN IMMEDIATE").await.expect_err("the load holds the lock");
        drop(ready);
        wait_for_the_lock(&mut other).await;
        assert_eq!(contents(&file).await, "1=a");
        assert_eq!(target.state().await.expect("it is there").loaded, None);
    }
}

/// Takes the lock and gives it back.
async fn wait_for_the_lock(connection: &mut sqlx::SqliteConnection) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while run(connection, "BEGIN IMMEDIATE; ROLLBACK").await.is_err() {
        assert!(std::time::Instant::now() < deadline, "the lock is not given back");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_first_load_leaves_an_empty_database() {
    let (folder, file) = place();
    let file = folder.path().join("new/folder").join(file.file_name().expect("a name"));
    let first = into(&file, LoadMode::Append);
    let load = Load { schema: batch(&[]).schema(), control: Arc::new(Control::default()) };
    let mut loader = target::of(&first).start(load).await.expect("folders are made");
    loader.write(batch(&[(1, "a")])).await.expect("it is taken");
    drop(loader.finish(None).await.expect("it is written"));
    wait_for_the_lock(&mut connect(&file).await).await;
    assert_eq!(one(&file, "SELECT count(*) FROM sqlite_schema").await, "0");
    assert_eq!(target::of(&first).state().await.expect("it is empty").columns, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_there_are_told_where_they_stay() {
    let (_folder, file) = place();
    let of = |mode| target::of(&into(&file, mode));
    assert!(of(LoadMode::Append).values("id", Type::Int64).await.expect("nothing is there").is_none());
    let many: Vec<_> = (0..20_000).map(|id| (id, "a")).collect();
    load(&into(&file, LoadMode::Append), &[batch(&many)], None).await.expect("it is loaded");
    let values = of(LoadMode::Append).values("id", Type::Int64).await.expect("it is there").expect("it has the column");
    let values: Vec<ArrayRef> = values.try_collect().await.expect("it can be read");
    let ids: Vec<_> = values.iter().flat_map(|array| array.as_primitive::<Int64Type>().values().to_vec()).collect();
    assert_eq!(ids, (0..20_000).collect::<Vec<_>>());
    assert!(of(LoadMode::Append).values("none", Type::Int64).await.expect("it is there").is_none());
    assert!(of(LoadMode::Replace).values("id", Type::Int64).await.expect("it is there").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_says_its_columns() {
    let (_folder, file) = place();
    execute(&file, "CREATE TABLE T (id INTEGER PRIMARY KEY, name VARCHAR(5) NOT NULL, x DEFAULT 1) ").await;
    let columns = target::of(&into(&file, LoadMode::Append)).state().await.expect("it is there").columns;
    let columns: Vec<_> = columns
        .expect("there is a table")
        .into_iter()
        .map(|c| (c.name, c.type_name, c.is_nullable, c.has_default))
        .collect();
    let expected = [("id", "INTEGER", true, false), ("name", "VARCHAR(5)", false, false), ("x", "", true, true)];
    assert_eq!(
        columns,
        expected.map(|(name, ty, nullable, default)| (name.to_owned(), ty.to_owned(), nullable, default))
    );
}

/// What is told of a table that will be made is what is made.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_as_it_is_told() {
    for mode in [LoadMode::Append, upsert()] {
        let (_folder, file) = place();
        let job = into(&file, mode);
        let rows = batch(&[(1, "a")]);
        let told = target::of(&job).new_columns(&rows.schema());
        load(&job, &[rows], None).await.expect("it is made");
        assert_eq!(target::of(&job).state().await.expect("it is there").columns, Some(told));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_compared_with_rows_that_are_not_all_any_more_does_not_load() {
    let (_folder, file) = place();
    // Whether the file is there, or not yet.
    for id in [1, 2] {
        let late = into(&file, LoadMode::Append);
        let late = target::of(&late);
        let values = late.values("id", Type::Int64).await.expect("it can be looked at");
        if let Some(values) = values {
            values.try_collect::<Vec<_>>().await.expect("they can be read");
        }
        load(&into(&file, LoadMode::Append), &[batch(&[(id, "a")])], None).await.expect("it is loaded");
        let begin = Load { schema: batch(&[]).schema(), control: Arc::new(Control::default()) };
        let failure = late.start(begin).await.err().expect("another one came first");
        assert_eq!((failure.code.as_str(), failure.kind), ("target_changed", FailureKind::Transient), "{failure}");
    }
    // The control: one that compared with nothing.
    let other = into(&file, LoadMode::Append);
    let target = target::of(&other);
    load(&into(&file, LoadMode::Append), &[batch(&[(3, "a")])], None).await.expect("it is loaded");
    let begin = Load { schema: batch(&[]).schema(), control: Arc::new(Control::default()) };
    target.start(begin).await.expect("it may load");
}
