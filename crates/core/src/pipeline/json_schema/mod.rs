//! The JSON Schema (2020-12) of the pipeline file, for editors that complete and check while one writes.
//!
//! It says what a schema can say; the checker has the last word. Whatever the checker accepts, the schema accepts.

mod forms;
mod parts;
mod sections;
mod sources;
mod targets;
#[cfg(test)]
mod tests;
mod treatment;

use serde_json::{Value, json};

use super::caps;

/// The JSON Schema of a pipeline file.
pub fn json_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ETL Plus pipeline",
        "description": "Where rows come from, what they must be, how SQL transforms them, and where they go.",
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "source", "target"],
        "properties": {
            "name": {
                "description": "The pipeline's name: a-z, 0-9, _ and -, starting with a letter.",
                "type": "string",
                "pattern": format!("^[a-z][a-z0-9_-]{{0,{}}}$", caps::PIPELINE_NAME_MAX_CHARS - 1),
            },
            "description": { "$ref": "#/$defs/description" },
            "tags": {
                "description": "Labels to find the pipeline by.",
                "type": "array",
                "maxItems": caps::TAGS_MAX,
                "uniqueItems": true,
                "items": { "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": caps::TAG_MAX_CHARS },
            },
            "parameters": sections::parameters(),
            "source": { "$ref": "#/$defs/source" },
            "schema": { "$ref": "#/$defs/schema" },
            "checks": { "$ref": "#/$defs/checks" },
            "lookups": sections::lookups(),
            "transforms": sections::transforms(),
            "incremental": { "$ref": "#/$defs/incremental" },
            "target": { "$ref": "#/$defs/target" },
            "rejects": { "$ref": "#/$defs/rejects" },
            "limits": { "$ref": "#/$defs/limits" },
            "priority": treatment::priority(),
            "timeout": treatment::timeout(),
            "concurrency": treatment::concurrency(),
            "retry": { "$ref": "#/$defs/retry" },
            "schedule": { "$ref": "#/$defs/schedule" },
        },
        "anyOf": [
            { "required": ["schema"] },
            { "properties": { "source": { "required": ["parquet"] } } },
            { "properties": { "source": { "required": ["sqlite"] } } },
            { "properties": { "source": { "required": ["postgres"] } } },
        ],
        "$defs": definitions(),
    })
}

/// What the sections are, by the names under which they refer to each other.
fn definitions() -> Value {
    json!({
        "parameter": sections::parameter(),
        "source": sources::source(),
        "csv_source": sources::csv_source(),
        "ndjson_source": sources::ndjson_source(),
        "parquet_source": sources::parquet_source(),
        "sqlite_source": sources::sqlite_source(),
        "postgres_source": sources::postgres_source(),
        "schema": sections::schema(),
        "column": sections::column(),
        "length": sections::length(),
        "lookup": sections::lookup(),
        "step": sections::step(),
        "checks": sections::checks(),
        "incremental": sections::incremental(),
        "target": targets::target(),
        "parquet_target": targets::parquet_target(),
        "csv_target": targets::csv_target(),
        "ndjson_target": targets::ndjson_target(),
        "sqlite_target": targets::sqlite_target(),
        "postgres_target": targets::postgres_target(),
        "rejects": sections::rejects(),
        "limits": sections::limits(),
        "retry": treatment::retry(),
        "schedule": treatment::schedule(),
        "name": parts::name(),
        "description": parts::description(),
        "value": parts::value(),
        "type": parts::ty(),
        "column_name": parts::column_name(),
        "column_names": parts::column_names(),
        "path": parts::path(),
        "folder": parts::folder(),
        "encoding": parts::encoding(),
        "file_compression": parts::file_compression(),
        "table": parts::table(),
        "postgres_url": parts::postgres_url(),
        "password": parts::password(),
        "delimiter": parts::delimiter(),
        "null_token": parts::null_token(),
        "extra_fields": parts::extra_fields(),
        "sql": parts::sql(),
    })
}
