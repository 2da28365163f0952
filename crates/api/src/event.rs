//! What happened to one job.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::{FailureInfo, JobStatus};

/// `GET /api/jobs/{id}/events`: the last moves of a job, and the attempts that they tell of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobEvents {
    /// The job.
    #[schemars(extend("format" = "uuid"))]
    pub job_id: String,
    /// The moves, in order.
    pub events: Vec<JobEvent>,
    /// The attempts, in order.
    pub attempts: Vec<AttemptInfo>,
}

/// A job moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobEvent {
    /// The place in the log of facts.
    pub offset: u64,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// What moved it, such as `submit`, `start`, `completed`, `failed`, `lost`, `cancel`, `pause`.
    pub cause: String,
    /// Where it is since then.
    pub status: JobStatus,
    /// Where it was; `null` for a new job, equal to `status` where only its data changed.
    pub previous_status: Option<JobStatus>,
    /// The current attempt, the last one, or the one to come.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// The failure that goes with it.
    pub failure: Option<FailureInfo>,
    /// When it is tried again, where it waits for that since.
    pub retry_at: Option<DateTime<Utc>>,
}

/// One try of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptInfo {
    /// Its number, from 1.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// When it began.
    pub start_time: DateTime<Utc>,
    /// When it ended; `null` where it has not.
    pub end_time: Option<DateTime<Utc>>,
    /// How it ended; `null` where it has not.
    pub outcome: Option<AttemptOutcome>,
    /// Why it failed, where it did.
    pub failure: Option<FailureInfo>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The target holds the new rows.
    Completed,
    /// By a failure, after which the job may be tried again.
    Failed,
    /// By a person.
    Cancelled,
}
