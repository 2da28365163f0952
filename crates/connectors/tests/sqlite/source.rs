//! What can be read, and what is said where it cannot.

use std::fs;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use etlplus_connectors::{Intake, source};
use etlplus_core::pipeline::ExtraFields;
use etlplus_core::{Failure, FailureKind, Type};

use crate::database::{connect, execute, place, run};
use crate::support::{Unlimited, column, job_from, read, sqlite_query, sqlite_table};

async fn failure_of(source: &etlplus_core::pipeline::Source) -> Failure {
    read(&job_from(source), None).await.expect_err("it cannot be read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_schema_has_the_types_that_it_declares() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price REAL, name VARCHAR(20), data BLOB, ok BOOLEAN, day DATE, \
         at DATETIME, amount DECIMAL(12, 2));
         INSERT INTO t VALUES (1, 1.5, 'a', x'00', 1, '2026-02-28', '2026-02-28 01:02:03', '1.25');
         CREATE VIEW v AS SELECT id, name FROM t;",
    )
    .await;
    let (batch, rejects) = read(&job_from(&sqlite_table(&file, "t", Vec::new())), None).await.expect("it can be read");
    assert!(rejects.is_empty(), "{rejects:?}");
    let types: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(
        types,
        ["Int64", "Float64", "Utf8", "Binary", "Boolean", "Date32", "Timestamp(µs)", "Decimal128(12, 2)"]
    );
    let (batch, _) = read(&job_from(&sqlite_table(&file, "v", Vec::new())), None).await.expect("a view can be read");
    assert_eq!(batch.schema().field(1).data_type(), &DataType::Utf8);
    let query = "SELECT name, id FROM t -- in another order";
    let (batch, _) = read(&job_from(&sqlite_query(&file, query, Vec::new())), None).await.expect("a query, too");
    assert_eq!(batch.column(1).as_primitive::<Int64Type>().value(0), 1);

    let failure = failure_of(&sqlite_query(&file, "SELECT id + 1 AS next FROM t", Vec::new())).await;
    assert_eq!(failure.code, "schema_required");
    assert!(failure.message.contains("\"next\""), "{failure}");
    let declared = vec![column("next", Type::Int64)];
    let query = sqlite_query(&file, "SELECT id + 1 AS next FROM t;", declared);
    assert_eq!(read(&job_from(&query), None).await.expect("it is declared").0.num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_come_in_order_and_are_told_before() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (id INTEGER, s TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
         INSERT INTO t SELECT CASE i WHEN 20001 THEN 'bad' ELSE i END, 'row ' || i FROM n;",
    )
    .await;
    let job = job_from(&sqlite_table(&file, "t", vec![column("id", Type::Int64), column("s", Type::String)]));
    let open = source::open(&job.pipeline().source, &job, None).await.expect("it is there");
    assert_eq!((open.rows_total(), open.bytes_total()), (Some(50_000), None));
    let (batch, rejects) = read(&job, None).await.expect("it can be read");
    let ids: Vec<_> = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(ids, (1..=50_000).filter(|id| *id != 20_001).collect::<Vec<_>>());
    assert_eq!(rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [20_001]);
    let query = job_from(&sqlite_query(&file, "SELECT * FROM t", job.pipeline().source.columns.clone()));
    let open = source::open(&query.pipeline().source, &query, None).await.expect("it is there");
    assert_eq!(open.rows_total(), None);
}

/// What is read is what was there when the source was opened, whatever others do.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_dropped_meanwhile_is_read_to_its_end() {
    let (_folder, file) = place();
    execute(&file, "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (2);").await;
    let job = job_from(&sqlite_table(&file, "t", Vec::new()));
    let open = source::open(&job.pipeline().source, &job, None).await.expect("it is there");
    let mut other = connect(&file).await;
    run(&mut other, "DROP TABLE t").await.expect("a reader keeps nobody from writing");
    let mut intake = Intake::start(open, &Unlimited);
    let rows = intake.next().await.expect("it is read").expect("it has rows");
    assert_eq!(rows.batch.num_rows(), 2);
    assert!(intake.next().await.expect("it ends").is_none());
    assert_eq!(failure_of(&job.pipeline().source).await.code, "table_not_found", "the table is gone");
}

/// The lock is given back with the last row, or a load into the same file could not be committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_read_holds_no_lock() {
    let (_folder, file) = place();
    execute(&file, "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1);").await;
    let job = job_from(&sqlite_table(&file, "t", Vec::new()));
    let mut other = connect(&file).await;
    let open = source::open(&job.pipeline().source, &job, None).await.expect("it is there");
    let locked = run(&mut other, "INSERT INTO t VALUES (2)").await.expect_err("a reader is in the way of the commit");
    assert!(locked.to_string().contains("locked"), "{locked}");
    let mut intake = Intake::start(open, &Unlimited);
    while intake.next().await.expect("it is read").is_some() {}
    run(&mut other, "INSERT INTO t VALUES (2)").await.expect("nobody reads any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_says_why() {
    let (folder, file) = place();
    execute(&file, "CREATE TABLE orders (id INTEGER, total NUMERIC); CREATE VIEW broken AS SELECT * FROM nowhere;")
        .await;
    let id = || vec![column("id", Type::Int64)];

    let failure = failure_of(&sqlite_table(&folder.path().join("none.db"), "t", id())).await;
    assert_eq!(failure.code, "file_not_found");
    let failure = failure_of(&sqlite_table(folder.path(), "t", id())).await;
    assert_eq!(failure.code, "is_a_directory");
    let text = folder.path().join("text.db");
    fs::write(&text, "id,total\n".repeat(200)).expect("there is room");
    let failure = failure_of(&sqlite_table(&text, "t", id())).await;
    assert_eq!((failure.code.as_str(), failure.kind), ("not_a_database", FailureKind::UserMistake));
    let failure = failure_of(&sqlite_table(&file, "order", id())).await;
    assert_eq!(failure.code, "table_not_found");
    let failure = failure_of(&sqlite_table(&file, "orders", vec![column("ids", Type::Int64)])).await;
    assert_eq!((failure.code.as_str(), failure.remedy.as_str()), ("missing_column", "did you mean \"id\"?"));
    let failure = failure_of(&sqlite_table(&file, "orders", id())).await;
    assert!(failure.code == "undeclared_column" && failure.message.contains("total"), "{failure}");
    let mut ignoring = sqlite_table(&file, "orders", id());
    ignoring.extra_fields = ExtraFields::Ignore;
    read(&job_from(&ignoring), None).await.expect("the author says so");
    let failure = failure_of(&sqlite_table(&file, "orders", Vec::new())).await;
    assert!(failure.code == "schema_required" && failure.message.contains("NUMERIC"), "{failure}");
    let failure = failure_of(&sqlite_query(&file, "SELEC 1", id())).await;
    assert!(failure.code == "sql_refused" && failure.message.contains("syntax error"), "{failure}");
    let failure = failure_of(&sqlite_query(&file, "SELECT id FROM nowhere", id())).await;
    assert!(failure.code == "sql_refused" && failure.message.contains("nowhere"), "{failure}");
    let failure = failure_of(&sqlite_table(&file, "broken", id())).await;
    assert!(failure.message.contains("nowhere"), "{failure}");
    let failure = failure_of(&sqlite_query(&file, "SELECT 1 AS id; DELETE FROM orders", id())).await;
    assert_eq!(failure.code, "permission_denied", "a source cannot write: {failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_encodings_of_any_kind() {
    let (_folder, file) = place();
    execute(
        &file,
        "PRAGMA encoding = 'UTF-16'; CREATE TABLE \"a \"\"table\" (\"rowid\" TEXT, \"we'ird \"\"name\" TEXT); \
         INSERT INTO \"a \"\"table\" VALUES ('é', '€');",
    )
    .await;
    let source = sqlite_table(&file, "a \"table", Vec::new());
    let (batch, rejects) = read(&job_from(&source), None).await.expect("it can be read");
    assert!(rejects.is_empty());
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "é");
    assert_eq!(batch.column(1).as_string::<i32>().value(0), "€");
}
