//! Types both ways: what is loaded comes back, and it is what the server says it is.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use etlplus_connectors::{TYPE_KEY, source, target};
use etlplus_core::{FailureKind, Type, Value};
use futures::TryStreamExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::server::PostgresServer;
use crate::support::{load, load_job, misfits, read, read_job};

/// 294276-12-31T23:59:59.999999, the last instant of PostgreSQL.
const LAST_MICROS: i64 = 9_223_371_331_199_999_999;
/// 4714-11-24 BC, its first.
const FIRST_MICROS: i64 = -210_866_803_200_000_000;

type Values =
    (Vec<Option<bool>>, Vec<Option<i16>>, Vec<Option<i32>>, Vec<Option<i64>>, Vec<Option<f32>>, Vec<Option<f64>>);
type More = (
    Vec<Option<i128>>,
    Vec<Option<String>>,
    Vec<Option<i32>>,
    Vec<Option<i64>>,
    Vec<Option<u128>>,
    Vec<Option<Vec<u8>>>,
);

fn said(name: &str, ty: &str) -> Field {
    Field::new(name, DataType::Utf8, true).with_metadata([(TYPE_KEY.to_owned(), ty.to_owned())].into())
}

/// A batch of every type, after a column `row` that orders it.
fn batch(values: Values, more: More) -> RecordBatch {
    let (a, b, c, d, e, f) = values;
    let (g, h, i, j, k, l) = more;
    let rows = a.len() as i64;
    let decimal = |precision: u8, scale: i8| -> ArrayRef {
        let most = 10_i128.pow(precision.into());
        let numbers = g.iter().map(|value| value.map(|value| value % most));
        Arc::new(numbers.collect::<Decimal128Array>().with_precision_and_scale(precision, scale).unwrap())
    };
    let micros: TimestampMicrosecondArray = j.into_iter().collect();
    let columns: Vec<(Field, ArrayRef)> = vec![
        (Field::new("row", DataType::Int64, true), Arc::new((0..rows).collect::<Int64Array>())),
        (Field::new("Bool", DataType::Boolean, true), Arc::new(BooleanArray::from(a))),
        (Field::new("int2", DataType::Int16, true), Arc::new(Int16Array::from(b))),
        (Field::new("int 4", DataType::Int32, true), Arc::new(Int32Array::from(c))),
        (Field::new("int\"8", DataType::Int64, true), Arc::new(Int64Array::from(d))),
        (Field::new("float4", DataType::Float32, true), Arc::new(Float32Array::from(e))),
        (Field::new("float8", DataType::Float64, true), Arc::new(Float64Array::from(f))),
        (Field::new("d12", DataType::Decimal128(12, 2), true), decimal(12, 2)),
        (Field::new("d38", DataType::Decimal128(38, 0), true), decimal(38, 0)),
        (Field::new("d38_38", DataType::Decimal128(38, 38), true), decimal(38, 38)),
        (Field::new("d5_5", DataType::Decimal128(5, 5), true), decimal(5, 5)),
        (Field::new("text", DataType::Utf8, true), Arc::new(StringArray::from(h.clone()))),
        (
            said("json", "json"),
            Arc::new(
                h.iter()
                    .map(|text| text.as_ref().map(|text| format!("{{\"a\" : {text:?}}}")))
                    .map(|text| text.filter(|text| serde_json::from_str::<serde_json::Value>(text).is_ok()))
                    .collect::<StringArray>(),
            ),
        ),
        (Field::new("date", DataType::Date32, true), Arc::new(Date32Array::from(i))),
        (Field::new("timestamp", micros.data_type().clone(), true), Arc::new(micros.clone())),
        (
            Field::new(
                "timestamptz",
                DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into())),
                true,
            ),
            Arc::new(micros.with_timezone("UTC")),
        ),
        (
            said("uuid", "uuid"),
            Arc::new(k.iter().map(|id| id.map(|id| uuid::Uuid::from_u128(id).to_string())).collect::<StringArray>()),
        ),
        (
            Field::new("bytea", DataType::Binary, true),
            Arc::new(l.iter().map(|bytes| bytes.as_deref()).collect::<BinaryArray>()),
        ),
    ];
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// A value that is none now and then, and one of the extremes as often.
fn column<T: Clone + std::fmt::Debug + 'static>(
    rows: usize,
    any: impl Strategy<Value = T> + 'static,
    extremes: Vec<T>,
) -> impl Strategy<Value = Vec<Option<T>>> {
    let extreme = proptest::sample::select(extremes);
    let value = prop_oneof![1 => Just(None), 2 => extreme.prop_map(Some), 5 => any.prop_map(Some)];
    proptest::collection::vec(value, rows)
}

fn batches() -> impl Strategy<Value = RecordBatch> {
    let most = 10_i128.pow(38) - 1;
    (1_usize..60).prop_flat_map(move |rows| {
        let texts = "[^\\x00]{0,12}".prop_map(|text| text);
        let values = (
            column(rows, any::<bool>(), vec![true]),
            column(rows, any::<i16>(), vec![i16::MIN, i16::MAX, 0]),
            column(rows, any::<i32>(), vec![i32::MIN, i32::MAX, 0]),
            column(rows, any::<i64>(), vec![i64::MIN, i64::MAX, 0]),
            column(rows, any::<f32>(), vec![f32::MIN, f32::MAX, f32::MIN_POSITIVE, -0.0]),
            column(rows, any::<f64>(), vec![f64::MIN, f64::MAX, f64::EPSILON, -0.0]),
        );
        let more = (
            column(rows, -most..=most, vec![most, -most, 0, 1, -1, 10_000, 9999]),
            column(
                rows,
                texts,
                vec![String::new(), "é漢😀\u{10ffff}".to_owned(), "\\N".to_owned(), " \t\n\"'".to_owned()],
            ),
            column(rows, -2_440_588..2_145_042_000_i32, vec![-2_440_588, 2_145_042_541 - 1, 0, -719_162]),
            column(rows, FIRST_MICROS..=LAST_MICROS, vec![FIRST_MICROS, LAST_MICROS, 0, -1]),
            column(rows, any::<u128>(), vec![0, u128::MAX]),
            column(rows, proptest::collection::vec(any::<u8>(), 0..20), vec![Vec::new(), vec![0, 255, b'\\', b'\n']]),
        );
        (values, more).prop_map(|(values, more)| batch(values, more))
    })
}

#[test]
fn what_is_loaded_comes_back() {
    let server = PostgresServer::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    runner
        .run(&batches(), |batch| {
            runtime.block_on(async {
                load(&load_job(&server, "Every Type", "mode: replace"), std::slice::from_ref(&batch)).await.unwrap();
                let (read, rejects) = read(&read_job(&server, "table: Every Type", ""), None).await.unwrap();
                assert!(rejects.is_empty());
                let read = in_order(&read);
                // Floats are compared by their bits.
                assert_eq!(read, batch);
            });
            Ok(())
        })
        .unwrap();
}

fn in_order(batch: &RecordBatch) -> RecordBatch {
    let rows = cast(batch.column(0), &DataType::Int64).unwrap();
    let indices = arrow::compute::sort_to_indices(&rows, None, None).unwrap();
    take_record_batch(batch, &indices).unwrap()
}

/// The server's own words for values that this end has written.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_what_the_server_says() {
    let server = PostgresServer::start();
    let one = batch(
        (vec![Some(true)], vec![Some(-2)], vec![Some(3)], vec![Some(-4)], vec![Some(1.5)], vec![Some(-0.1)]),
        (
            vec![Some(-1_234_567_890)],
            vec![Some("é".to_owned())],
            vec![Some(19_782)],
            vec![Some(1_709_210_096_789_012)],
            vec![Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)],
            vec![Some(vec![0, 255])],
        ),
    );
    load(&load_job(&server, "t", "mode: replace"), &[one]).await.unwrap();
    assert_eq!(
        server.sql("SET timezone = 'UTC'; SELECT * FROM t"),
        "0|t|-2|3|-4|1.5|-0.1|-12345678.90|-1234567890|-0.00000000000000000000000000001234567890|-0.67890|é|{\"a\" : \"é\"}|\
         2024-02-29|2024-02-29 12:34:56.789012|2024-02-29 12:34:56.789012+00|01234567-89ab-cdef-0123-456789abcdef|\\x00ff"
    );
    assert_eq!(
        server.sql("SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0"),
        "bigint, boolean, smallint, integer, bigint, real, double precision, numeric(12,2), numeric(38,0), numeric(38,38), numeric(5,5), text, json, \
         date, timestamp without time zone, timestamp with time zone, uuid, bytea"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_arrow_become_ones_that_hold_them_or_are_refused() {
    let server = PostgresServer::start();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None]));
    let of = |to: DataType| cast(&numbers, &to).unwrap();
    let text_of = |to: DataType| cast(&texts, &to).unwrap();
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let wide: ArrayRef = Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("u8", of(DataType::UInt8), true),
        ("u16", of(DataType::UInt16), true),
        ("u32", of(DataType::UInt32), true),
        ("u64", wide, true),
        ("i8", of(DataType::Int8), true),
        ("f16", of(DataType::Float16), true),
        ("d32", of(DataType::Decimal32(5, 1)), true),
        ("d256", of(DataType::Decimal256(20, 3)), true),
        ("negative", of(DataType::Decimal128(5, -1)), true),
        ("large", text_of(DataType::LargeUtf8), true),
        ("view", text_of(DataType::Utf8View), true),
        ("dictionary", text_of(dictionary), true),
        ("seconds", of(DataType::Timestamp(arrow::datatypes::TimeUnit::Second, None)), true),
    ]);
    let batch = batch.unwrap();
    load(&load_job(&server, "t", "mode: replace"), &[batch]).await.unwrap();
    assert_eq!(
        server.sql("SELECT * FROM t WHERE u8 = 7"),
        "7|7|7|18446744073709551615|7|7|7.0|7.000|0|x|x|x|1970-01-01 00:00:07"
    );
    assert_eq!(server.sql("SELECT count(*) FROM t WHERE num_nulls(u8, u64, d256, view, seconds) = 5"), "1");

    let nanos: ArrayRef = of(DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, None));
    let unfit = RecordBatch::try_from_iter_with_nullable([
        ("nanos", nanos, true),
        ("nothing", arrow::array::new_null_array(&DataType::Null, 2), true),
        ("list", arrow::array::new_null_array(&DataType::new_list(DataType::Int32, true), 2), true),
        ("a name that is far too long for a column of PostgreSQL, which keeps 63 bytes", of(DataType::Int64), true),
    ]);
    let misfits = misfits(&load_job(&server, "t2", "mode: replace"), &unfit.unwrap()).await;
    let words: Vec<_> = misfits.iter().map(|misfit| misfit.message.as_str()).collect();
    assert_eq!(words.len(), 4, "{words:?}");
    assert!(misfits[0].remedy.contains("arrow_cast"), "{misfits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_cannot_be_held_name_their_column_and_row() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE short (id bigint, note varchar(3), code char(2))");
    let rows = |notes: [&str; 3]| {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let note: ArrayRef = Arc::new(StringArray::from(notes.to_vec()));
        let code: ArrayRef = Arc::new(StringArray::from(vec!["ab"; 3]));
        RecordBatch::try_from_iter_with_nullable([("id", id, true), ("note", note, true), ("code", code, true)])
            .unwrap()
    };
    let append = || load_job(&server, "short", "mode: append");
    load(&append(), &[rows(["äöü", "", "abc"])]).await.unwrap();
    let failure = load(&append(), &[rows(["a", "b", "c"]), rows(["a", "abcd", "c"])]).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.kind), ("value_too_long", FailureKind::BadData));
    assert!(failure.message.contains("row 5") && failure.message.contains("\"note\""), "{failure}");
    let failure = load(&load_job(&server, "t", "mode: replace"), &[rows(["a", "b\0", "c"])]).await.unwrap_err();
    assert_eq!(failure.code, "nul_in_text");
    assert!(failure.message.contains("row 2") && failure.message.contains("\"note\""), "{failure}");
    assert_eq!(server.sql("SELECT count(*), to_regclass('t') IS NULL FROM short"), "3|t");
}

#[tokio::test(flavor = "multi_thread")]
async fn infinite_days_are_rejected_by_a_schema_and_fail_without_one() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE TABLE t (id int, day date, at timestamp, with_zone timestamptz, n numeric(5,2)); \
         INSERT INTO t VALUES (1, '2024-02-29', '2024-01-01', '2024-01-01', 1.5), (2, 'infinity', '-infinity', NULL, 'NaN'), (3, NULL, NULL, 'infinity', NULL)",
    );
    let failure = read(&read_job(&server, "table: t", ""), None).await.unwrap_err();
    assert_eq!(failure.code, "value_out_of_range");
    assert!(
        failure.message.contains("row 2")
            && failure.message.contains("\"day\"")
            && failure.message.contains("infinity"),
        "{failure}"
    );
    let schema = "schema: {n: 'decimal(6,3)', with_zone: timestamptz, at: timestamp, day: date, id: int64}";
    let (rows, rejects) = read(&read_job(&server, "table: t", schema), None).await.unwrap();
    assert_eq!(rows.num_rows(), 1);
    let errors: Vec<_> = rejects
        .iter()
        .map(|reject| {
            let broken: Vec<_> = reject
                .errors
                .iter()
                .map(|error| (error.field.clone().unwrap(), error.value.clone().unwrap()))
                .collect();
            (reject.row, broken)
        })
        .collect();
    let pair = |field: &str, value: &str| (field.to_owned(), value.to_owned());
    assert_eq!(
        errors,
        [
            (2, vec![pair("n", "NaN"), pair("at", "-infinity"), pair("day", "infinity")]),
            (3, vec![pair("with_zone", "infinity")]),
        ]
    );
    assert_eq!(rejects[0].file, "public.t");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_the_server_are_read_as_what_they_hold() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE DOMAIN amount AS numeric(10,3) CHECK (VALUE >= 0); \
         CREATE DOMAIN price AS amount; \
         CREATE TABLE t (m mood, p price, j jsonb, v varchar(4), c char(4), n name, hundreds numeric(3,-2), tiny numeric(2,4)); \
         INSERT INTO t VALUES ('sad', 1.25, '{\"b\": 1, \"a\": [1.50]}', 'vc', 'c', 'nm', 12345, 0.0012)",
    );
    let (rows, _) = read(&read_job(&server, "table: t", ""), None).await.unwrap();
    let shown = |rows: &RecordBatch| {
        let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
        writer.write(rows).unwrap();
        writer.finish().unwrap();
        String::from_utf8(writer.into_inner()).unwrap()
    };
    assert_eq!(
        shown(&rows),
        "{\"m\":\"sad\",\"p\":1.250,\"j\":\"{\\\"a\\\": [1.50], \\\"b\\\": 1}\",\"v\":\"vc\",\"c\":\"c\",\"n\":\"nm\",\"hundreds\":12300,\"tiny\":0.0012}\n"
    );
    assert_eq!(rows.schema().field(1).data_type(), &DataType::Decimal128(10, 3));
    assert_eq!(rows.schema().field(2).metadata()[TYPE_KEY], "json");
    let query = "query: \"SELECT m, p, j, v, c, n, hundreds, tiny FROM t -- all\"";
    let (by_query, _) = read(&read_job(&server, query, ""), None).await.unwrap();
    assert_eq!(shown(&by_query), shown(&rows));
    assert_eq!(by_query.schema(), rows.schema());
    let both = concat_batches(&rows.schema(), [&rows, &by_query]).unwrap();
    assert_eq!(both.num_rows(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_a_fixed_length_are_read_as_they_were_written() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE t (c char(5), n bigint)");
    let codes = |codes: &[&str]| {
        let code: ArrayRef = Arc::new(StringArray::from(codes.to_vec()));
        let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..codes.len() as i64));
        RecordBatch::try_from_iter_with_nullable([("c", code, true), ("n", n, true)]).unwrap()
    };
    let append = || load_job(&server, "t", "mode: append");
    let written = codes(&["ab", "", "a b", "abcde"]);
    load(&append(), std::slice::from_ref(&written)).await.unwrap();
    for rows in ["table: t", "query: 'SELECT c, n FROM t'", "query: 'SELECT c, n, 1.5::numeric(2,1) AS d FROM t'"] {
        let (read, _) = read(&read_job(&server, rows, ""), None).await.unwrap();
        assert_eq!(read.column(0), written.column(0), "{rows}");
    }
    // What it is compared with for the rule unique is the same.
    let values = target::of(&append()).values("c", Type::String).await.unwrap().unwrap();
    let values = values.try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(&values[0], written.column(0));
    // It would come back without its space.
    let failure = load(&append(), &[codes(&["ab", "ab "])]).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.kind), ("spaces_lost", FailureKind::BadData));
    assert!(failure.message.contains("row 2") && failure.message.contains("\"c\""), "{failure}");
    let job = read_job(&server, "table: t", "");
    assert_eq!(
        source::newest(&job.pipeline().source, &job, "c").await.unwrap(),
        Some(Value::String("abcde".to_owned()))
    );
    server.sql("INSERT INTO t VALUES ('b')");
    assert_eq!(source::newest(&job.pipeline().source, &job, "c").await.unwrap(), Some(Value::String("b".to_owned())));
}
