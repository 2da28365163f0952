//! Jobs: submitted, listed, their logs, readings and rejected rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::{JobLogMessage, JobMetrics, JobMonitoringData, LogLevel};
use crate::reject::{RejectSummary, RejectedRow};

/// How a folder on the server is given.
pub(crate) const ABSOLUTE_PATH: &str = r"^/[^\x00]*$";

/// `POST /api/jobs`: a job of a pipeline that is kept (`pipeline`), or of one that comes along (`definition`); one of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("oneOf" = [
    {
        "required": ["pipeline"],
        "properties": {"pipeline": {"type": "string"}, "definition": {"type": "null"}, "folder": {"type": "null"}},
    },
    {
        "required": ["definition", "folder"],
        "properties": {"pipeline": {"type": "null"}, "definition": {"type": "string"}, "folder": {"type": "string"}},
    },
]))]
pub struct SubmitJob {
    /// The name of a pipeline that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// A pipeline file's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Where the definition's relative paths start, on the server; absolute. Needed with `definition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = ABSOLUTE_PATH))]
    pub folder: Option<String>,
    /// The parameters' texts by name.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub parameters: BTreeMap<String, String>,
    /// The run clock; now where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<DateTime<Utc>>,
    /// The least level of the log lines that are kept; `INFO` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// Jobs of a higher one are given a free place first; where it is left out, the pipeline's, or 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -100, max = 100))]
    pub priority: Option<i8>,
    /// How long an attempt may take, its pauses left out; where it is left out, as the pipeline or the settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// It does not start before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
}

/// A duration: a number of seconds, or a text such as `90s` or `25m`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Span {
    /// Seconds: a tenth of one to a year.
    Seconds(#[schemars(range(min = 0.1, max = 31_536_000.0))] f64),
    /// A whole number with its unit: `ms`, `s`, `m`, `h` or `d`.
    Text(#[schemars(regex(pattern = "^0*[1-9][0-9]{0,8} ?(ms|s|m|h|d)$"))] String),
}

/// `GET /api/monitor/jobs`: a page of jobs, the latest made first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobList {
    /// The jobs, without their log lines.
    pub jobs: Vec<JobMonitoringData>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// `GET /api/jobs/{id}/logs`: a page of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogPage {
    /// The lines, in order.
    pub lines: Vec<LogRow>,
    /// Give it as `after` to get what comes next; `null` where the page is empty. A search may have found nothing and still
    /// have more to look at: its pages end with the one that has `null` here.
    pub next_after: Option<u64>,
}

/// A log line with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogRow {
    /// The line's place in the log of facts.
    pub offset: u64,
    /// The line.
    #[serde(flatten)]
    pub message: JobLogMessage,
}

/// `GET /api/jobs/{id}/metrics`: the newest readings and those before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsSeries {
    /// The job.
    #[schemars(extend("format" = "uuid"))]
    pub job_id: String,
    /// The newest.
    pub metrics: JobMetrics,
    /// The last that were recorded, in order.
    pub samples: Vec<MetricsSample>,
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsSample {
    /// When it was read.
    pub timestamp: DateTime<Utc>,
    /// Which attempt.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// 0 to 100; `null` where nothing honest can be said.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub progress_percent: Option<f64>,
    /// Counts and readings.
    pub metrics: JobMetrics,
}

/// `GET /api/jobs/{id}/rejects`: rejected rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectsPage {
    /// The job.
    #[schemars(extend("format" = "uuid"))]
    pub job_id: String,
    /// How many rows were rejected so far.
    pub records_failed: u64,
    /// Every field and rule that was broken, by falling count; also while the job runs.
    pub summary: Vec<RejectSummary>,
    /// The rows, in the order of the source; none before the job has ended.
    pub rows: Vec<RejectedRow>,
    /// Give it as `after` to get what comes next; `null` at the end.
    pub next_after: Option<u64>,
}
