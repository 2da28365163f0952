//! Schema and checker judge the same files, and know the same keys.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::json_schema;
use crate::pipeline::{keys, parse};
use crate::tree::{self, Content, Node};

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&json_schema()).expect("the schema is one")
}

/// The files of a folder of examples, as (name, text).
fn examples(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pipelines").join(folder);
    let files = folder.read_dir().expect("the folder is there").map(|entry| entry.expect("a file").path());
    let examples: Vec<_> = files
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("a readable file")))
        .collect();
    assert!(!examples.is_empty(), "no example in {}", folder.display());
    examples
}

/// The file as JSON, the way an editor sees it: plain scalars by the core schema of YAML 1.2.
fn as_json(text: &str) -> Value {
    let (root, mistakes) = tree::read_yaml(text);
    assert!(mistakes.is_empty(), "{mistakes:#?} in\n{text}");
    node_as_json(&root.expect("a tree"))
}

fn node_as_json(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(scalar) if scalar.is_plain => match scalar.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => json!(true),
            "false" | "False" | "FALSE" => json!(false),
            text => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => json!(number),
                (_, Ok(number)) if number.is_finite() => json!(number),
                _ => json!(text),
            },
        },
        Content::Scalar(scalar) => json!(scalar.text),
        Content::List(items) => items.iter().map(node_as_json).collect(),
        Content::Map(entries) => Value::Object(
            entries.iter().map(|entry| (entry.key.clone(), node_as_json(&entry.value))).collect::<Map<_, _>>(),
        ),
        Content::Broken => unreachable!("the tree has no mistake"),
    }
}

#[test]
fn good_examples_are_good_to_both() {
    let validator = validator();
    for (name, text) in examples("valid") {
        assert!(parse(&text).is_ok(), "{name}: {:#?}", parse(&text).err());
        let errors: Vec<String> = validator.iter_errors(&as_json(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn bad_examples_are_bad_to_both() {
    let validator = validator();
    for (name, text) in examples("invalid") {
        assert!(parse(&text).is_err(), "{name} passes the checker");
        assert!(!validator.is_valid(&as_json(&text)), "{name} passes the schema");
    }
}

#[test]
fn schema_and_checker_know_the_same_keys() {
    let schema = json_schema();
    let sections = [
        ("", keys::PIPELINE),
        ("/$defs/parameter", keys::PARAMETER),
        ("/$defs/source", keys::SOURCE),
        ("/$defs/csv_source", keys::CSV_SOURCE),
        ("/$defs/ndjson_source", keys::NDJSON_SOURCE),
        ("/$defs/parquet_source", keys::PARQUET_SOURCE),
        ("/$defs/sqlite_source", keys::SQLITE_SOURCE),
        ("/$defs/postgres_source", keys::POSTGRES_SOURCE),
        ("/$defs/column", keys::COLUMN),
        ("/$defs/length", keys::LENGTH),
        ("/$defs/lookup", keys::LOOKUP),
        ("/$defs/step", keys::STEP),
        ("/$defs/target", keys::TARGET),
        ("/$defs/parquet_target", keys::PARQUET_TARGET),
        ("/$defs/csv_target", keys::CSV_TARGET),
        ("/$defs/ndjson_target", keys::NDJSON_TARGET),
        ("/$defs/sqlite_target", keys::SQLITE_TARGET),
        ("/$defs/postgres_target", keys::POSTGRES_TARGET),
        ("/$defs/incremental", keys::INCREMENTAL),
        ("/$defs/rejects", keys::REJECTS),
        ("/$defs/limits", keys::LIMITS),
        ("/$defs/retry", keys::RETRY),
        ("/$defs/schedule", keys::SCHEDULE),
    ];
    for (place, known) in sections {
        let section = schema.pointer(place).unwrap_or_else(|| panic!("{place} is not in the schema"));
        let properties = section["properties"].as_object().unwrap_or_else(|| panic!("{place} has no properties"));
        let in_schema: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(in_schema, known.iter().copied().collect(), "the keys of {place}");
        assert_eq!(section["additionalProperties"], json!(false), "{place} is open");
    }
    let definitions = schema["$defs"].as_object().expect("definitions");
    let with_properties = definitions.values().filter(|definition| definition.get("properties").is_some()).count();
    assert_eq!(with_properties + 1, sections.len(), "a definition is not among the sections of this test");
}

#[test]
fn every_property_says_what_it_is_for() {
    let schema = json_schema();
    let describes = |value: &Value| value.get("description").is_some();
    for (place, definition) in schema["$defs"].as_object().expect("definitions") {
        let Some(properties) = definition["properties"].as_object() else { continue };
        for (key, property) in properties {
            let target = property["$ref"].as_str().and_then(|to| schema.pointer(to.trim_start_matches('#')));
            assert!(describes(property) || target.is_some_and(describes), "{place}.{key} has no description");
        }
    }
}

fn column() -> impl Strategy<Value = String> {
    let types =
        ["int64", "string", "decimal(9,2)", "decimal( 9 , 2 )", "boolean", "timestamptz", "uuid", "json", "int", ""];
    let rules = [
        "required",
        "unique",
        "> 5",
        ">=5",
        "< 'a b'",
        "<= \"x\"",
        "length(3)",
        "length(3..)",
        "length(..5)",
        "length( 1..2 )",
        "pattern('a''b')",
        "pattern(\"^a|b$\")",
        "one_of(a,b)",
        "one_of( 'a,)' , $as_of )",
        "one_of()",
        "> -1.5e3",
        "nope",
        "=",
        "pattern(a)",
        "> a=b",
        "length",
        "(",
        "'",
        ">= 2020-01-01T00:00:00Z",
        "references l.a",
        "references 'l.a'",
        "references'l.a'",
        "references l",
    ];
    let spaces = prop::sample::select(vec![" ", "  ", "", "\n "]);
    let rule = (spaces, prop::sample::select(rules.to_vec())).prop_map(|(space, rule)| format!("{space}{rule}"));
    (prop::sample::select(types.to_vec()), prop::collection::vec(rule, 0..4))
        .prop_map(|(ty, rules)| ty.to_owned() + &rules.concat())
}

proptest! {
    /// An editor must never mark what the checker takes.
    #[test]
    fn the_schema_takes_every_column_that_the_checker_takes(columns in prop::collection::vec(column(), 40)) {
        thread_local! { static VALIDATOR: jsonschema::Validator = validator(); }
        for column in columns {
            let file = json!({
                "name": "t",
                "source": { "csv": { "path": "in.csv" } },
                "schema": { "a": column },
                "lookups": { "l": { "sql": "SELECT 1 AS a" } },
                "target": { "ndjson": { "path": "out" } },
            });
            if parse(&file.to_string()).is_ok() {
                prop_assert!(VALIDATOR.with(|validator| validator.is_valid(&file)), "the schema refuses {column:?}");
            }
        }
    }
}
