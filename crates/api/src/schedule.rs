//! Pipelines that are run by the clock.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET /api/schedules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleList {
    /// The schedules of the pipelines that are kept, by the pipeline's name.
    pub schedules: Vec<ScheduleInfo>,
}

/// The schedule of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleInfo {
    /// The pipeline's name.
    pub pipeline: String,
    /// When it is due, as a line of cron.
    pub cron: String,
    /// The time zone of that line.
    pub timezone: String,
    /// What becomes of times at which no server ran.
    pub catch_up: CatchUp,
    /// What becomes of a time at which an earlier job of the pipeline has not ended.
    pub overlap: Overlap,
    /// When it is due next; `null` only beyond the years that the calendar knows.
    pub next_at: Option<DateTime<Utc>>,
    /// The last time that was seen to: its job was made, or it was passed over; `null` where there was none.
    pub last_at: Option<DateTime<Utc>>,
}

/// What becomes of times at which no server ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They are passed over.
    None,
    /// The last of them gets its job, late.
    Latest,
    /// Each gets its job, late, in order.
    All,
}

/// What becomes of a time at which an earlier job of the pipeline has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Its job is made all the same.
    Queue,
    /// It is passed over.
    Skip,
}
