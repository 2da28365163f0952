//! Jobs as they are shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reject::RejectSummary;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// Waits in the queue.
    Pending,
    /// Moves rows.
    Running,
    /// Held by a person.
    Paused,
    /// The target holds the new rows.
    Completed,
    /// Ended by a failure; the target is as it was.
    Failed,
    /// Ended by a person; the target is as it was.
    Cancelled,
}

impl JobStatus {
    /// All of them, in the order of a job's life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// Whether the job has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// What kind of work a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobType {
    /// Extract, transform and load.
    FullEtl,
    /// Extract only.
    Extract,
    /// Transform only.
    Transform,
    /// Load only.
    Load,
}

impl JobType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::FullEtl, Self::Extract, Self::Transform, Self::Load];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullEtl => "FULL_ETL",
            Self::Extract => "EXTRACT",
            Self::Transform => "TRANSFORM",
            Self::Load => "LOAD",
        }
    }
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug,
    /// What happens.
    Info,
    /// What somebody should look at.
    Warn,
    /// Why it does not go on.
    Error,
}

impl LogLevel {
    /// All of them, from the least to the most.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// Counts and readings of a job's current or last attempt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobMetrics {
    /// Rows that were checked: the sum of the next two.
    pub records_processed: u64,
    /// Rows that passed all checks.
    pub records_successful: u64,
    /// Rows that were rejected.
    pub records_failed: u64,
    /// Rows that came out of the transforms.
    pub rows_transformed: u64,
    /// Rows handed to the target.
    pub rows_loaded: u64,
    /// Bytes of the source; `null` before they are known.
    pub bytes_total: Option<u64>,
    /// Bytes of the source read so far.
    pub bytes_read: u64,
    /// Checked rows per second: over the last seconds while it runs, over the whole attempt once it has ended.
    pub processing_rate: Option<f64>,
    /// Resident memory in bytes, at the last reading.
    pub memory_usage: Option<u64>,
    /// The most resident memory so far, in bytes.
    pub memory_peak: Option<u64>,
    /// Processor cores in use, 1.0 being one core that is busy: over the last seconds while it runs, over the whole
    /// attempt once it has ended.
    pub cpu_usage: Option<f64>,
    /// Bytes that the process read, from files and pipes.
    pub io_read_bytes: Option<u64>,
    /// Bytes that the process wrote, to files and pipes.
    pub io_written_bytes: Option<u64>,
    /// How long the attempt has run, in milliseconds; `null` where none began.
    pub execution_time: Option<u64>,
}

/// Why a job failed, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureInfo {
    /// Who has to act: `user_mistake`, `bad_data`, `transient`, `limit` or `bug`.
    #[schemars(extend("enum" = ["user_mistake", "bad_data", "transient", "limit", "bug"]))]
    pub kind: String,
    /// A stable word for programs.
    pub code: String,
    /// What happened and where.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// A line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobLogMessage {
    /// The job.
    #[schemars(extend("format" = "uuid"))]
    pub job_id: String,
    /// Its pipeline.
    pub pipeline: String,
    /// Which attempt said it.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// The line's number within the attempt, from 1.
    pub line: u64,
    /// When it was said.
    pub timestamp: DateTime<Utc>,
    /// How much it matters.
    pub level: LogLevel,
    /// What the job was doing: `prepare`, `stream`, `finish` or `commit`; `null` where that is not known.
    #[serde(default)]
    pub step: Option<String>,
    /// What it says. It may hold text of a data file: show it as text.
    pub message: String,
    /// The same in parts that a program can read; empty where there are none.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldValue>,
}

/// A part of a log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FieldValue {
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(#[schemars(with = "f64")] serde_json::Number),
    /// A text, which may come from a data file.
    Text(String),
}

/// What a completed job wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetInfo {
    /// Where the rows are: a file, a folder, or a database and a table.
    pub location: String,
    /// The rows that the job loaded.
    pub rows: u64,
    /// The size in bytes of the files that it wrote; `null` where a database keeps that to itself.
    pub bytes: Option<u64>,
}

/// How a job is treated by its queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyInfo {
    /// Jobs of a higher one are given a free place first.
    #[schemars(range(min = -100, max = 100))]
    pub priority: i8,
    /// Seconds after which an attempt is ended, its pauses left out; `null`: as the settings say when it starts.
    #[schemars(range(min = 0.0))]
    pub timeout: Option<f64>,
    /// Attempts in all that are made by themselves, from 1, which is no retry.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
    /// Jobs of the same pipeline that run at the same time, at most; `null` where the pipeline does not say.
    #[schemars(range(min = 1))]
    pub concurrency: Option<u32>,
}

/// What a job's attempts are made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobOrigin {
    /// The parameters' texts by name.
    pub parameters: BTreeMap<String, String>,
    /// The run clock.
    pub as_of: DateTime<Utc>,
    /// Where the pipeline's relative paths start.
    pub folder: String,
}

/// All about one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobMonitoringData {
    /// The job.
    #[schemars(extend("format" = "uuid"))]
    pub job_id: String,
    /// Its pipeline.
    pub pipeline: String,
    /// What kind of work it does.
    pub job_type: JobType,
    /// The pipeline's tags.
    pub tags: Vec<String>,
    /// Where it is.
    pub status: JobStatus,
    /// The current attempt, the last one, or the one to come.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Whether it was asked to stop and has not yet.
    pub stopping: bool,
    /// 0 to 100; `null` where nothing honest can be said.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub progress_percent: Option<f64>,
    /// What it does, for people.
    pub current_step: String,
    /// Milliseconds until the source is read, by the recent rate; `null` where nothing honest can be said.
    pub eta: Option<u64>,
    /// When it was accepted.
    pub submitted_at: DateTime<Utc>,
    /// When its current or last attempt began.
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    pub end_time: Option<DateTime<Utc>>,
    /// When it may start, where it waits for the time that its submitter chose.
    pub not_before: Option<DateTime<Utc>>,
    /// When it is tried again, where it waits for that.
    pub retry_at: Option<DateTime<Utc>>,
    /// How long the attempt has run, in milliseconds.
    pub execution_time: Option<u64>,
    /// Counts and readings.
    pub metrics: JobMetrics,
    /// The failure in one sentence.
    pub error_message: Option<String>,
    /// The failure in parts.
    pub failure: Option<FailureInfo>,
    /// Every field and rule that was broken, by falling count.
    pub rejects: Vec<RejectSummary>,
    /// What it wrote.
    pub target: Option<TargetInfo>,
    /// How it is treated; `null` in snapshots, and where the store cannot say.
    pub policy: Option<PolicyInfo>,
    /// What its attempts are made from; left out in lists and snapshots, and where the store cannot say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<JobOrigin>,
    /// The last log lines, oldest first.
    pub recent_logs: Vec<JobLogMessage>,
    /// Whether the readings come from the live view; if not, they are the last that were recorded.
    pub live: bool,
}
