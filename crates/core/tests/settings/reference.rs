//! The reference and the schema are what the reader takes.

use std::path::Path;

use etlplus_core::settings::{self, Format, Layers};
use serde_json::{Value, json};

use crate::support::{SEED, settled, view};

const BEGIN: &str = "<!-- reference: made by `settings::reference_markdown`, and held to it by a test -->\n";
const END: &str = "<!-- end of the reference -->\n";

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_document_has_the_reference_of_the_keys() {
    let document = document();
    let (_, rest) = document.split_once(BEGIN).expect("the reference begins with its marker");
    let (found, _) = rest.split_once(END).expect("the reference ends with its marker");
    let expected = settings::reference_markdown();
    assert!(found.trim() == expected.trim(), "docs/configuration.md must have this between its markers:\n\n{expected}");
}

#[test]
fn the_reference_has_every_key_with_its_variable() {
    let reference = settings::reference_markdown();
    for entry in settled(&Layers::default()).entries {
        assert!(reference.contains(&format!("`{}`", entry.key)), "{}", entry.key);
        let variable = format!("ETLPLUS_{}", entry.key.to_uppercase().replace('.', "__"));
        assert!(reference.contains(&variable), "{variable}");
        settings::environment([(variable.clone(), String::new())]).whole().err().into_iter().flatten().for_each(
            |mistake| {
                assert!(!mistake.message.contains("no setting has this variable"), "{variable}");
            },
        );
    }
}

/// The fenced blocks of the document in the language `language`.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let after = document.split(&fence).skip(1);
    after.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_examples_of_the_document_are_right() {
    let document = document();
    let schema = jsonschema::validator_for(&settings::json_schema()).expect("the schema is one");
    let (yaml, json, toml) = (blocks(&document, "yaml"), blocks(&document, "json"), blocks(&document, "toml"));
    assert!(!yaml.is_empty() && !json.is_empty() && !toml.is_empty());
    for text in &json {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
        assert!(schema.is_valid(&value), "{text}");
    }
    let of = |texts: Vec<String>, format| texts.into_iter().map(move |text| (text, format));
    for (text, format) in of(yaml, Format::Yaml).chain(of(json, Format::Json)).chain(of(toml, Format::Toml)) {
        settings::read(&text, format).whole().unwrap_or_else(|mistakes| panic!("{mistakes:#?} in\n{text}"));
    }
    assert!(document.contains(SEED), "the document shows the seed's sample");
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let schema = jsonschema::validator_for(&settings::json_schema()).expect("the schema is one");
    let defaults = view(&settled(&Layers::default()));
    assert!(schema.is_valid(&defaults), "{defaults}");
    let channels = json!({ "monitoring": { "notifications": { "channels": {
        "a": { "type": "log" },
        "b": { "type": "webhook", "url": "${X}", "secret": "${Y}" },
        "c": { "type": "email", "host": "h", "port": 25, "tls": "none", "from": "a@b", "to": ["c@d"] },
    } } } });
    assert!(schema.is_valid(&channels));
    for wrong in [
        json!({ "monitoring": { "notifications": { "memory_threshold": 140 } } }),
        json!({ "monitoring": { "websocket": { "max_connections": 0 } } }),
        json!({ "monitoring": { "websokcet": {} } }),
        json!({ "jobs": { "timeout": 30 } }),
        json!({ "log": { "format": "xml" } }),
        json!({ "monitoring": { "notifications": { "channels": { "a": { "type": "webhook" } } } } }),
        json!({ "monitoring": { "notifications": { "channels": { "a": { "type": "log", "url": "x" } } } } }),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong}");
        assert!(settings::read(&wrong.to_string(), Format::Json).whole().is_err(), "{wrong}");
    }
}
