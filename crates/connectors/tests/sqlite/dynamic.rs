//! SQLite's values have each a kind of their own, whatever their column declares.

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Float64Type, Int32Type, TimestampMicrosecondType};
use etlplus_connectors::{Intake, source};
use etlplus_core::pipeline::{Operand, Rule};
use etlplus_core::{Type, Value};

use crate::database::{execute, place};
use crate::support::{Unlimited, column, job_from, read, rows, sqlite_table, with_rules};

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_kind_is_a_reject_and_no_failure() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (n, r, s, d, b, at, f);
         INSERT INTO t VALUES (1, 1.5, 'a', '1.50', x'00', '2026-02-28 13:45:00', 1);
         INSERT INTO t VALUES ('2', 1.5, 'a', 1, x'00', '2026-02-28T13:45:00.25', 0);
         INSERT INTO t VALUES (4294967296, 'x', 5, 0.1, 'text', 7, 2);
         INSERT INTO t VALUES (3.0, 7, CAST(x'ff' AS TEXT), 0.125, NULL, NULL, NULL);
         INSERT INTO t VALUES (3.5, 9007199254740993, x'41', '1.505', x'', '2026-02-30 00:00:00', '1');
         INSERT INTO t VALUES (NULL, 9e999, 'b', 9007199254740993, x'', NULL, 1);",
    )
    .await;
    let declared = vec![
        column("n", Type::Int32),
        column("r", Type::Float64),
        column("s", Type::String),
        column("d", Type::Decimal { precision: 18, scale: 2 }),
        column("b", Type::Binary),
        column("at", Type::Timestamp),
        column("f", Type::Boolean),
    ];
    let (batch, rejects) = read(&job_from(&sqlite_table(&file, "t", declared)), None).await.expect("it can be read");
    assert_eq!(batch.num_rows(), 1);
    assert_eq!(batch.column(0).as_primitive::<Int32Type>().value(0), 1);
    assert_eq!(batch.column(3).as_primitive::<Decimal128Type>().value(0), 150);
    assert_eq!(batch.column(5).as_primitive::<TimestampMicrosecondType>().value(0), 1_772_286_300_000_000);

    let broken: Vec<_> = rejects
        .iter()
        .map(|reject| {
            assert_eq!(reject.file, format!("{} t", file.display()));
            assert!(reject.errors.iter().all(|error| error.rule == "type"), "{:?}", reject.errors);
            (reject.row, reject.errors.iter().filter_map(|error| error.field.as_deref()).collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = [(2, "n"), (3, "n r s b at f"), (4, "s d"), (5, "n r s d at f"), (6, "r")];
    assert_eq!(broken, expected.map(|(row, fields)| (row, fields.to_owned())));
    let third = &rejects[1];
    assert_eq!(third.raw, r#"{"n":4294967296,"r":"x","s":5,"d":0.1,"b":"text","at":7,"f":2}"#);
    assert_eq!(third.errors[0].value.as_deref(), Some("4294967296"));
    assert!(third.errors[1].message.contains("is a text, and the column is float64"), "{:?}", third.errors[1]);
    // The bytes of a text that is no UTF-8 are kept.
    assert!(rejects[2].raw.contains('\u{fffd}'));
    assert!(rejects[2].raw_hex.as_ref().is_some_and(|hex| hex.contains("22ff22")), "{:?}", rejects[2]);
    // A blob is shown as texts of its type are written.
    assert!(rejects[3].raw.contains(r#""s":"\\x41""#), "{}", rejects[3].raw);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_loses_nothing_is_taken() {
    let (_folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (n REAL, r INTEGER, d, u, j);
         INSERT INTO t VALUES (3, 4, 0.1, x'00112233445566778899aabbccddeeff', 5);
         INSERT INTO t VALUES (-4e9, 9007199254740992, -2, '00112233-4455-6677-8899-AABBCCDDEEFF', '[1]');",
    )
    .await;
    let declared = vec![
        column("n", Type::Int64),
        column("r", Type::Float64),
        column("d", Type::Decimal { precision: 5, scale: 2 }),
        column("u", Type::Uuid),
        column("j", Type::Json),
    ];
    let (batch, rejects) = read(&job_from(&sqlite_table(&file, "t", declared)), None).await.expect("it can be read");
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(batch.column(1).as_primitive::<Float64Type>().values(), &[4.0, 9_007_199_254_740_992.0]);
    assert_eq!(batch.column(2).as_primitive::<Decimal128Type>().values(), &[10, -200]);
    let uuid = "00112233-4455-6677-8899-aabbccddeeff";
    assert!(batch.column(3).as_string::<i32>().iter().all(|value| value == Some(uuid)));
    assert_eq!(batch.column(4).as_string::<i32>().value(0), "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_hold_as_everywhere() {
    let (_folder, file) = place();
    execute(&file, "CREATE TABLE t (id INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (1, 5), (2, NULL), (3, 5);").await;
    let declared =
        vec![column("id", Type::Int64), with_rules(column("n", Type::Int64), vec![Rule::Required, Rule::Unique])];
    let (batch, rejects) = read(&job_from(&sqlite_table(&file, "t", declared)), None).await.expect("it can be read");
    assert_eq!(batch.num_rows(), 1);
    let rules: Vec<_> = rejects.iter().map(|reject| (reject.row, reject.errors[0].rule.as_str())).collect();
    assert_eq!(rules, [(2, "required"), (3, "unique")]);
    assert_eq!(rejects[0].raw, r#"{"id":2,"n":null}"#);
}

/// Rows of a table and what they were as rejects are the same rows.
#[tokio::test(flavor = "multi_thread")]
async fn rejects_can_be_replayed() {
    let (folder, file) = place();
    execute(
        &file,
        "CREATE TABLE t (id, f, r, d, s, b, u, j, at);
         INSERT INTO t VALUES (1, 0, 0.1, 0.5, 'a \"quoted\"', x'00ff', x'00112233445566778899aabbccddeeff', 5, '2026-02-28 13:45:00');
         INSERT INTO t VALUES (2, 1, 1e300, 1e15, '', x'', '00112233-4455-6677-8899-AABBCCDDEEFF', '{\"a\": 1}', NULL);
         INSERT INTO t VALUES (3.0, NULL, 3, '1.50', 'line' || char(10) || 'é', NULL, NULL, '\"text\"', NULL);",
    )
    .await;
    let columns = |id| {
        let types = [
            ("f", Type::Boolean),
            ("r", Type::Float64),
            ("d", Type::Decimal { precision: 20, scale: 2 }),
            ("s", Type::String),
            ("b", Type::Binary),
            ("u", Type::Uuid),
            ("j", Type::Json),
            ("at", Type::Timestamp),
        ];
        std::iter::once(id).chain(types.map(|(name, ty)| column(name, ty))).collect::<Vec<_>>()
    };
    let bound = Operand::Value(Value::Integer(100));
    let least = with_rules(column("id", Type::Int64), vec![Rule::Min { bound, exclusive: false }]);
    let strict = sqlite_table(&file, "t", columns(least));
    let (batch, rejects) = read(&job_from(&strict), None).await.expect("it can be read");
    assert_eq!((batch.num_rows(), rejects.len()), (0, 3), "each row is whole but for its id");
    let lines = rejects.iter().map(|reject| serde_json::to_string(reject).expect("it is JSON") + "\n");
    let rejected = folder.path().join("rejects.ndjson");
    std::fs::write(&rejected, lines.collect::<String>()).expect("there is room");

    let mild = job_from(&sqlite_table(&file, "t", columns(column("id", Type::Int64))));
    let open = source::open_rejects(&rejected, &mild.pipeline().source, &mild).await.expect("it is a reject file");
    let mut intake = Intake::start(open, &Unlimited);
    let again = intake.next().await.expect("it can be read").expect("it has rows");
    assert_eq!(again.rejects, []);
    let (direct, rejects) = read(&mild, None).await.expect("it can be read");
    assert_eq!(rejects, []);
    assert_eq!(rows(&[again.batch]), rows(&[direct]));
}
