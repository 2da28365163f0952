//! `target` and its kinds, as JSON Schema.

use serde_json::{Map, Value, json};

use super::parts;
use crate::pipeline::caps;

pub(super) fn target() -> Value {
    json!({
        "description": "Where rows go: one of parquet, csv, ndjson, sqlite and postgres; and what becomes of the rows that are there.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "parquet": { "$ref": "#/$defs/parquet_target" },
            "csv": { "$ref": "#/$defs/csv_target" },
            "ndjson": { "$ref": "#/$defs/ndjson_target" },
            "sqlite": { "$ref": "#/$defs/sqlite_target" },
            "postgres": { "$ref": "#/$defs/postgres_target" },
            "mode": {
                "description": "What becomes of the rows that are there: replace: they go; append: they stay; upsert: those with the key of a new row go.",
                "enum": ["replace", "append", "upsert"],
                "default": "replace",
            },
            "key": {
                "description": "With upsert: the columns that no two rows have in common.",
                "$ref": "#/$defs/column_names",
                "maxItems": caps::KEY_COLUMNS_MAX,
            },
        },
        "oneOf": [
            { "required": ["parquet"] },
            { "required": ["csv"] },
            { "required": ["ndjson"] },
            { "required": ["sqlite"] },
            { "required": ["postgres"] },
        ],
        "if": { "properties": { "mode": { "const": "upsert" } }, "required": ["mode"] },
        "then": { "required": ["key"], "anyOf": [{ "required": ["sqlite"] }, { "required": ["postgres"] }] },
        "else": { "properties": { "key": false } },
    })
}

/// A kind of files: its own properties, and those by which rows are divided among files.
fn files(description: &str, own: Value) -> Value {
    let mut properties = Map::from_iter([
        (
            "path".to_owned(),
            json!({ "description": "One file, which is replaced as a whole.", "$ref": "#/$defs/path" }),
        ),
        ("folder".to_owned(), json!({ "description": "A folder of files.", "$ref": "#/$defs/folder" })),
        (
            "partition_by".to_owned(),
            json!({
                "description": "Columns by whose values files are put into folders column=value.",
                "$ref": "#/$defs/column_names",
                "maxItems": caps::PARTITION_COLUMNS_MAX,
            }),
        ),
        (
            "file_size".to_owned(),
            parts::size(
                "A file of the folder is ended once it has about so many bytes.",
                caps::FILE_MIN_BYTES,
                u64::MAX,
                "256MiB",
            ),
        ),
    ]);
    if let Value::Object(own) = own {
        properties.extend(own);
    }
    json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "oneOf": [{ "required": ["path"] }, { "required": ["folder"] }],
        "dependentRequired": { "partition_by": ["folder"], "file_size": ["folder"] },
    })
}

pub(super) fn parquet_target() -> Value {
    files(
        "Apache Parquet.",
        json!({
            "compression": { "description": "How column chunks are compressed.", "enum": ["zstd", "snappy", "none"], "default": "zstd" },
        }),
    )
}

pub(super) fn csv_target() -> Value {
    files(
        "Delimited text.",
        json!({
            "delimiter": { "$ref": "#/$defs/delimiter" },
            "header": { "description": "Whether the first record names the columns.", "type": "boolean", "default": true },
            "null": { "description": "The text that means \"no value\".", "$ref": "#/$defs/null_token", "default": "" },
        }),
    )
}

pub(super) fn ndjson_target() -> Value {
    files("One JSON object on each line.", json!({}))
}

pub(super) fn sqlite_target() -> Value {
    json!({
        "description": "A table of an SQLite database; file and table are made where they are missing.",
        "type": "object",
        "additionalProperties": false,
        "required": ["path", "table"],
        "properties": {
            "path": { "description": "The database file.", "$ref": "#/$defs/path" },
            "table": { "$ref": "#/$defs/table" },
        },
    })
}

pub(super) fn postgres_target() -> Value {
    json!({
        "description": "A table of a PostgreSQL database; it is made where it is missing.",
        "type": "object",
        "additionalProperties": false,
        "required": ["url", "table"],
        "properties": {
            "url": { "$ref": "#/$defs/postgres_url" },
            "password": { "$ref": "#/$defs/password" },
            "table": { "$ref": "#/$defs/table" },
        },
    })
}
