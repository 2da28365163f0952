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
        "description": "boolean, int16, int32, int64, float32, float64, decimal(p,s), string, date, timestamp, timestamptz, uuid, json or binary.",
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

pub(super) fn folder() -> Value {
    json!({
        "description": "As a path; / at its end says nothing more.",
        "type": "string",
        "minLength": 1,
        "maxLength": caps::PATH_MAX_BYTES + 1,
    })
}

pub(super) fn column_name() -> Value {
    json!({
        "type": ["string", "number", "boolean", "null"],
        "minLength": 1,
        "maxLength": caps::COLUMN_NAME_MAX_CHARS,
    })
}

pub(super) fn column_names() -> Value {
    json!({
        "description": "Names of columns.",
        "type": "array",
        "minItems": 1,
        "uniqueItems": true,
        "items": { "$ref": "#/$defs/column_name" },
    })
}

pub(super) fn encoding() -> Value {
    json!({
        "description": "The encoding of the text, where no byte order mark says another one: a label of the WHATWG Encoding Standard.",
        "type": ["string", "number"],
        "default": "utf-8",
        "examples": ["utf-8", "windows-1252", "utf-16le", "shift_jis"],
    })
}

pub(super) fn file_compression() -> Value {
    json!({
        "description": "How each file is compressed as a whole; auto: as its first bytes say.",
        "enum": ["auto", "none", "gzip", "zstd"],
        "default": "auto",
    })
}

pub(super) fn table() -> Value {
    json!({
        "description": "The table's name; in PostgreSQL also schema.table. Case counts. A name with a dot in it has double quotes around it.",
        "type": ["string", "number", "boolean", "null"],
        "minLength": 1,
    })
}

pub(super) fn postgres_url() -> Value {
    json!({
        "description": "postgres://USER@HOST[:PORT]/DATABASE, without a password; with sslmode, sslrootcert, sslcert, sslkey and application_name behind a ?.",
        "type": "string",
        "pattern": "^postgres(ql)?://[^/:@?#]+@[^/@?#]+/[^/?#]+(\\?[^#]*)?$",
        "maxLength": caps::URL_MAX_BYTES,
        "examples": ["postgres://etl@db.example:5432/shop?sslmode=verify-full"],
    })
}

pub(super) fn password() -> Value {
    json!({
        "description": "Where the password is found: ${NAME} for an environment variable, ${file:/path} for a file.",
        "type": "string",
        "pattern": r"^\$\{([A-Za-z_][A-Za-z0-9_]*|file:/.*)\}$",
        "examples": ["${PGPASSWORD}", "${file:/run/secrets/pg}"],
    })
}

/// A number of bytes from `least` to `most`.
pub(super) fn size(description: &str, least: u64, most: u64, default: &str) -> Value {
    json!({
        "description": description,
        "anyOf": [
            { "type": "integer", "minimum": least, "maximum": most },
            { "type": "string", "pattern": forms::SIZE_PATTERN },
        ],
        "default": default,
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
