//! Columns whose texts are written in a notation of their own.

use chrono_tz::Tz;
use encoding_rs::UTF_8;
use etlplus_core::pipeline::{Column, FileCompression, Operand, Rule, TimeNotation, ValueFormat};
use etlplus_core::{Type, Value};

use super::support::column;
use super::{File, Read, csv, json, row};

const AMOUNT: Type = Type::Decimal { precision: 12, scale: 2 };

fn with_format(name: &str, ty: Type, format: ValueFormat) -> Column {
    Column { format, ..column(name, ty) }
}

fn number(name: &str, ty: Type) -> Column {
    with_format(name, ty, ValueFormat::Number { decimal: b',', thousands: Some(b'.') })
}

fn strftime(name: &str, ty: Type, format: &str, zone: Option<Tz>) -> Column {
    let notation = TimeNotation::Strftime(format.to_owned());
    with_format(name, ty, ValueFormat::Time { notation, zone })
}

fn time(name: &str, ty: Type, notation: TimeNotation, zone: Option<Tz>) -> Column {
    with_format(name, ty, ValueFormat::Time { notation, zone })
}

async fn read_csv(text: &str, columns: &[Column]) -> Read {
    File::new("in.csv", text).read(csv(UTF_8), FileCompression::Auto, columns).await.expect("it can be read")
}

async fn read_json(text: &str, columns: &[Column]) -> Read {
    File::new("in.ndjson", text).read(json(), FileCompression::Auto, columns).await.expect("it can be read")
}

/// Of each reject the line, and its broken rules' messages.
fn messages(read: &Read) -> Vec<(u64, String)> {
    let told =
        |reject: &etlplus_core::Reject| reject.errors.iter().map(|error| error.message.clone()).collect::<Vec<_>>();
    read.rejects.iter().map(|reject| (reject.line.expect("a line"), told(reject).join("; "))).collect()
}

#[tokio::test]
async fn numbers_with_a_comma_and_groups() {
    let columns = [number("n", Type::Int64), number("f", Type::Float64), number("d", AMOUNT)];
    let text = concat!(
        "n,f,d\n",
        "1.234,\"1.000,5\",\"-1.234,50\"\n",
        "7,\"1,5e3\",12\n",
        "1.00.000,1,1\n",
        "1,1,\"1,234\"\n",
        "1,1,\"1.50\"\n",
        "\"1,5\",1,1\n",
        ",,\n",
    );
    let found = read_csv(text, &columns).await;
    assert_eq!(found.rows, [row(&["1234", "1000.5", "-1234.50"]), row(&["7", "1500.0", "12.00"]), vec![None; 3]]);
    let groups = |ty: &str| format!("has its thousands separators in the wrong places, and the column is {ty}");
    assert_eq!(
        messages(&found),
        [
            (4, groups("int64")),
            (5, "has more digits after the point than the type holds, and the column is decimal(12,2)".to_owned()),
            (6, groups("decimal(12,2)")),
            (7, "is not a whole number, and the column is int64".to_owned()),
        ]
    );
}

#[tokio::test]
async fn json_has_numbers_of_its_own_beside_texts() {
    let columns = [number("n", Type::Int64), number("d", AMOUNT)];
    let found =
        read_json("{\"n\":1234,\"d\":1234.5}\n{\"n\":\"1.234\",\"d\":\"1.234,5\"}\n{\"d\":\"1234.5\"}\n", &columns)
            .await;
    assert_eq!(found.rows, [row(&["1234", "1234.50"]), row(&["1234", "1234.50"])]);
    assert_eq!(found.rejects[0].line, Some(3), "a text with a point is none of the column's notation");
}

#[tokio::test]
async fn bounds_of_rules_stay_in_the_standard_notation() {
    let bound = Operand::Value(Value::Decimal { unscaled: 150, scale: 2 });
    let rules = vec![Rule::Min { bound, exclusive: false }];
    let amount = Column { rules, ..number("d", AMOUNT) };
    let found = read_csv("d\n\"1,50\"\n\"1,49\"\n", &[amount]).await;
    assert_eq!(found.rows, [row(&["1.50"])]);
    assert_eq!(messages(&found), [(3, "must be at least 1.50".to_owned())]);
}

#[tokio::test]
async fn times_by_a_format_and_a_zone() {
    let columns = [
        strftime("day", Type::Date, "%d.%m.%Y", None),
        strftime("at", Type::Timestamp, "%d.%m.%Y %H:%M:%S%.f", None),
        strftime("seen", Type::TimestampTz, "%d.%m.%Y %H:%M", Some(Tz::Europe__Berlin)),
        strftime("sent", Type::TimestampTz, "%a, %d %b %Y %T %z", None),
    ];
    let text = concat!(
        "day,at,seen,sent\n",
        "28.02.2026,28.02.2026 13:45:00.25,01.07.2026 12:00,\"Sat, 28 Feb 2026 13:45:00 +0100\"\n",
        "29.02.2026,,,\n",
        "28.2.2026,,,\n",
        ",28.02.2026 13:45:00.1234567,,\n",
        ",,29.03.2026 02:30,\n",
        ",,25.10.2026 02:30,\n",
        ",,25.10.2026 02:30 CET,\n",
        ",,,\"Sun, 28 Feb 2026 13:45:00 +0100\"\n",
    );
    let found = read_csv(text, &columns).await;
    let expected = ["2026-02-28", "2026-02-28T13:45:00.250", "2026-07-01T10:00:00Z", "2026-02-28T12:45:00Z"];
    assert_eq!(found.rows, [row(&expected)]);
    let expected = [
        (3, "is a day that does not exist, and the column is date"),
        (4, "is not of the format %d.%m.%Y, and the column is date"),
        (5, "has more digits than the microseconds that are kept, and the column is timestamp"),
        (6, "is a time that the clocks of the column's zone leave out, and the column is timestamptz"),
        (
            7,
            "is a time that comes twice in the column's zone: only with an offset can it be told which is meant, and the \
             column is timestamptz",
        ),
        (8, "is not of the format %d.%m.%Y %H:%M, and the column is timestamptz"),
        (9, "is a day that does not exist, and the column is timestamptz"),
    ];
    assert_eq!(messages(&found), expected.map(|(line, message)| (line, message.to_owned())));
}

#[tokio::test]
async fn iso_texts_take_the_zone_of_their_column_where_they_name_none() {
    let columns = [time("seen", Type::TimestampTz, TimeNotation::Iso, Some(Tz::America__New_York))];
    let found = read_csv(
        "seen\n2026-01-01T12:00:00\n2026-01-01T12:00:00Z\n2026-01-01 12:00:00+02:00\n2026-03-08 02:30:00\n2026-01-01\n",
        &columns,
    )
    .await;
    assert_eq!(
        found.rows,
        [row(&["2026-01-01T17:00:00Z"]), row(&["2026-01-01T12:00:00Z"]), row(&["2026-01-01T10:00:00Z"])]
    );
    let places: Vec<_> = found.rejects.iter().map(|reject| reject.line).collect();
    assert_eq!(places, [Some(5), Some(6)]);
}

#[tokio::test]
async fn epochs_of_texts_and_of_numbers() {
    let columns = [
        time("s", Type::TimestampTz, TimeNotation::EpochSeconds, None),
        time("ms", Type::TimestampTz, TimeNotation::EpochMillis, None),
        time("us", Type::Timestamp, TimeNotation::EpochMicros, None),
    ];
    let expected = [row(&["2023-11-14T22:13:20.500Z", "2023-11-14T22:13:20.123Z", "2023-11-14T22:13:20.123456"])];
    let found = read_csv("s,ms,us\n1700000000.5,1700000000123,1700000000123456\n1.0000001,,\n,1e3,\n", &columns).await;
    assert_eq!(found.rows, expected);
    assert_eq!(found.rejects.len(), 2);
    let text = concat!(
        "{\"s\":1700000000.5,\"ms\":1700000000123,\"us\":1700000000123456}\n",
        "{\"s\":\"1700000000.5\",\"ms\":\"1700000000123\",\"us\":\"1700000000123456\"}\n",
        "{\"s\":\"2023-11-14T22:13:20Z\"}\n{\"s\":true}\n",
    );
    let found = read_json(text, &columns).await;
    assert_eq!(found.rows, [&expected[..], &expected[..]].concat());
    let places: Vec<_> = found.rejects.iter().map(|reject| reject.line).collect();
    assert_eq!(places, [Some(3), Some(4)]);
}
