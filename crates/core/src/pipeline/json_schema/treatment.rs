//! How jobs are treated, and when they are made by themselves, as JSON Schema.

use serde_json::{Value, json};

use super::forms;
use crate::job::JobPolicy;
use crate::pipeline::caps;

pub(super) fn priority() -> Value {
    json!({
        "description": "Jobs of a higher priority are given a free place first.",
        "type": "integer",
        "minimum": JobPolicy::PRIORITY_MIN,
        "maximum": JobPolicy::PRIORITY_MAX,
        "default": 0,
    })
}

pub(super) fn timeout() -> Value {
    json!({
        "description": "An attempt that has run for so long is ended, and its job fails; by default as the server's jobs.timeout says.",
        "type": "string",
        "pattern": forms::DURATION_PATTERN,
        "examples": ["25m", "2h"],
    })
}

pub(super) fn concurrency() -> Value {
    json!({
        "description": "Jobs of this pipeline that run at the same time, at most.",
        "type": "integer",
        "minimum": 1,
        "maximum": caps::CONCURRENCY_MAX,
    })
}

pub(super) fn retry() -> Value {
    let delay = |description: &str, default: &str| json!({ "description": description, "type": "string", "pattern": forms::DURATION_PATTERN, "default": default });
    json!({
        "description": "When a job whose attempt failed is tried again: only after a failure that is transient.",
        "type": "object",
        "additionalProperties": false,
        "required": ["attempts"],
        "properties": {
            "attempts": { "description": "Attempts in all.", "type": "integer", "minimum": 1, "maximum": caps::ATTEMPTS_MAX },
            "delay": delay("The longest wait before the second attempt; it doubles with each one after.", "10s"),
            "max_delay": delay("The longest wait of all.", "10m"),
        },
    })
}

pub(super) fn schedule() -> Value {
    json!({
        "description": "When jobs are made by themselves.",
        "type": "object",
        "additionalProperties": false,
        "required": ["cron"],
        "properties": {
            "cron": {
                "description": "Minute, hour, day of the month, month and day of the week.",
                "type": "string",
                "pattern": r"^\s*\S+(\s+\S+){4}\s*$",
                "examples": ["0 6 * * MON-FRI", "*/15 * * * *"],
            },
            "timezone": {
                "description": "The time zone in which the line is read, by its name in the IANA database.",
                "type": "string",
                "default": "UTC",
                "examples": ["Europe/Berlin"],
            },
            "catch_up": {
                "description": "What becomes of times at which no server ran: none gets a job, the latest does, or all do.",
                "enum": ["none", "latest", "all"],
                "default": "latest",
            },
            "overlap": {
                "description": "What becomes of a time at which an earlier job of the pipeline has not ended: its job is queued, or the time is skipped.",
                "enum": ["queue", "skip"],
                "default": "skip",
            },
        },
    })
}
