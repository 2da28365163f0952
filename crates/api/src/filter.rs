//! What a connection wants to see.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::{JobStatus, LogLevel};

/// How the id of a job is written.
const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

/// The types of messages that a filter can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// Moves of jobs.
    JobStatusUpdate,
    /// How far running jobs are.
    JobProgressUpdate,
    /// What running jobs take.
    JobMetricsUpdate,
    /// What jobs say.
    JobLogMessage,
    /// What people should know of.
    SystemNotification,
}

impl MessageType {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::JobStatusUpdate,
        Self::JobProgressUpdate,
        Self::JobMetricsUpdate,
        Self::JobLogMessage,
        Self::SystemNotification,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobStatusUpdate => "job_status_update",
            Self::JobProgressUpdate => "job_progress_update",
            Self::JobMetricsUpdate => "job_metrics_update",
            Self::JobLogMessage => "job_log_message",
            Self::SystemNotification => "system_notification",
        }
    }
}

/// A new filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetFilters {
    /// The filter.
    #[schemars(length(max = 32))]
    pub filters: Filter,
}

/// What a connection wants to see: what one of the clauses lets through. Without a clause, everything.
pub type Filter = Vec<FilterClause>;

/// One clause: what every list in it lets through. A list that is left out lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FilterClause {
    /// Of these jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), inner(regex(pattern = UUID)))]
    pub job_ids: Option<Vec<String>>,
    /// Of jobs of these pipelines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub pipelines: Option<Vec<String>>,
    /// Of jobs that have one of these tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub tags: Option<Vec<String>>,
    /// Messages of these types.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub types: Option<Vec<MessageType>>,
    /// Of jobs that are in one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub statuses: Option<Vec<JobStatus>>,
    /// Log lines at this level or above; leaves other messages alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_level: Option<LogLevel>,
}
