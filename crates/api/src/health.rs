//! How the server itself is.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET /api/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The worst of all checks.
    pub status: HealthStatus,
    /// The server's version.
    pub version: String,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// Seconds since then, by a clock that is never set.
    pub uptime_seconds: u64,
    /// What was looked at.
    pub checks: Vec<HealthCheck>,
    /// The jobs that have not ended; `null` where nobody can tell.
    pub jobs: Option<JobCounts>,
    /// Connections of the live channel.
    pub connections: u64,
    /// The channels by which alerts leave.
    pub alert_channels: ChannelCounts,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// As it should be.
    Ok,
    /// Something of it does not work; the rest does.
    Degraded,
    /// It does not work.
    Failing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// What: `store`, `live`, `alerts` or `server`.
    pub name: String,
    /// How it is.
    pub status: HealthStatus,
    /// What was found; `null` where all is as it should be.
    pub detail: Option<String>,
    /// What to do about it; `null` where there is nothing to do.
    pub remedy: Option<String>,
}

/// Jobs that have not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobCounts {
    /// Move rows.
    pub running: u64,
    /// Wait in the queue.
    pub waiting: u64,
    /// Are held by a person.
    pub paused: u64,
}

/// Channels by which alerts leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelCounts {
    /// Those that are taken to work.
    pub up: u64,
    /// Those that do not.
    pub down: u64,
}

/// `GET /readyz`: whether the server can take requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Whether it can.
    pub ready: bool,
    /// Why it cannot; none where it can.
    pub reasons: Vec<String>,
}
