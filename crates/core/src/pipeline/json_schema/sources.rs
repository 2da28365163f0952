//! `source` and its kinds, as JSON Schema.

use serde_json::{Value, json};

use crate::pipeline::caps;

/// One ASCII character, and no line end.
const CHARACTER: &str = r"[\x01-\x09\x0b\x0c\x0e-\x7f]";

pub(super) fn source() -> Value {
    json!({
        "description": "Where rows come from: one of csv, ndjson, parquet, sqlite and postgres.",
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "csv": { "$ref": "#/$defs/csv_source" },
            "ndjson": { "$ref": "#/$defs/ndjson_source" },
            "parquet": { "$ref": "#/$defs/parquet_source" },
            "sqlite": { "$ref": "#/$defs/sqlite_source" },
            "postgres": { "$ref": "#/$defs/postgres_source" },
        },
    })
}

pub(super) fn csv_source() -> Value {
    let character = |description: &str| json!({ "description": description, "type": "string", "pattern": format!("^{CHARACTER}$") });
    json!({
        "description": "Delimited text.",
        "type": "object",
        "additionalProperties": false,
        "required": ["path"],
        "properties": {
            "path": { "description": "One file or a glob.", "$ref": "#/$defs/path" },
            "delimiter": { "$ref": "#/$defs/delimiter" },
            "quote": {
                "description": "One ASCII character around fields that hold delimiters, or none.",
                "type": "string",
                "pattern": format!("^({CHARACTER}|none)$"),
                "default": "\"",
            },
            "escape": character("One ASCII character that takes the next one as it stands, inside quotes; without it a quote is doubled."),
            "comment": character("A line that begins with this ASCII character is no record."),
            "skip_lines": {
                "description": "Lines at the start of each file that are passed over, before the header.",
                "type": "integer",
                "minimum": 0,
                "default": 0,
            },
            "header": {
                "description": "Whether the first record names the columns; false: by position.",
                "type": "boolean",
                "default": true,
            },
            "null": {
                "description": "Unquoted texts that mean \"no value\".",
                "type": "array",
                "maxItems": caps::NULL_TOKENS_MAX,
                "items": { "$ref": "#/$defs/null_token" },
                "default": [""],
            },
            "encoding": { "$ref": "#/$defs/encoding" },
            "compression": { "$ref": "#/$defs/file_compression" },
            "extra_fields": { "$ref": "#/$defs/extra_fields" },
        },
    })
}

pub(super) fn ndjson_source() -> Value {
    json!({
        "description": "One JSON object on each line.",
        "type": "object",
        "additionalProperties": false,
        "required": ["path"],
        "properties": {
            "path": { "description": "One file or a glob.", "$ref": "#/$defs/path" },
            "encoding": { "$ref": "#/$defs/encoding" },
            "compression": { "$ref": "#/$defs/file_compression" },
            "extra_fields": { "$ref": "#/$defs/extra_fields" },
        },
    })
}

pub(super) fn parquet_source() -> Value {
    json!({
        "description": "Apache Parquet.",
        "type": "object",
        "additionalProperties": false,
        "required": ["path"],
        "properties": {
            "path": { "description": "One file or a glob.", "$ref": "#/$defs/path" },
            "extra_fields": { "$ref": "#/$defs/extra_fields" },
        },
    })
}

pub(super) fn sqlite_source() -> Value {
    json!({
        "description": "A table of an SQLite database, or a query over it.",
        "type": "object",
        "additionalProperties": false,
        "required": ["path"],
        "properties": {
            "path": { "description": "The database file.", "$ref": "#/$defs/path" },
            "table": { "$ref": "#/$defs/table" },
            "query": { "description": "A query in SQLite's SQL.", "$ref": "#/$defs/sql" },
            "extra_fields": { "$ref": "#/$defs/extra_fields" },
        },
        "oneOf": [{ "required": ["table"] }, { "required": ["query"] }],
    })
}

pub(super) fn postgres_source() -> Value {
    json!({
        "description": "A table of a PostgreSQL database, or a query over it.",
        "type": "object",
        "additionalProperties": false,
        "required": ["url"],
        "properties": {
            "url": { "$ref": "#/$defs/postgres_url" },
            "password": { "$ref": "#/$defs/password" },
            "table": { "$ref": "#/$defs/table" },
            "query": { "description": "A query in PostgreSQL's SQL.", "$ref": "#/$defs/sql" },
            "extra_fields": { "$ref": "#/$defs/extra_fields" },
        },
        "oneOf": [{ "required": ["table"] }, { "required": ["query"] }],
    })
}
