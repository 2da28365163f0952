//! NDJSON, from its bytes to typed columns.

use etlplus_core::Type;
use etlplus_core::pipeline::FileCompression;

use super::support::column;
use super::{File, Read, json, row};

async fn read(text: &str, columns: &[(&str, Type)]) -> Read {
    let file = File::new("in.ndjson", text);
    let columns: Vec<_> = columns.iter().map(|(name, ty)| column(name, *ty)).collect();
    let read = file.read(json(), FileCompression::Auto, &columns).await.expect("it can be read");
    assert_eq!(read.bytes, file.bytes());
    read
}

/// Of a reject its line, its offset, and its broken rules with their fields.
type Told<'a> = (u64, u64, Vec<(Option<&'a str>, &'a str)>);

fn rejects(read: &Read) -> Vec<Told<'_>> {
    let reject = |reject: &'_ etlplus_core::Reject| (reject.line.expect("a line"), reject.offset.expect("an offset"));
    read.rejects
        .iter()
        .map(|found| {
            let (line, offset) = reject(found);
            let rules = found.errors.iter().map(|error| (error.field.as_deref(), &*error.rule)).collect();
            (line, offset, rules)
        })
        .collect()
}

#[tokio::test]
async fn values_keep_every_digit_and_every_character() {
    let text = concat!(
        "{\"n\":9223372036854775807,\"d\":12345678901234567.89,\"f\":1e-3,\"s\":\"a\\\"\\u00e9\\ud83d\\ude00\\n\",\"j\":{ \"x\" : [1.0,null] }}\n",
        "\n",
        " { \"j\" : null , \"s\" : \"ü\" , \"f\" : -0.5 , \"d\" : 1 , \"n\" : -1 } \r\n",
        "{\"\\u006e\":1,\"s\":\"\",\"f\":2,\"d\":0.10,\"j\":\"\\u0041\"}",
    );
    let columns = [
        ("n", Type::Int64),
        ("d", Type::Decimal { precision: 19, scale: 2 }),
        ("f", Type::Float64),
        ("s", Type::String),
        ("j", Type::Json),
    ];
    let found = read(text, &columns).await;
    assert_eq!(found.rejects, []);
    assert_eq!(
        found.rows,
        [
            row(&["9223372036854775807", "12345678901234567.89", "0.001", "a\"é😀\n", "{ \"x\" : [1.0,null] }"]),
            row(&["-1", "1.00", "-0.5", "ü", "null"]),
            row(&["1", "0.10", "2.0", "", "\"\\u0041\""]),
        ]
    );
}

#[tokio::test]
async fn a_field_that_is_missing_or_null_has_no_value() {
    let found = read("{}\n{\"a\":null}\n{\"b\":1}\n", &[("a", Type::String), ("b", Type::Int32)]).await;
    assert_eq!(found.rows, [vec![None, None], vec![None, None], vec![None, Some("1".to_owned())]]);
}

#[tokio::test]
async fn broken_records_are_told_with_their_place() {
    let lines = [
        "{\"a\":1,\"b\":\"x\"}",
        "{\"a\":1,\"a\":2}",
        "{\"c\":3,\"a\":1,\"d\":{}}",
        "{\"a\":01}",
        "[1]",
        "{\"a\":1} {\"a\":2}",
        "{\"a\":\"1\u{0}\"}",
        "{\"b\":\"\\ud83d\"}",
        "{\"a\":1.5,\"b\":7}",
        "{\"a\":[],\"b\":{}}",
        "{\"a\":true}",
    ];
    let found = read(&lines.join("\n"), &[("a", Type::Int64), ("b", Type::String)]).await;
    assert_eq!(found.rows, [row(&["1", "x"])]);
    let (a, b) = (Some("a"), Some("b"));
    let expected = [
        vec![(a, "duplicate_field")],
        vec![(Some("c"), "extra_field"), (Some("d"), "extra_field")],
        vec![(None, "json")],
        vec![(None, "json")],
        vec![(None, "json")],
        vec![(None, "json")],
        vec![(b, "type")],
        vec![(a, "type"), (b, "type")],
        vec![(a, "type"), (b, "type")],
        vec![(a, "type")],
    ];
    let mut offset = lines[0].len() as u64 + 1;
    let found = rejects(&found);
    assert_eq!(found.len(), expected.len());
    for (index, (line, rules)) in lines[1..].iter().zip(expected).enumerate() {
        assert_eq!(found[index], (index as u64 + 2, offset, rules), "{line}");
        offset += line.len() as u64 + 1;
    }
}

#[tokio::test]
async fn messages_say_what_is_wrong_and_where() {
    let found = read("{\"a\":1,}\n{\"a\":1\n", &[("a", Type::Int64)]).await;
    let messages: Vec<_> = found.rejects.iter().map(|reject| &*reject.errors[0].message).collect();
    assert_eq!(
        messages,
        [
            "is not one JSON object: trailing comma, at column 8",
            "is not one JSON object: EOF while parsing an object, at column 6"
        ]
    );
}
