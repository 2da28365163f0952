//! The JSON Schema (2020-12) of the pipeline file, for editors that complete and check while one writes.
//!
//! It says what a schema can say; the checker has the last word. Whatever the checker accepts, the schema accepts.

mod forms;
mod parts;
mod sections;
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
            "lookups": sections::lookups(),
            "transforms": sections::transforms(),
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
        ],
        "$defs": {
            "parameter": sections::parameter(),
            "source": sections::source(),
            "csv_source": sections::csv_source(),
            "plain_source": sections::plain_source(),
            "schema": sections::schema(),
            "column": sections::column(),
            "length": sections::length(),
            "lookup": sections::lookup(),
            "step": sections::step(),
            "target": sections::target(),
            "parquet_target": sections::parquet_target(),
            "csv_target": sections::csv_target(),
            "ndjson_target": sections::ndjson_target(),
            "rejects": sections::rejects(),
            "limits": sections::limits(),
            "retry": treatment::retry(),
            "schedule": treatment::schedule(),
            "name": parts::name(),
            "description": parts::description(),
            "value": parts::value(),
            "type": parts::ty(),
            "path": parts::path(),
            "delimiter": parts::delimiter(),
            "null_token": parts::null_token(),
            "extra_fields": parts::extra_fields(),
            "sql": parts::sql(),
        },
    })
}
