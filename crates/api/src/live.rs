//! Frames of the live channel.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::filter::{Filter, MessageType, SetFilters};
use crate::job::{FailureInfo, JobLogMessage, JobMetrics, JobMonitoringData, JobStatus, JobType};
use crate::notification::SystemNotification;
use crate::reject::RejectSummary;

/// The envelope of every frame from the server: `{"type", "timestamp", "data"}`, with `epoch` and `offset` on a fact, and
/// `id` on the answer to a message that had one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// The type and its data.
    #[serde(flatten)]
    pub message: ServerMessage,
    /// When it happened (a fact), was read (a sample) or was sent (all else).
    pub timestamp: DateTime<Utc>,
    /// Where the fact stands in the log.
    #[serde(flatten, skip_serializing_if = "Option::is_none", default)]
    pub position: Option<Position>,
    /// The `id` of the client's message that this answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
}

/// A place in the log of facts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// The log's life. An offset of another epoch means nothing in this one.
    #[schemars(extend("format" = "uuid"))]
    pub epoch: String,
    /// The place, from 1, without holes.
    pub offset: u64,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "a message is made, written and gone")]
pub enum ServerMessage {
    /// The first frame.
    ConnectionAck(ConnectionAck),
    /// All active jobs that the filter lets through, or a part of them. What follows the last part goes on from its
    /// `position`, which all parts have.
    Snapshot(Snapshot),
    /// A job moved. A fact.
    JobStatusUpdate(JobStatusUpdate),
    /// How far a running job is. A sample: only the newest counts.
    JobProgressUpdate(JobProgressUpdate),
    /// What a running job takes. A sample.
    JobMetricsUpdate(JobMetricsUpdate),
    /// A job said something. A fact.
    JobLogMessage(JobLogMessage),
    /// Something that people should know of. A fact, but for what somebody says to this connection.
    SystemNotification(SystemNotification),
    /// All facts up to its `position` that pass the filter were sent.
    Bookmark(Bookmark),
    /// What the client asked to go on from cannot be told. A snapshot follows.
    Gap(Gap),
    /// What was asked for holds now.
    Ack {},
    /// The answer to a `ping`.
    Pong {},
    /// Nothing happened for a while, and the connection lives.
    Heartbeat {},
    /// A message of the client could not be followed. The connection goes on.
    ErrorMessage(ErrorMessage),
}

impl ServerMessage {
    /// The word in `type`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::ConnectionAck(_) => "connection_ack",
            Self::Snapshot(_) => "snapshot",
            Self::JobStatusUpdate(_) => MessageType::JobStatusUpdate.as_str(),
            Self::JobProgressUpdate(_) => MessageType::JobProgressUpdate.as_str(),
            Self::JobMetricsUpdate(_) => MessageType::JobMetricsUpdate.as_str(),
            Self::JobLogMessage(_) => MessageType::JobLogMessage.as_str(),
            Self::SystemNotification(_) => MessageType::SystemNotification.as_str(),
            Self::Bookmark(_) => "bookmark",
            Self::Gap(_) => "gap",
            Self::Ack {} => "ack",
            Self::Pong {} => "pong",
            Self::Heartbeat {} => "heartbeat",
            Self::ErrorMessage(_) => "error_message",
        }
    }
}

/// What the client should know of its connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionAck {
    /// Names the connection in `/api/monitor/connections`.
    #[schemars(extend("format" = "uuid"))]
    pub connection_id: String,
    /// The server's version.
    pub version: String,
    /// Seconds between two heartbeats.
    pub heartbeat_interval: u64,
    /// What the client must keep.
    pub limits: Limits,
    /// Where the log stands.
    pub position: Position,
}

/// What a client must keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The largest message that the server reads, in bytes.
    pub max_message_bytes: u64,
    /// The most clauses of a filter.
    pub max_filter_clauses: u64,
    /// The most values of one list in a clause.
    pub max_filter_values: u64,
    /// After so many messages that mean nothing the connection is closed.
    pub max_bad_messages: u64,
    /// A client that is behind by more than so many facts, and reads nothing for some seconds, is closed.
    pub message_queue_size: u64,
}

/// All active jobs at one moment, in as many parts as it takes to keep each message small. The parts come one after the
/// other; whoever reads them gathers the jobs, and takes them over with the last part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The jobs of this part, by id, over all parts.
    pub jobs: Vec<JobMonitoringData>,
    /// Whether another part of the same snapshot follows. It is `false` on the last one, which may be the only one.
    #[serde(default)]
    pub more: bool,
}

/// A job moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobStatusUpdate {
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
    /// Where it was; `null` for a new job, equal to `status` where only its data changed.
    pub previous_status: Option<JobStatus>,
    /// What moved it, such as `submit`, `start`, `completed`, `failed`, `lost`, `cancel`, `pause`.
    pub cause: String,
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
    /// The failure in one sentence.
    pub error_message: Option<String>,
    /// The failure in parts.
    pub failure: Option<FailureInfo>,
    /// When it is tried again, where it waits for that.
    pub retry_at: Option<DateTime<Utc>>,
    /// When it was accepted.
    pub submitted_at: DateTime<Utc>,
    /// When its current or last attempt began.
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    pub end_time: Option<DateTime<Utc>>,
    /// Counts and readings of the attempt that began or ended; `null` where the fact is about neither.
    pub metrics: Option<JobMetrics>,
}

/// How far a running job is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobProgressUpdate {
    /// The job.
    #[schemars(extend("format" = "uuid"))]
    pub job_id: String,
    /// Its pipeline.
    pub pipeline: String,
    /// Its attempt.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// 0 to 100; `null` where nothing honest can be said.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub progress_percent: Option<f64>,
    /// What it does, for people.
    pub current_step: String,
    /// Milliseconds until the source is read; `null` where nothing honest can be said.
    pub eta: Option<u64>,
    /// Rows that were checked.
    pub records_processed: u64,
    /// Rows that passed all checks.
    pub records_successful: u64,
    /// Rows that were rejected.
    pub records_failed: u64,
    /// Every field and rule that was broken so far, by falling count.
    pub rejects: Vec<RejectSummary>,
}

/// What a running job takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobMetricsUpdate {
    /// The job.
    #[schemars(extend("format" = "uuid"))]
    pub job_id: String,
    /// Its pipeline.
    pub pipeline: String,
    /// Its attempt.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Counts and readings.
    pub metrics: JobMetrics,
}

/// A place up to which a client was told all that its filter lets through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bookmark {
    /// Whether what follows is live.
    pub caught_up: bool,
}

/// Facts after a place cannot be told, so that a snapshot takes their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Why not.
    pub reason: GapReason,
    /// The place after which facts are missing.
    pub since: Position,
}

/// Why facts after a place cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The place is of another log than the server's.
    OtherEpoch,
    /// Some of them are no longer kept.
    Expired,
    /// No such fact was recorded yet.
    InFuture,
}

/// Why a message could not be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorMessage {
    /// A stable word for programs.
    pub code: String,
    /// What is wrong and where.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// The envelope of a message from a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientFrame {
    /// The type and its data.
    #[serde(flatten)]
    pub message: ClientMessage,
    /// Comes back with the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(length(max = 200))]
    pub id: Option<String>,
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Says who the client is. Answered by `ack`.
    Auth(Auth),
    /// Replaces the connection's filter and says where to go on. Answered by `ack`, and then by all facts after that place
    /// and a `bookmark`, or by a `snapshot`.
    Subscribe(Subscribe),
    /// Replaces the connection's filter. Answered by `ack` and a new `snapshot`.
    SetFilters(SetFilters),
    /// Answered by `pong`.
    Ping {},
}

/// Who the client is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// The text of a token.
    pub token: String,
}

/// Without the token, which no log may hold.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

/// What a client wants to be told, and from where on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscribe {
    /// The last fact that the client knows of; where it is left out, a snapshot comes first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Position>,
    /// The filter; where it is left out, everything.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(length(max = 32))]
    pub filters: Option<Filter>,
}
