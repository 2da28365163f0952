//! Reading tables, views and queries.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use etlplus_connectors::{source, target};
use etlplus_core::pipeline::Interval;
use etlplus_core::{Failure, FailureKind, Type, Value};
use futures::StreamExt;

use crate::server::PostgresServer;
use crate::support::{load_job, read, read_job};

async fn open_failure(server: &PostgresServer, rows: &str, more: &str) -> Failure {
    let job = read_job(server, rows, more);
    source::open(&job.pipeline().source, &job, None).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_is_read_whole_by_several_sessions_at_one_moment() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE t AS SELECT n AS id, repeat('x', 100) AS filler FROM generate_series(1, 300000) n; DELETE FROM t WHERE id % 3 = 0");
    assert!(server.sql("SELECT pg_relation_size('t') / 8192 > 4 * 1024").starts_with('t'), "it has several ranges");
    let job = read_job(&server, "table: t", "schema: {id: int64}");
    let opened = source::open(&job.pipeline().source, &job, None).await;
    // The table has a column more than is declared.
    assert_eq!(opened.err().unwrap().code, "undeclared_column");
    let job = read_job(&server, "table: t", "schema: {id: int64, filler: string}");
    let (rows, rejects) = read(&job, None).await.unwrap();
    assert_eq!(rejects.len(), 0);
    assert_eq!(rows.num_rows(), 200_000);
    let sum: i64 = rows.column(0).as_primitive::<Int64Type>().iter().flatten().sum();
    assert_eq!(sum.to_string(), server.sql("SELECT sum(id) FROM t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_checked_as_those_of_files_are() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE TABLE t (id bigint, amount numeric, code text, at text); \
         INSERT INTO t VALUES (1, 10.50, 'a', '5d0fcd1e-2b1e-4ac3-8a0a-4d6ed4a0d6c1'), (2, 10.505, 'b', NULL), \
           (3000000000, 1, NULL, NULL), (4, 1e30, 'c', 'no uuid')",
    );
    let schema = "schema: {id: int32, amount: 'decimal(12,2)', code: 'string required', at: uuid}";
    let (rows, rejects) = read(&read_job(&server, "table: t", schema), None).await.unwrap();
    assert_eq!(rows.num_rows(), 1);
    let broken: Vec<Vec<_>> = rejects
        .iter()
        .map(|reject| {
            reject.errors.iter().map(|error| format!("{} {}", error.field.clone().unwrap(), error.rule)).collect()
        })
        .collect();
    assert_eq!(broken, [vec!["amount type"], vec!["id type", "code required"], vec!["amount type", "at type"]]);
    assert!(rejects[0].raw.contains("10.505"), "{}", rejects[0].raw);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_without_a_bound_have_to_be_declared_or_cast() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE t (n numeric, wide numeric(60,10)); INSERT INTO t VALUES (1.5, 2.5)");
    assert_eq!(open_failure(&server, "table: t", "").await.code, "numeric_without_precision");
    assert_eq!(open_failure(&server, "query: SELECT sum(n) AS s FROM t", "").await.code, "numeric_without_precision");
    let (rows, _) =
        read(&read_job(&server, "query: 'SELECT sum(n)::numeric(20,3) AS s FROM t;'", ""), None).await.unwrap();
    assert_eq!(rows.schema().field(0).data_type(), &DataType::Decimal128(20, 3));
    let (rows, _) =
        read(&read_job(&server, "table: t", "schema: {n: string, wide: 'decimal(12,1)'}"), None).await.unwrap();
    assert_eq!(rows.column(0).as_string::<i32>().value(0), "1.5");
    assert_eq!(rows.schema().field(1).data_type(), &DataType::Decimal128(12, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_with_its_name() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE t (id int, span interval, list int[]); CREATE TABLE \"Upper\" (id int)");
    for (rows, more, code, words) in [
        ("table: missing", "", "table_missing", "missing"),
        ("table: nowhere.t", "", "table_missing", "nowhere.t"),
        ("table: upper", "", "table_missing", "upper"),
        ("table: t", "", "unsupported_type", "interval"),
        ("table: t", "schema: {list: string, id: int32, span: string}", "unsupported_type", "integer[]"),
        ("table: t", "schema: {idd: int32}", "missing_column", "idd"),
        ("table: Upper", "schema: {id: timestamp}", "wrong_type", "Int32"),
        ("query: SELECT nothing FROM t", "", "sql_refused", "nothing"),
        ("query: SELECT 1 FROM", "", "sql_refused", "syntax"),
        ("query: SELECT 1) AS a; DROP TABLE t; --", "", "sql_refused", "syntax"),
        ("query: 'DELETE FROM t RETURNING id'", "", "sql_refused", "syntax"),
    ] {
        let failure = open_failure(&server, rows, more).await;
        assert_eq!(failure.code, code, "{rows}: {failure}");
        assert!(failure.message.contains(words), "{rows}: {failure}");
        assert_eq!(failure.kind, FailureKind::UserMistake, "{rows}");
    }
    // A function of a query that writes meets a transaction that only reads.
    server.sql("CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM t; SELECT 1'");
    let failure = read(&read_job(&server, "query: SELECT wipe() AS w", ""), None).await.unwrap_err();
    assert_eq!(failure.code, "database_read_only");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_is_read_and_no_more() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE TABLE t (id bigint, at timestamptz, code varchar(3)); \
         INSERT INTO t SELECT n, '2024-01-01'::timestamptz + n * interval '1 hour', chr(64 + n) FROM generate_series(1, 10) n; \
         INSERT INTO t VALUES (NULL, NULL, NULL), (11, 'infinity', 'a')",
    );
    let with = |cursor: &str| {
        let more = format!("schema: {{id: int64, at: timestamptz, code: string}}\nincremental: {{cursor: {cursor}}}");
        format!("{more}\n")
    };
    let job = |cursor: &str| {
        let address = crate::support::address(&server);
        crate::support::job(&format!(
            "name: orders\nsource: {{postgres: {{{address}, table: t}}}}\n{}target: {{postgres: {{{address}, table: copy}}, mode: append}}\n",
            with(cursor)
        ))
    };
    let newest = |cursor: &'static str| {
        let job = job(cursor);
        async move { source::newest(&job.pipeline().source, &job, cursor).await.unwrap() }
    };
    assert_eq!(newest("id").await, Some(Value::Integer(11)));
    assert_eq!(newest("at").await.unwrap().to_string(), "2024-01-01T10:00:00Z");
    // By bytes: small letters come after capital ones.
    assert_eq!(newest("code").await, Some(Value::String("a".to_owned())));
    for (cursor, after, up_to, wanted) in [
        ("id", Some(Value::Integer(3)), Some(Value::Integer(5)), vec![4, 5]),
        ("id", None, Some(Value::Integer(2)), vec![1, 2]),
        ("id", Some(Value::Integer(9)), None, vec![10]),
        (
            "at",
            Value::parse(Type::TimestampTz, "2024-01-01T08:00:00Z").ok(),
            Value::parse(Type::TimestampTz, "2024-01-01T10:00:00Z").ok(),
            vec![9, 10],
        ),
        ("code", Some(Value::String("I".to_owned())), Some(Value::String("Z' OR true OR 'x".to_owned())), vec![10]),
    ] {
        let (rows, _) = read(&job(cursor), Some(&Interval { after, up_to })).await.unwrap();
        let mut ids: Vec<_> = rows.column(0).as_primitive::<Int64Type>().iter().flatten().collect();
        ids.sort();
        assert_eq!(ids, wanted, "{cursor}");
    }
    server.sql("DELETE FROM t");
    assert_eq!(newest("at").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_partitions_and_empty_tables_are_read() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE TABLE t (id int) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (5); \
         CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (5) TO (9); INSERT INTO t SELECT generate_series(0, 8); \
         CREATE VIEW v AS SELECT id FROM t WHERE id > 6; CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent); \
         INSERT INTO child VALUES (1); CREATE TABLE empty (id int)",
    );
    for (table, rows) in [("t", 9), ("v", 2), ("parent", 1), ("empty", 0)] {
        let (read, _) = read(&read_job(&server, &format!("table: {table}"), ""), None).await.unwrap();
        assert_eq!(read.num_rows(), rows, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_the_target_are_given_for_the_rule_unique() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id int, note text); INSERT INTO notes SELECT n, 'x' FROM generate_series(1, 20000) n; INSERT INTO notes VALUES (NULL, 'y')");
    let job = load_job(&server, "notes", "mode: append");
    let target = target::of(&job);
    let batches: Vec<_> = target.values("id", Type::Int64).await.unwrap().unwrap().collect().await;
    let sum: i64 = batches
        .iter()
        .map(|batch| batch.as_ref().unwrap().as_primitive::<Int64Type>().iter().flatten().sum::<i64>())
        .sum();
    assert_eq!(sum, 200_010_000);
    assert!(target.values("missing", Type::Int64).await.unwrap().is_none());
    // Rows that go anyway are in nobody's way.
    for mode in ["mode: replace", "mode: upsert, key: [id]"] {
        let target = target::of(&load_job(&server, "notes", mode));
        assert!(target.values("id", Type::Int64).await.unwrap().is_none(), "{mode}");
    }
}
