//! JSON schemas of parameters.

use serde_json::{Value, json};

pub(super) const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARN", "ERROR"];

pub(super) const STATUSES: [&str; 6] = ["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"];

/// Values between commas.
pub(super) fn list(of: Value) -> Value {
    json!({"type": "array", "items": of})
}

pub(super) fn uuid() -> Value {
    json!({"type": "string", "format": "uuid"})
}

/// What a text is looked for by.
pub(super) fn short_text() -> Value {
    json!({"type": "string", "maxLength": 200, "pattern": "^[^\\x00]*$"})
}

pub(super) fn key() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"})
}

/// A list of ETags, or all of them (RFC 9110, section 13.1.1).
pub(super) fn etags() -> Value {
    let tag = r#"(W/)?"[!#-~]*""#;
    json!({"type": "string", "pattern": format!(r"^(\*|({tag}([ \t]*,[ \t]*{tag})*)?)$")})
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

pub(super) fn enumeration(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

pub(super) fn number(least: u64, most: Option<u64>) -> Value {
    match most {
        Some(most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        None => json!({"type": "integer", "minimum": least, "maximum": i64::MAX}),
    }
}
