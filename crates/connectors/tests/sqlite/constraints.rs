//! What a table does not take, known before the first row or told of the row that it was.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use etlplus_connectors::target;
use etlplus_core::FailureKind;
use etlplus_core::pipeline::LoadMode;

use crate::database::{execute, one, place};
use crate::modes::{batch, upsert};
use crate::support::{job_into, load, sqlite_place};

const OLD: &str = "SELECT group_concat(id || name) FROM (SELECT * FROM t ORDER BY id)";

/// The message of the failure of a load into `definition`, which has the row `1a` before and after.
async fn refused(definition: &str, mode: LoadMode, rows: &[(i64, &str)]) -> String {
    let (_folder, file) = place();
    execute(&file, definition).await;
    execute(&file, "INSERT INTO t (id, name) VALUES (1, 'a')").await;
    let first = rows.len() / 2;
    let batches = [batch(&rows[..first]), batch(&rows[first..])];
    let failure = load(&job_into(sqlite_place(&file, "t"), mode), &batches, None).await.expect_err("it is refused");
    assert_eq!(one(&file, OLD).await, "1a", "{failure}");
    assert_eq!(failure.kind, FailureKind::BadData);
    failure.message
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_that_breaks_a_constraint_is_named() {
    let mut rows: Vec<_> = (10..3000).map(|id| (id, "x")).collect();
    rows[2500] = (12, "again");
    for mode in [LoadMode::Append, LoadMode::Replace] {
        let message = refused("CREATE TABLE t (id INTEGER PRIMARY KEY, name)", mode, &rows).await;
        assert!(
            message.contains("row 2501 of the load: UNIQUE constraint failed: t.id: id=12, name=\"again\""),
            "{message}"
        );
    }
    rows[2500] = (5000, "");
    let check = "CREATE TABLE t (id INTEGER, name TEXT CONSTRAINT has_name CHECK (name <> ''))";
    for mode in [LoadMode::Append, LoadMode::Replace, upsert()] {
        let message = refused(check, mode, &rows).await;
        assert!(message.contains("row 2501 of the load: CHECK constraint failed: has_name"), "{message}");
        assert!(message.contains("id=5000"), "{message}");
    }
    let with_index = "CREATE TABLE t (id INTEGER UNIQUE, name TEXT CONSTRAINT has_name CHECK (name <> ''))";
    let message = refused(with_index, upsert(), &rows).await;
    assert!(message.contains("row 2501 of the load: CHECK constraint failed: has_name"), "{message}");
    let trigger = "CREATE TABLE t (id INTEGER, name TEXT); CREATE TRIGGER r BEFORE INSERT ON t WHEN new.name = '' \
                   BEGIN SELECT RAISE(ABORT, 'no name'); END";
    let message = refused(trigger, LoadMode::Append, &rows).await;
    assert!(message.contains("row 2501 of the load: no name"), "{message}");
}

/// A constraint that ends the transaction must not let the rows that were tried one by one be committed one by one.
#[tokio::test(flavor = "multi_thread")]
async fn a_constraint_that_rolls_back_leaves_nothing() {
    let rows: Vec<_> = (10..400).map(|id| (id, if id == 300 { "" } else { "x" })).collect();
    let rollback = "CREATE TABLE t (id INTEGER, name TEXT); CREATE TRIGGER r BEFORE INSERT ON t WHEN new.name = '' \
                    BEGIN SELECT RAISE(ROLLBACK, 'no name'); END";
    let message = refused(rollback, LoadMode::Append, &rows).await;
    assert!(message.contains("no name"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_table_passes_over_in_silence_fails_the_load() {
    let rows: Vec<_> = (2..400).map(|id| (if id == 300 { 1 } else { id }, "x")).collect();
    let ignore = "CREATE TABLE t (id INTEGER, name TEXT, UNIQUE (id) ON CONFLICT IGNORE)";
    let message = refused(ignore, LoadMode::Append, &rows).await;
    assert!(message.contains("passes over 1 of the rows 200 to 327 of the load"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_hold() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);
         CREATE TABLE t (id INTEGER REFERENCES p, name TEXT); INSERT INTO t VALUES (1, 'a');",
    )
    .await;
    let into = |table: &str, mode| job_into(sqlite_place(&file, table), mode);
    let failure =
        load(&into("t", LoadMode::Append), &[batch(&[(2, "b"), (3, "c")])], None).await.expect_err("no parent");
    assert!(failure.message.contains("row 2 of the load: FOREIGN KEY constraint failed"), "{failure}");
    let ids = |ids: Vec<i64>| {
        RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(ids)) as ArrayRef)]).expect("a column")
    };
    // The keys go and come back.
    load(&into("p", LoadMode::Replace), &[ids(vec![3, 1])], None).await.expect("the key of the child is there again");
    let failure = load(&into("p", LoadMode::Replace), &[ids(vec![3])], None).await.expect_err("a child is left alone");
    assert_eq!(failure.code, "constraint_violated");
    assert!(failure.message.contains("a row of t with rowid 1 refers to none of p"), "{failure}");
    assert_eq!(one(&file, "SELECT group_concat(id) FROM p").await, "1,3");

    execute(&file, "CREATE TABLE c (id INTEGER REFERENCES p ON DELETE CASCADE); INSERT INTO c VALUES (1)").await;
    let failure = load(&into("p", LoadMode::Replace), &[ids(vec![1])], None).await.expect_err("c would lose rows");
    assert!(failure.code == "target_misfit" && failure.message.contains("rows of c"), "{failure}");
    load(&into("p", upsert()), &[ids(vec![1, 4])], None).await.expect("rows stay");
    assert_eq!(one(&file, "SELECT count(*) FROM c").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_known_before() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (id INTEGER, name TEXT, n NUMERIC, r REAL, b BLOB, any, d DATE, must TEXT NOT NULL, \
         sum INTEGER AS (id + 1), dec DECIMAL(10,2)); CREATE VIEW v AS SELECT * FROM t;",
    )
    .await;
    let misfits = async |table: &str, mode: LoadMode, fields: &[(&str, DataType)]| {
        let fields: Vec<_> = fields.iter().map(|(name, ty)| Field::new(*name, ty.clone(), true)).collect();
        let job = job_into(sqlite_place(&file, table), mode);
        let found = target::of(&job).check(&Schema::new(fields)).await.expect("it can be looked at");
        found.into_iter().map(|misfit| misfit.message).collect::<Vec<_>>().join("\n")
    };
    let must = ("must", DataType::Utf8);
    let fits = [
        ("ID", DataType::Int64),
        ("name", DataType::Utf8),
        ("n", DataType::Float64),
        ("r", DataType::Int32),
        ("b", DataType::Binary),
        ("any", DataType::Utf8View),
        ("d", DataType::Date32),
        ("dec", DataType::Decimal128(10, 2)),
        must.clone(),
    ];
    assert_eq!(misfits("t", LoadMode::Append, &fits).await, "");
    for (name, ty) in [
        ("id", DataType::Utf8),
        ("id", DataType::Float64),
        ("name", DataType::Int64),
        ("name", DataType::Float64),
        ("n", DataType::Utf8),
        ("r", DataType::Int64),
        ("r", DataType::Utf8),
        ("dec", DataType::Decimal128(16, 2)),
        ("name", DataType::Binary),
        ("d", DataType::Utf8),
    ] {
        let found = misfits("t", LoadMode::Append, &[(name, ty.clone()), must.clone()]).await;
        assert!(
            found.contains(&format!("column {name:?} of t")) && found.contains(&ty.to_string()),
            "{name} {ty}: {found}"
        );
    }
    assert!(
        misfits("t", LoadMode::Append, &[("id", DataType::Int64)])
            .await
            .contains("column \"must\" of t must have a value")
    );
    assert!(misfits("t", LoadMode::Append, &[must.clone(), ("sum", DataType::Int64)]).await.contains("calculated"));
    assert!(
        misfits("t", LoadMode::Append, &[must.clone(), ("nam", DataType::Utf8)]).await.contains("no column \"nam\"")
    );
    assert!(misfits("v", LoadMode::Append, &[("id", DataType::Int64)]).await.contains("view"));
    assert!(
        misfits("t", upsert(), std::slice::from_ref(&must)).await.contains("no column \"id\", which is in the key")
    );
    assert!(misfits("new", LoadMode::Append, &[("a", DataType::Null)]).await.contains("SQLite cannot hold"));
    assert!(
        misfits("new", LoadMode::Append, &[("a", DataType::Int8), ("A", DataType::Int8)]).await.contains("one name")
    );
    assert!(
        misfits("etlplus_loads", LoadMode::Append, &[("a", DataType::Int8)]).await.contains("kept for other tables")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_sqlite_would_change_fail_the_load() {
    let (_folder, file) = place();
    let load_one = async |array: ArrayRef| {
        let batch = RecordBatch::try_from_iter([("x", array)]).expect("a column");
        load(&job_into(sqlite_place(&file, "t"), LoadMode::Append), &[batch], None).await
    };
    let failure = load_one(Arc::new(Float64Array::from(vec![f64::NAN]))).await.expect_err("it would be NULL");
    assert_eq!(failure.code, "not_finite");
    let failure =
        load_one(Arc::new(arrow::array::UInt64Array::from(vec![u64::MAX]))).await.expect_err("it has 63 bits");
    assert_eq!(failure.code, "out_of_range");
    let failure = load_one(Arc::new(arrow::array::Date32Array::from(vec![i32::MAX]))).await.expect_err("no such year");
    assert_eq!(failure.code, "out_of_range");

    // Decimals of few digits are the same numbers in columns of numbers.
    execute(&file, "CREATE TABLE d (id INTEGER, x DECIMAL(12, 2))").await;
    let decimals = Decimal128Array::from(vec![150, 999_999_999_999]).with_precision_and_scale(12, 2).expect("it fits");
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let rows = RecordBatch::try_from_iter([("id", ids), ("x", Arc::new(decimals) as ArrayRef)]).expect("two columns");
    load(&job_into(sqlite_place(&file, "d"), LoadMode::Append), std::slice::from_ref(&rows), None)
        .await
        .expect("it fits");
    let source = crate::support::sqlite_table(&file, "d", Vec::new());
    let (read, rejects) = crate::support::read(&crate::support::job_from(&source), None).await.expect("it can be read");
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(crate::support::rows(&[read]), crate::support::rows(&[rows]));
}
