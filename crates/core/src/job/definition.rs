//! What a job is made with, and what is said of it wherever it is named.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::JobId;
use crate::log::LogLevel;
use crate::pipeline::Pipeline;

/// What kind of work a job does, by the stages that its pipeline has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobType {
    /// Extract, transform and load.
    FullEtl,
    /// Extract only.
    Extract,
    /// Transform only.
    Transform,
    /// Rows are checked and loaded as they are.
    Load,
}

impl JobType {
    /// The kind of a pipeline's jobs.
    pub fn of(pipeline: &Pipeline) -> Self {
        if pipeline.transforms.is_empty() { Self::Load } else { Self::FullEtl }
    }

    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullEtl => "FULL_ETL",
            Self::Extract => "EXTRACT",
            Self::Transform => "TRANSFORM",
            Self::Load => "LOAD",
        }
    }
}

impl fmt::Display for JobType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What does not change in a job's life and is shown with every word about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobHeader {
    /// The job.
    pub id: JobId,
    /// Its pipeline's name.
    pub pipeline: String,
    /// What kind of work it does.
    pub job_type: JobType,
    /// The pipeline's tags.
    pub tags: Vec<String>,
    /// When it was accepted.
    pub submitted_at: DateTime<Utc>,
}

/// All that decides what a job does. Every attempt of the job is made from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobDefinition {
    /// The pipeline file's text.
    pub pipeline: String,
    /// Where the pipeline's relative paths start; absolute.
    pub folder: PathBuf,
    /// The parameters' texts by name.
    pub parameters: BTreeMap<String, String>,
    /// The run clock.
    pub as_of: DateTime<Utc>,
    /// The least level of the log lines that are kept.
    pub log_level: LogLevel,
}
