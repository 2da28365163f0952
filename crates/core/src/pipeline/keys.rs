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
    "checks",
    "lookups",
    "transforms",
    "incremental",
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
/// `source`, and what a lookup can come from.
pub(super) const SOURCE: &[&str] = &["csv", "ndjson", "parquet", "sqlite", "postgres"];
/// `source.csv`.
pub(super) const CSV_SOURCE: &[&str] = &[
    "path",
    "delimiter",
    "quote",
    "escape",
    "comment",
    "skip_lines",
    "header",
    "null",
    "encoding",
    "compression",
    "extra_fields",
];
/// `source.ndjson`.
pub(super) const NDJSON_SOURCE: &[&str] = &["path", "encoding", "compression", "extra_fields"];
/// `source.parquet`.
pub(super) const PARQUET_SOURCE: &[&str] = &["path", "extra_fields"];
/// `source.sqlite`.
pub(super) const SQLITE_SOURCE: &[&str] = &["path", "table", "query", "extra_fields"];
/// `source.postgres`.
pub(super) const POSTGRES_SOURCE: &[&str] = &["url", "password", "table", "query", "extra_fields"];
/// The long form of a column.
pub(super) const COLUMN: &[&str] = &[
    "type",
    "required",
    "unique",
    "min",
    "max",
    "above",
    "below",
    "length",
    "pattern",
    "one_of",
    "references",
    "decimal",
    "thousands",
    "format",
    "timezone",
];
/// `length` in the long form of a column.
pub(super) const LENGTH: &[&str] = &["min", "max"];
/// One lookup.
pub(super) const LOOKUP: &[&str] = &["csv", "ndjson", "parquet", "sqlite", "postgres", "schema", "sql"];
/// One step of `transforms`.
pub(super) const STEP: &[&str] = &["name", "sql"];
/// `incremental`.
pub(super) const INCREMENTAL: &[&str] = &["cursor", "start"];
/// `target`.
pub(super) const TARGET: &[&str] = &["parquet", "csv", "ndjson", "sqlite", "postgres", "mode", "key"];
/// The keys of `target` that say where rows go.
pub(super) const PLACE: &[&str] = &["parquet", "csv", "ndjson", "sqlite", "postgres"];
/// `target.parquet`.
pub(super) const PARQUET_TARGET: &[&str] = &["path", "folder", "partition_by", "file_size", "compression"];
/// `target.csv`.
pub(super) const CSV_TARGET: &[&str] = &["path", "folder", "partition_by", "file_size", "delimiter", "header", "null"];
/// `target.ndjson`.
pub(super) const NDJSON_TARGET: &[&str] = &["path", "folder", "partition_by", "file_size"];
/// `target.sqlite`.
pub(super) const SQLITE_TARGET: &[&str] = &["path", "table"];
/// `target.postgres`.
pub(super) const POSTGRES_TARGET: &[&str] = &["url", "password", "table"];
/// `rejects`.
pub(super) const REJECTS: &[&str] = &["path", "format", "max_count", "max_percent"];
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

/// Names of rules that a reject file has of its own, which no check of `checks` may have: the rules of columns, the type,
/// and what is wrong with a row that cannot be taken apart.
pub(super) const BUILT_IN_RULES: &[&str] = &[
    "required",
    "unique",
    "min",
    "max",
    "length",
    "pattern",
    "one_of",
    "references",
    "type",
    "utf8",
    "json",
    "field_count",
    "unclosed_quote",
    "bad_quote",
    "record_too_long",
    "duplicate_field",
    "extra_field",
];
