//! The keys of each section of a pipeline file. The checker refuses every other key, and a test holds the JSON Schema
//! to the same lists.

/// The file itself.
pub(super) const PIPELINE: &[&str] = &[
    "name",
    "description",
    "tags",
    "parameters",
    "source",
    "schema",
    "lookups",
    "transforms",
    "target",
    "rejects",
    "limits",
    "priority",
    "timeout",
    "concurrency",
    "retry",
    "schedule",
];
/// The long form of a parameter.
pub(super) const PARAMETER: &[&str] = &["type", "default", "description"];
/// `source`, and the formats that a lookup can have.
pub(super) const SOURCE: &[&str] = &["csv", "ndjson", "parquet"];
/// `source.csv`.
pub(super) const CSV_SOURCE: &[&str] = &["path", "delimiter", "quote", "header", "null", "extra_fields"];
/// `source.ndjson` and `source.parquet`.
pub(super) const PLAIN_SOURCE: &[&str] = &["path", "extra_fields"];
/// The long form of a column.
pub(super) const COLUMN: &[&str] =
    &["type", "required", "unique", "min", "max", "above", "below", "length", "pattern", "one_of"];
/// `length` in the long form of a column.
pub(super) const LENGTH: &[&str] = &["min", "max"];
/// One lookup.
pub(super) const LOOKUP: &[&str] = &["csv", "ndjson", "parquet", "schema", "sql"];
/// One step of `transforms`.
pub(super) const STEP: &[&str] = &["name", "sql"];
/// `target`.
pub(super) const TARGET: &[&str] = &["parquet", "csv", "ndjson"];
/// `target.parquet`.
pub(super) const PARQUET_TARGET: &[&str] = &["path", "compression"];
/// `target.csv`.
pub(super) const CSV_TARGET: &[&str] = &["path", "delimiter", "header", "null"];
/// `target.ndjson`.
pub(super) const NDJSON_TARGET: &[&str] = &["path"];
/// `rejects`.
pub(super) const REJECTS: &[&str] = &["path", "max_count", "max_percent"];
/// `limits`.
pub(super) const LIMITS: &[&str] = &["memory", "record"];
/// `retry`.
pub(super) const RETRY: &[&str] = &["attempts", "delay", "max_delay"];
/// `schedule`.
pub(super) const SCHEDULE: &[&str] = &["cron", "timezone", "catch_up", "overlap"];
/// A file of cases.
pub(super) const CASES: &[&str] = &["cases"];
/// One case.
pub(super) const CASE: &[&str] = &["name", "parameters", "as_of", "input", "lookups", "rows", "ordered", "rejects"];
/// A reject that a case expects.
pub(super) const EXPECTED_REJECT: &[&str] = &["line", "field", "rule"];
