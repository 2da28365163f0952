//! The sections of the file as JSON Schema.

use serde_json::{Value, json};

use super::forms;
use crate::pipeline::{RejectPolicy, caps};

pub(super) fn parameters() -> Value {
    json!({
        "description": "Typed values that a job is given: $name in SQL and rules, ${name} in paths.",
        "type": "object",
        "maxProperties": caps::PARAMETERS_MAX,
        "propertyNames": { "$ref": "#/$defs/name" },
        "additionalProperties": {
            "anyOf": [
                {
                    "description": "TYPE or TYPE = DEFAULT.",
                    "type": "string",
                    "pattern": forms::parameter_pattern(),
                    "examples": ["string = DE", "decimal(12,2) = 0.01", "date"],
                },
                { "$ref": "#/$defs/parameter" },
            ],
        },
    })
}

pub(super) fn parameter() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["type"],
        "properties": {
            "type": { "$ref": "#/$defs/type" },
            "default": { "description": "The value where a job names none.", "$ref": "#/$defs/value" },
            "description": { "$ref": "#/$defs/description" },
        },
    })
}

pub(super) fn source() -> Value {
    json!({
        "description": "Where rows come from: one of csv, ndjson and parquet.",
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "csv": { "$ref": "#/$defs/csv_source" },
            "ndjson": { "description": "One JSON object on each line.", "$ref": "#/$defs/plain_source" },
            "parquet": { "description": "Apache Parquet.", "$ref": "#/$defs/plain_source" },
        },
    })
}

pub(super) fn csv_source() -> Value {
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
                "pattern": r"^([\x01-\x09\x0b\x0c\x0e-\x7f]|none)$",
                "default": "\"",
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
            "extra_fields": { "$ref": "#/$defs/extra_fields" },
        },
    })
}

pub(super) fn plain_source() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["path"],
        "properties": {
            "path": { "description": "One file or a glob.", "$ref": "#/$defs/path" },
            "extra_fields": { "$ref": "#/$defs/extra_fields" },
        },
    })
}

pub(super) fn schema() -> Value {
    json!({
        "description": "The columns with their types and rules. A row that breaks one is rejected.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": caps::COLUMNS_MAX,
        "propertyNames": { "minLength": 1, "maxLength": caps::COLUMN_NAME_MAX_CHARS },
        "additionalProperties": {
            "anyOf": [
                {
                    "description": "TYPE with rules: required, unique, >, >=, <, <=, length(3..200), pattern('...'), one_of(a, b).",
                    "type": "string",
                    "pattern": forms::column_pattern(),
                    "examples": ["int64 required unique", "decimal(12,2) > 0", "string one_of(new, paid)"],
                },
                { "$ref": "#/$defs/column" },
            ],
        },
    })
}

pub(super) fn column() -> Value {
    let flag = |description: &str| json!({ "description": description, "type": "boolean", "default": false });
    let bound = |description: &str| json!({ "description": description, "$ref": "#/$defs/value" });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["type"],
        "properties": {
            "type": { "$ref": "#/$defs/type" },
            "required": flag("There is a value."),
            "unique": flag("No two rows have the same value; the first one stays."),
            "min": bound("At least this much."),
            "max": bound("At most this much."),
            "above": bound("More than this."),
            "below": bound("Less than this."),
            "length": {
                "description": "Length in characters; strings only.",
                "anyOf": [{ "type": "integer", "minimum": 0 }, { "$ref": "#/$defs/length" }],
            },
            "pattern": {
                "description": "A regular expression that matches somewhere in the text; strings only.",
                "type": ["string", "number", "boolean", "null"],
            },
            "one_of": {
                "description": "The values that are allowed.",
                "type": "array",
                "minItems": 1,
                "maxItems": caps::ONE_OF_MAX,
                "items": { "$ref": "#/$defs/value" },
            },
        },
        "not": { "anyOf": [{ "required": ["min", "above"] }, { "required": ["max", "below"] }] },
    })
}

pub(super) fn length() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": {
            "min": { "description": "At least this many characters.", "type": "integer", "minimum": 0 },
            "max": { "description": "At most this many characters.", "type": "integer", "minimum": 0 },
        },
    })
}

pub(super) fn lookups() -> Value {
    json!({
        "description": "Tables that SQL can join.",
        "type": "object",
        "maxProperties": caps::LOOKUPS_MAX,
        "propertyNames": { "$ref": "#/$defs/name" },
        "additionalProperties": { "$ref": "#/$defs/lookup" },
    })
}

pub(super) fn lookup() -> Value {
    json!({
        "description": "Files with their schema, or a query over other lookups.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "csv": { "$ref": "#/$defs/csv_source" },
            "ndjson": { "description": "One JSON object on each line.", "$ref": "#/$defs/plain_source" },
            "parquet": { "description": "Apache Parquet.", "$ref": "#/$defs/plain_source" },
            "schema": { "$ref": "#/$defs/schema" },
            "sql": { "$ref": "#/$defs/sql" },
        },
        "oneOf": [
            { "required": ["sql"], "maxProperties": 1 },
            { "required": ["csv", "schema"], "maxProperties": 2 },
            { "required": ["ndjson", "schema"], "maxProperties": 2 },
            { "required": ["parquet"], "properties": { "csv": false, "ndjson": false, "sql": false } },
        ],
    })
}

pub(super) fn transforms() -> Value {
    json!({
        "description": "SQL steps in order, over input, lookups and earlier steps. The last one's rows are loaded.",
        "type": "array",
        "minItems": 1,
        "maxItems": caps::STEPS_MAX,
        "items": { "$ref": "#/$defs/step" },
    })
}

pub(super) fn step() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "sql"],
        "properties": { "name": { "type": "string", "$ref": "#/$defs/name" }, "sql": { "$ref": "#/$defs/sql" } },
    })
}

pub(super) fn target() -> Value {
    json!({
        "description": "Where rows go: one of parquet, csv and ndjson. The file is replaced as a whole.",
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "parquet": { "$ref": "#/$defs/parquet_target" },
            "csv": { "$ref": "#/$defs/csv_target" },
            "ndjson": { "$ref": "#/$defs/ndjson_target" },
        },
    })
}

pub(super) fn parquet_target() -> Value {
    json!({
        "description": "Apache Parquet.",
        "type": "object",
        "additionalProperties": false,
        "required": ["path"],
        "properties": {
            "path": { "$ref": "#/$defs/path" },
            "compression": { "description": "How column chunks are compressed.", "enum": ["zstd", "snappy", "none"], "default": "zstd" },
        },
    })
}

pub(super) fn csv_target() -> Value {
    json!({
        "description": "Delimited text.",
        "type": "object",
        "additionalProperties": false,
        "required": ["path"],
        "properties": {
            "path": { "$ref": "#/$defs/path" },
            "delimiter": { "$ref": "#/$defs/delimiter" },
            "header": { "description": "Whether the first record names the columns.", "type": "boolean", "default": true },
            "null": { "description": "The text that means \"no value\".", "$ref": "#/$defs/null_token", "default": "" },
        },
    })
}

pub(super) fn ndjson_target() -> Value {
    json!({
        "description": "One JSON object on each line.",
        "type": "object",
        "additionalProperties": false,
        "required": ["path"],
        "properties": { "path": { "$ref": "#/$defs/path" } },
    })
}

pub(super) fn rejects() -> Value {
    json!({
        "description": "What becomes of rejected rows.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "path": { "description": "The reject file; by default the target's path with .rejects.ndjson.", "$ref": "#/$defs/path" },
            "max_count": { "description": "More rejected rows than this fail the job at once.", "type": "integer", "minimum": 0 },
            "max_percent": {
                "description": "A greater share of rejected rows than this fails the job.",
                "type": "number",
                "minimum": 0,
                "maximum": 100,
                "default": RejectPolicy::DEFAULT_MAX_PERCENT,
            },
        },
    })
}

pub(super) fn limits() -> Value {
    let size = |description: &str, least: u64, most: u64, default: &str| {
        json!({
            "description": description,
            "anyOf": [
                { "type": "integer", "minimum": least, "maximum": most },
                { "type": "string", "pattern": forms::SIZE_PATTERN },
            ],
            "default": default,
        })
    };
    json!({
        "description": "What a job may use.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "memory": size("Memory for sorts, joins, aggregates and unique keys.", caps::MEMORY_MIN_BYTES, u64::MAX, "1GiB"),
            "record": size("The longest CSV or NDJSON record.", caps::RECORD_MIN_BYTES, caps::RECORD_MAX_BYTES, "8MiB"),
        },
    })
}
