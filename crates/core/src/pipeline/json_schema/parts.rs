//! What several sections of the file share: names, values, types, paths and queries as JSON Schema.

use serde_json::{Value, json};

use super::forms;
use crate::pipeline::caps;

pub(super) fn name() -> Value {
    json!({
        "description": "a-z, 0-9 and _, starting with a letter.",
        "pattern": format!("^[a-z][a-z0-9_]{{0,{}}}$", caps::NAME_MAX_CHARS - 1),
        "not": { "enum": ["input", "as_of"] },
    })
}

pub(super) fn description() -> Value {
    json!({
        "description": "What it is for.",
        "type": ["string", "number", "boolean", "null"],
        "maxLength": caps::DESCRIPTION_MAX_CHARS,
    })
}

pub(super) fn value() -> Value {
    json!({
        "description": "A value of the declared type, or $parameter in a rule. $$ stands for one $.",
        "type": ["string", "number", "boolean", "null"],
    })
}

pub(super) fn ty() -> Value {
    json!({
        "description": "boolean, int16, int32, int64, float32, float64, decimal(p,s), string, date, timestamp or timestamptz.",
        "type": "string",
        "pattern": format!("^{}$", forms::type_pattern()),
        "examples": ["int64", "decimal(12,2)", "string", "timestamp"],
    })
}

pub(super) fn path() -> Value {
    json!({
        "description": "Relative to the pipeline file's folder. ${name} stands for a parameter, ${as_of:%Y-%m-%d} for the run clock in a strftime format.",
        "type": "string",
        "minLength": 1,
        "maxLength": caps::PATH_MAX_BYTES,
        "pattern": "[^/]$",
    })
}

pub(super) fn delimiter() -> Value {
    json!({
        "description": "One ASCII character between fields.",
        "type": "string",
        "pattern": r"^([\x01-\x09\x0b\x0c\x0e-\x7f]|\\t)$",
        "default": ",",
    })
}

pub(super) fn null_token() -> Value {
    json!({
        "type": ["string", "number", "boolean", "null"],
        "maxLength": caps::NULL_TOKEN_MAX_CHARS,
    })
}

pub(super) fn extra_fields() -> Value {
    json!({
        "description": "What becomes of fields that no column declares.",
        "enum": ["reject", "ignore"],
        "default": "reject",
    })
}

pub(super) fn sql() -> Value {
    json!({
        "description": "A query; $name is a parameter as a bound value.",
        "type": "string",
        "minLength": 1,
        "maxLength": caps::SQL_MAX_BYTES,
    })
}
