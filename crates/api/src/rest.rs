//! Bodies of REST.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::job::{JobLogMessage, JobMetrics, JobMonitoringData, LogLevel, RejectSummary, RejectedRow};
use crate::live::Filter;

/// `POST /api/jobs`: a job of a pipeline that is kept (`pipeline`), or of one that comes along (`definition`); one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SubmitJob {
    /// The name of a pipeline that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// A pipeline file's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Where the definition's relative paths start, on the server; absolute. Needed with `definition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The parameters' texts by name.
    pub parameters: BTreeMap<String, String>,
    /// The run clock; now where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<DateTime<Utc>>,
    /// The least level of the log lines that are kept; `INFO` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
}

/// `GET /api/monitor/jobs`: a page of jobs, the latest made first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobList {
    /// The jobs, without their log lines.
    pub jobs: Vec<JobMonitoringData>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// `GET /api/jobs/{id}/logs`: a page of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPage {
    /// The lines, in order.
    pub lines: Vec<LogRow>,
    /// Give it as `after` to get what comes next; `null` where the page is empty.
    pub next_after: Option<u64>,
}

/// A log line with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRow {
    /// The line's place in the log of facts.
    pub offset: u64,
    /// The line.
    #[serde(flatten)]
    pub message: JobLogMessage,
}

/// `GET /api/jobs/{id}/metrics`: the newest readings and those before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricsSeries {
    /// The job.
    pub job_id: String,
    /// The newest.
    pub metrics: JobMetrics,
    /// The last that were recorded, in order.
    pub samples: Vec<MetricsSample>,
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricsSample {
    /// When it was read.
    pub timestamp: DateTime<Utc>,
    /// Which attempt.
    pub attempt: u32,
    /// 0 to 100; `null` where nothing honest can be said.
    pub progress_percent: Option<f64>,
    /// Counts and readings.
    pub metrics: JobMetrics,
}

/// `GET /api/jobs/{id}/rejects`: rejected rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectsPage {
    /// The job.
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

/// A pipeline that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineInfo {
    /// Its name.
    pub name: String,
    /// How often it was put, from 1.
    pub version: u64,
    /// When this version was put.
    pub updated_at: DateTime<Utc>,
    /// Where its relative paths start.
    pub folder: String,
    /// What it is for, in its author's words.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The pipeline file's text; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub definition: Option<String>,
}

/// `GET /api/pipelines`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineList {
    /// The pipelines, by name, without their text.
    pub pipelines: Vec<PipelineInfo>,
}

/// `PUT /api/pipelines/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutPipeline {
    /// The pipeline file's text. The name in it is the name in the address.
    pub definition: String,
    /// Where its relative paths start, on the server; absolute.
    pub folder: String,
}

/// `POST /api/pipelines/validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatePipeline {
    /// The pipeline file's text.
    pub definition: String,
    /// Where its relative paths start, on the server; absolute.
    pub folder: String,
    /// The parameters' texts by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validated {
    /// Whether nothing is wrong.
    pub valid: bool,
    /// Every mistake.
    pub mistakes: Vec<FileMistake>,
    /// Parameters without a value: while there are any, files and SQL are not checked.
    pub missing_parameters: Vec<String>,
}

/// One mistake in a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileMistake {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// The key's path from the top of the file.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// `POST /api/pipelines/preview`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewRequest {
    /// The pipeline file's text.
    pub definition: String,
    /// Where its relative paths start, on the server; absolute.
    pub folder: String,
    /// The parameters' texts by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// How many rows of each stage, 1 to 1000; 10 where it is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows: Option<u16>,
}

/// The first rows after each stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Previewed {
    /// The stages, in order.
    pub stages: Vec<PreviewStage>,
}

/// The first rows after one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewStage {
    /// `input`, or the name of a lookup or a step.
    pub stage: String,
    /// Names and types of the columns.
    pub columns: Vec<(String, String)>,
    /// The rows' values as text; `null` is "no value".
    pub rows: Vec<Vec<Option<String>>>,
    /// Rejected rows among those read; only the stage `input` has any.
    pub rejects: Vec<RejectedRow>,
}

/// `GET /api/monitor/connections`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionList {
    /// The connections, the oldest first.
    pub connections: Vec<Connection>,
    /// How many there may be.
    pub max_connections: u64,
}

/// How a connection is watched through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionKind {
    /// `/ws`.
    WebSocket,
    /// `/api/events`.
    Sse,
}

/// A connection of the live channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Its id, as in its `connection_ack`.
    pub connection_id: String,
    /// How it is watched through.
    pub kind: ConnectionKind,
    /// The client's address.
    pub remote_address: String,
    /// Since when.
    pub connected_at: DateTime<Utc>,
    /// What it wants to see.
    pub filters: Filter,
    /// Bytes that wait for it to read.
    pub queued_bytes: u64,
    /// Bytes that were sent.
    pub sent_bytes: u64,
    /// Readings that were left out because it was behind.
    pub conflated: u64,
}
