//! The list of keys for people, and the JSON Schema for editors: both from the tables that the reader uses.

use serde_json::{Map, Value as Json, json};

use super::channels::{self, ChannelKey, Without};
use super::keys::{self, CHANNELS, KEYS, Key};
use super::view::Applies;

/// The reference of all keys in Markdown: a table for each section.
pub fn reference_markdown() -> String {
    let mut text = String::new();
    for keys in KEYS.chunk_by(|one, next| section(one) == section(next)) {
        let title = keys.first().map(section).unwrap_or_default();
        text.push_str(&format!("### {title}\n\n| key | default | values | applies | what |\n|---|---|---|---|---|\n"));
        keys.iter().for_each(|key| text.push_str(&row(key)));
        text.push('\n');
    }
    text.push_str(&format!("### {CHANNELS}.NAME\n\n"));
    text.push_str("| key | of | without it | values | what |\n|---|---|---|---|---|\n");
    channels::KEYS.iter().for_each(|key| text.push_str(&channel_row(key)));
    text
}

/// The table that a key is in. The parts of `retention` are too small for tables of their own.
fn section(key: &Key) -> &'static str {
    let (of, _) = key.path.rsplit_once('.').unwrap_or_default();
    if of.starts_with("retention") { "retention" } else { of }
}

fn row(key: &Key) -> String {
    let shown = |value: &Json| match value {
        Json::String(text) => text.clone(),
        Json::Array(items) if items.is_empty() => "[]".to_owned(),
        other => other.to_string(),
    };
    let default = shown(&key.show(&key.default()));
    let values = match key.absent {
        Some(word) => format!("{}, or `{word}`", key.kind.describe()),
        None => key.kind.describe(),
    };
    let applies = match key.applies {
        Applies::Live => "at once",
        Applies::NextStart => "at the next start",
    };
    let (path, variable, what) = (key.path, keys::variable(key.path), key.what);
    format!("| `{path}`<br>`{variable}` | `{default}` | {values} | {applies} | {what} |\n")
}

fn channel_row(key: &ChannelKey) -> String {
    let of = key.of.map_or("all".to_owned(), |of| format!("`{of}`"));
    let without = match key.without {
        Without::Mistake => "a mistake",
        Without::Holds(what) => what,
    };
    format!("| `{}` | {of} | {without} | {} | {} |\n", key.name, key.kind.describe(), key.what)
}

/// The JSON Schema (2020-12) of a settings file, for editors that complete and check while one writes. The reader has
/// the last word: whatever it accepts, the schema accepts.
pub fn json_schema() -> Json {
    let mut schema = section_schema("");
    if let Some(root) = schema.as_object_mut() {
        root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("title".to_owned(), json!("ETL Plus settings"));
    }
    schema
}

fn section_schema(path: &str) -> Json {
    let child = |name: &str| {
        let child = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let schema = match keys::find(&child) {
            Some(key) => key_schema(key),
            None if child == CHANNELS => channels_schema(),
            None => section_schema(&child),
        };
        (name.to_owned(), schema)
    };
    let properties: Map<String, Json> = keys::children(path).into_iter().map(child).collect();
    json!({ "type": ["object", "null"], "additionalProperties": false, "properties": properties })
}

fn key_schema(key: &Key) -> Json {
    let mut schema = match key.absent {
        Some(word) => json!({ "anyOf": [key.kind.schema(), { "const": word }] }),
        None => key.kind.schema(),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(key.what));
        schema.insert("default".to_owned(), key.show(&key.default()));
    }
    schema
}

fn channels_schema() -> Json {
    let of_type = |of: &&'static str| {
        let keys: Vec<&ChannelKey> =
            channels::KEYS.iter().filter(|key| key.of.is_none_or(|other| other == *of)).collect();
        let property = |key: &&ChannelKey| {
            let mut schema = if key.name == "type" { json!({ "const": of }) } else { key.kind.schema() };
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), json!(key.what));
            }
            (key.name.to_owned(), schema)
        };
        let required = keys.iter().filter(|key| matches!(key.without, Without::Mistake)).map(|key| key.name);
        let required: Vec<&str> = required.collect();
        let properties: Map<String, Json> = keys.iter().map(property).collect();
        json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
    };
    let channel = json!({ "oneOf": channels::TYPES.iter().map(of_type).collect::<Vec<_>>() });
    json!({ "type": ["object", "null"], "maxProperties": channels::CHANNELS_MAX, "additionalProperties": channel })
}
