//! What the documents say of the wire is what is on it.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;

use etlplus_api::{AlertEntry, CloseCode};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
const PROTOCOL: &str = include_str!("../../../docs/protocol.md");
const REST: &str = include_str!("../../../docs/rest.md");

/// Names and values of all fixtures.
fn fixtures() -> Vec<(String, Value)> {
    let read = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    };
    fs::read_dir(FOLDER).unwrap().map(|entry| read(&entry.unwrap().path())).collect()
}

#[test]
fn every_message_has_its_section_and_its_fixture_as_an_example() {
    let examples = PROTOCOL.split("```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let mut examples: Vec<Value> = examples.map(|text| serde_json::from_str(text).unwrap()).collect();
    for (name, value) in fixtures() {
        if name.starts_with("rest.") || name.starts_with("problem.") {
            continue;
        }
        let section = format!("\n### {}\n", value["type"].as_str().unwrap());
        assert!(PROTOCOL.contains(&section), "docs/protocol.md has no section{section}");
        let place = examples.iter().position(|example| *example == value);
        let place = place.unwrap_or_else(|| panic!("docs/protocol.md does not show fixtures/{name}.json as it is"));
        examples.swap_remove(place);
    }
    assert!(examples.is_empty(), "these examples in docs/protocol.md are no fixtures: {examples:#?}");
}

#[test]
fn every_close_code_stands_in_the_document_with_its_reason() {
    for code in CloseCode::ALL {
        let row = format!("\n| {} | {} |", code.get(), code.reason());
        assert!(PROTOCOL.contains(&row), "docs/protocol.md has no row{row}");
    }
}

#[test]
fn the_example_of_an_alert_is_one() {
    let (_, example) = REST.split_once("```json\n").unwrap();
    let example: Value = serde_json::from_str(example.split("\n```").next().unwrap()).unwrap();
    let alert: AlertEntry = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(serde_json::to_value(alert).unwrap(), example);
}

#[test]
fn every_problem_stands_in_the_document_with_its_status() {
    for (name, value) in fixtures() {
        if let Some(code) = name.strip_prefix("problem.") {
            let row = format!("\n| `{code}` | {} |", value["status"]);
            assert!(REST.contains(&row), "docs/rest.md has no row{row}");
        }
    }
}
