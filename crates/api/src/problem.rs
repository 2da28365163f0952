//! Errors of REST.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A problem (RFC 9457), sent as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable word for programs, such as `job_not_found`.
    pub code: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// What is wrong and where.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
    /// Each thing that is wrong, where it is more than one or has a place.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<ProblemItem>,
}

/// One of the things that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemItem {
    /// The query parameter, body key or pipeline key.
    pub key: String,
    /// The line in the pipeline, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// The column in the pipeline, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}
