//! The fast pass over a record against serde_json: the same records, the same values.

use etlplus_core::pipeline::ExtraFields;
use proptest::prelude::*;

use super::keys::{Keys, Names};
use super::object::{find_fields, parse_object};
use super::scan::{Field, scan};

/// Columns whose names are prefixes of each other, empty, with a blank, beyond ASCII, and not to be written without an escape.
const COLUMNS: [&str; 8] = ["a", "ab", "abcdefghijkl", "", "b c", "ü", "q\"", "s\\"];

/// What a reader finds of a record: where the values stand, and which of them have escapes.
type Found = Option<Vec<Field>>;

/// By the fast pass, as the record behind other bytes, with what came before it in `keys`.
fn fast(data: &[u8], start: usize, keys: &mut Keys<'_>) -> Found {
    let mut fields = vec![Field::ABSENT; COLUMNS.len()];
    scan(data, start, keys, &mut fields).map(|()| fields)
}

/// By serde_json.
fn slow(data: &[u8], start: usize, names: &Names) -> Found {
    let mut fields = vec![Field::ABSENT; COLUMNS.len()];
    find_fields(data, start..data.len(), names, &mut fields).ok().map(|()| fields)
}

fn agree(records: &[String], extra_fields: ExtraFields) -> Result<(), TestCaseError> {
    let names = Names::new(&COLUMNS, extra_fields);
    let mut keys = Keys::new(&names);
    for record in records {
        let data = format!("x\n{record}").into_bytes();
        prop_assert_eq!(fast(&data, 2, &mut keys), slow(&data, 2, &names), "{}", record);
    }
    Ok(())
}

fn strings() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z0-9 ]{0,12}",
        1 => "[äöü€😀]{1,3}",
        1 => prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\b\\f\\r\\t", "\\u00e9", "\\uD83D\\uDE00", "\\uD83D", "\\uDE00"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn numbers() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
}

fn blanks() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\t \r")]
}

fn values() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        4 => strings(), 4 => numbers(),
        1 => prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned),
    ];
    plain.prop_recursive(4, 24, 4, |inner| {
        let array = prop::collection::vec((inner.clone(), blanks()), 0..4).prop_map(|items| {
            let items: Vec<_> = items.into_iter().map(|(item, blank)| format!("{blank}{item}{blank}")).collect();
            format!("[{}]", items.join(","))
        });
        let object = prop::collection::vec((strings(), blanks(), inner), 0..4).prop_map(|fields| {
            let fields: Vec<_> =
                fields.into_iter().map(|(key, blank, value)| format!("{blank}{key}{blank}:{blank}{value}")).collect();
            format!("{{{}}}", fields.join(","))
        });
        prop_oneof![array, object]
    })
}

/// The key of a column, sometimes written with an escape that need not be; sometimes another one.
fn keys() -> impl Strategy<Value = String> {
    let column = prop::sample::select(COLUMNS.to_vec());
    prop_oneof![
        8 => column.clone().prop_map(|name| serde_json::to_string(name).expect("a string")),
        1 => column.prop_map(|name| format!("\"{}\"", name.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>())),
        1 => strings(),
    ]
}

fn records() -> impl Strategy<Value = String> {
    prop::collection::vec((keys(), values(), blanks(), blanks()), 0..8).prop_map(|fields| {
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(key, value, before, after)| format!("{before}{key}{after}:{before}{value}{after}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    })
}

/// A record in which one place was changed.
fn mutated() -> impl Strategy<Value = String> {
    let change = prop_oneof![
        3 => prop::sample::select(b"{}[]\",:\\ tfn0-.eEu\x00\x1F\x7F".to_vec()).prop_map(|byte| char::from(byte).to_string()),
        1 => Just(String::new()),
        1 => any::<char>().prop_map(String::from),
    ];
    (records(), any::<prop::sample::Index>(), 0..3_usize, change).prop_map(|(record, at, taken, change)| {
        let at = at.index(record.chars().count());
        let (before, after) = (record.chars().take(at), record.chars().skip(at + taken));
        before.chain(change.chars()).chain(after).collect()
    })
}

fn policies() -> impl Strategy<Value = ExtraFields> {
    prop::sample::select(vec![ExtraFields::Reject, ExtraFields::Ignore])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn records_are_read_as_serde_json_reads_them(records in prop::collection::vec(records(), 1..5), extra in policies()) {
        for record in &records {
            // A key may be half a surrogate pair, which is no text.
            prop_assert!(parse_object(record).is_ok() || record.contains("\\u"), "{}", record);
        }
        agree(&records, extra)?;
    }

    #[test]
    fn damaged_records_are_refused_as_serde_json_refuses_them(records in prop::collection::vec(mutated(), 1..8), extra in policies()) {
        agree(&records, extra)?;
    }

    #[test]
    fn foreign_text_is_answered_alike(records in prop::collection::vec("\\PC{0,40}|[{}\\[\\]\",:\\\\ truefalsn0-9.eE+-]{0,40}", 1..8), extra in policies()) {
        agree(&records, extra)?;
    }
}

#[test]
fn corners_of_the_grammar() {
    let refused = [
        "",
        " ",
        "{",
        "}",
        "[]",
        "null",
        "1",
        "\"a\"",
        "{}{}",
        "{} x",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":nul}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}",
        "{\"a\":{]}",
        "{\"a\":{\"b\"}}",
        "{\"a\":{\"b\":1,}}",
        "{\"a\":{1:2}}",
        "{\"a\":[1}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\u{0}\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12G4\"}",
        "{\"a\":\"\\u12",
        "{\"a\":\"\\",
        "{\"a\":\"",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"q\"\":1}",
        "{\"s\\\":1}",
        "\u{feff}{}",
    ];
    let taken = [
        "{}",
        " { } ",
        "{\"a\":0}",
        "{\"a\":-0}",
        "{\"a\":-0.0e-0}",
        "{\"a\":1E+400}",
        "{\"a\":\"\u{7f}\u{80}\"}",
        "{\"a\":\"\\uD83D\"}",
        "{\"a\":[]}",
        "{\"a\":{}}",
        "{\"a\":[[],{},[{}]]}",
        "{\"a\":{\"x\":[1,{\"y\":null}]}}",
        "{\"\":1}",
        "{\"q\\\"\":1}",
        "{\"s\\\\\":1}",
        "{\"\\u0061b\":1}",
        "{\"ü\":1}",
        "{\"\\u00fc\":1}",
        "{\"a\" : true , \"ab\" : false}",
    ];
    let names = Names::new(&COLUMNS, ExtraFields::Reject);
    for (record, is_taken) in
        refused.iter().map(|record| (record, false)).chain(taken.iter().map(|record| (record, true)))
    {
        let (fast, slow) = (fast(record.as_bytes(), 0, &mut Keys::new(&names)), slow(record.as_bytes(), 0, &names));
        assert_eq!((fast.is_some(), slow.is_some()), (is_taken, is_taken), "{record}");
        assert_eq!(fast, slow, "{record}");
    }
}

#[test]
fn strings_end_at_each_place_of_a_word() {
    let names = Names::new(&COLUMNS, ExtraFields::Reject);
    for length in 0..40 {
        for (special, is_taken) in
            [("", true), ("\\n", true), ("\u{1f}", false), ("\u{7f}", true), ("é", true), ("\\q", false)]
        {
            let record = format!("{{\"a\":\"{}{special}{}\"}}", "!".repeat(length), "\u{80}".repeat(length / 3));
            let found = fast(record.as_bytes(), 0, &mut Keys::new(&names));
            assert_eq!(found, slow(record.as_bytes(), 0, &names), "{record:?}");
            assert_eq!(found.is_some(), is_taken, "{record:?}");
        }
    }
}

#[test]
fn what_is_nested_deep_is_left_to_the_slower_reader() {
    let names = Names::new(&COLUMNS, ExtraFields::Reject);
    for (depth, is_taken) in [(1, true), (63, true), (64, false), (100_000, false)] {
        for (open, inner, close) in [("[", "1", "]"), ("{\"x\":", "1", "}"), ("[", "", "]")] {
            let record = format!("{{\"a\":{}{inner}{}}}", open.repeat(depth), close.repeat(depth));
            assert_eq!(fast(record.as_bytes(), 0, &mut Keys::new(&names)).is_some(), is_taken, "{depth}");
            assert!(slow(record.as_bytes(), 0, &names).is_some(), "{depth}");
        }
    }
}

#[test]
fn keys_are_guessed_from_the_record_before() {
    let names = Names::new(&COLUMNS, ExtraFields::Ignore);
    let mut keys = Keys::new(&names);
    let record = br#"{"abcdefghijkl":1,"z":2,"a":3,"ab":4}"#;
    for _ in 0..3 {
        let found = fast(record, 0, &mut keys).expect("an object");
        let values: Vec<_> = found.iter().map(|field| field.range().map(|range| &record[range])).collect();
        assert_eq!(values[..3], [Some(&b"3"[..]), Some(b"4"), Some(b"1")]);
        assert!(values[3..].iter().all(Option::is_none));
    }
}
