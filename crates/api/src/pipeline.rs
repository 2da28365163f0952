//! Pipelines: kept, checked, and looked at.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reject::RejectedRow;
use crate::rest::ABSOLUTE_PATH;

/// A pipeline that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineList {
    /// The pipelines, by name, without their text.
    pub pipelines: Vec<PipelineInfo>,
}

/// `PUT /api/pipelines/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutPipeline {
    /// The pipeline file's text. The name in it is the name in the address.
    pub definition: String,
    /// Where its relative paths start, on the server; absolute.
    #[schemars(regex(pattern = ABSOLUTE_PATH))]
    pub folder: String,
}

/// `POST /api/pipelines/validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatePipeline {
    /// The pipeline file's text.
    pub definition: String,
    /// Where its relative paths start, on the server; absolute.
    #[schemars(regex(pattern = ABSOLUTE_PATH))]
    pub folder: String,
    /// The parameters' texts by name.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub parameters: BTreeMap<String, String>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewRequest {
    /// The pipeline file's text.
    pub definition: String,
    /// Where its relative paths start, on the server; absolute.
    #[schemars(regex(pattern = ABSOLUTE_PATH))]
    pub folder: String,
    /// The parameters' texts by name.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub parameters: BTreeMap<String, String>,
    /// How many rows of each stage, 1 to 1000; 10 where it is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(range(min = 1, max = 1000))]
    pub rows: Option<u16>,
}

/// The first rows after each stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Previewed {
    /// The stages, in order.
    pub stages: Vec<PreviewStage>,
}

/// The first rows after one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
