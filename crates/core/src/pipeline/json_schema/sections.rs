//! The sections of the file as JSON Schema.

use serde_json::{Value, json};

use super::{forms, parts};
use crate::pipeline::{RejectPolicy, caps, keys};

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
                    "description": "TYPE with rules: required, unique, >, >=, <, <=, length(3..200), pattern('...'), one_of(a, b), references lookup.column.",
                    "type": "string",
                    "pattern": forms::column_pattern(),
                    "examples": ["int64 required unique", "decimal(12,2) > 0", "string one_of(new, paid)", "int64 references customers.id"],
                },
                { "$ref": "#/$defs/column" },
            ],
        },
    })
}

pub(super) fn column() -> Value {
    let flag = |description: &str| json!({ "description": description, "type": "boolean", "default": false });
    let bound = |description: &str| json!({ "description": description, "$ref": "#/$defs/value" });
    let mark =
        |description: &str, pattern: &str| json!({ "description": description, "type": "string", "pattern": pattern });
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
            "references": {
                "description": "Equal to a value of a lookup's column.",
                "type": "string",
                "pattern": r"^[a-z][a-z0-9_]*\..",
                "examples": ["customers.id"],
            },
            "decimal": mark("The mark between the whole part of a number and its fraction.", "^[!-/:-@\\[-`{-~]$"),
            "thousands": mark("The mark between groups of three digits of a number.", "^[ !-/:-@\\[-`{-~]$"),
            "format": {
                "description": "How dates and times are written: iso, epoch_s, epoch_ms, epoch_us, or a strftime format.",
                "type": "string",
                "pattern": "^(iso|epoch_s|epoch_ms|epoch_us)$|%",
                "default": "iso",
                "examples": ["%d.%m.%Y", "%d/%m/%Y %H:%M", "epoch_ms"],
            },
            "timezone": {
                "description": "The time zone of texts that name none, by its name in the IANA database; timestamptz only.",
                "type": "string",
                "examples": ["Europe/Berlin"],
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

pub(super) fn checks() -> Value {
    json!({
        "description": "What each row keeps across its columns. The names are those of the rules in the reject file.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": caps::CHECKS_MAX,
        "propertyNames": { "allOf": [{ "$ref": "#/$defs/name" }, { "not": { "enum": keys::BUILT_IN_RULES } }] },
        "additionalProperties": {
            "description": "An SQL expression that is true, or null, of every good row.",
            "type": ["string", "number", "boolean", "null"],
            "minLength": 1,
            "maxLength": caps::SQL_MAX_BYTES,
            "examples": ["paid_at >= ordered_at"],
        },
    })
}

pub(super) fn incremental() -> Value {
    json!({
        "description": "Only rows whose cursor is greater than the greatest that was loaded are read.",
        "type": "object",
        "additionalProperties": false,
        "required": ["cursor"],
        "properties": {
            "cursor": { "description": "A column of the source which only grows.", "$ref": "#/$defs/column_name" },
            "start": { "description": "The first load begins after this.", "$ref": "#/$defs/value" },
        },
    })
}

pub(super) fn lookup() -> Value {
    // Their columns come along, so that a schema can stand beside them and need not.
    let own_columns = |origin: &str| json!({ "required": [origin], "anyOf": [{ "maxProperties": 1 }, { "required": ["schema"], "maxProperties": 2 }] });
    json!({
        "description": "Files or a table with their schema, or a query over other lookups.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "csv": { "$ref": "#/$defs/csv_source" },
            "ndjson": { "$ref": "#/$defs/ndjson_source" },
            "parquet": { "$ref": "#/$defs/parquet_source" },
            "sqlite": { "$ref": "#/$defs/sqlite_source" },
            "postgres": { "$ref": "#/$defs/postgres_source" },
            "schema": { "$ref": "#/$defs/schema" },
            "sql": { "$ref": "#/$defs/sql" },
        },
        "oneOf": [
            { "required": ["sql"], "maxProperties": 1 },
            { "required": ["csv", "schema"], "maxProperties": 2 },
            { "required": ["ndjson", "schema"], "maxProperties": 2 },
            own_columns("parquet"),
            own_columns("sqlite"),
            own_columns("postgres"),
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

pub(super) fn rejects() -> Value {
    json!({
        "description": "What becomes of rejected rows.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "path": { "description": "The reject file; by default the target's path with .rejects and the format's ending.", "$ref": "#/$defs/path" },
            "format": {
                "description": "How the reject file is written; by default as the ending of its path says, else ndjson.",
                "enum": ["ndjson", "csv", "parquet"],
            },
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
    json!({
        "description": "What a job may use.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "memory": parts::size("Memory for sorts, joins, aggregates and unique keys.", caps::MEMORY_MIN_BYTES, u64::MAX, "1GiB"),
            "record": parts::size("The longest CSV or NDJSON record.", caps::RECORD_MIN_BYTES, caps::RECORD_MAX_BYTES, "8MiB"),
        },
    })
}
