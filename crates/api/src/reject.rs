//! Rejected rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often one rule was broken on one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectSummary {
    /// The column, or `null` where the row as a whole is malformed.
    pub field: Option<String>,
    /// The rule.
    pub rule: String,
    /// How many rejected rows broke it.
    pub rows: u64,
    /// The first few of them.
    pub samples: Vec<RejectSample>,
}

/// One example of a broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectSample {
    /// The source file.
    pub file: String,
    /// The line, where the format has lines.
    pub line: Option<u64>,
    /// The row's number within its file, from 1.
    pub row: u64,
    /// The field's text, cut to a readable length.
    pub value: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// One rejected row, as the reject file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectedRow {
    /// The source file.
    pub file: String,
    /// The physical line on which the row begins, from 1.
    pub line: Option<u64>,
    /// The row's number within its file, from 1.
    pub row: u64,
    /// Byte offset of the row's first byte in its file.
    pub offset: Option<u64>,
    /// Every rule that the row broke.
    pub errors: Vec<BrokenRule>,
    /// The row as it stood in the source.
    pub raw: String,
    /// The exact bytes in hex, only where `raw` could not show them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub raw_hex: Option<String>,
    /// Whether `raw` was cut.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub raw_truncated: bool,
}

/// One rule that a row broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokenRule {
    /// The column, or `null` where the row as a whole is malformed.
    pub field: Option<String>,
    /// The rule.
    pub rule: String,
    /// The field's text, or `null` where it had none.
    pub value: Option<String>,
    /// What is wrong.
    pub message: String,
}
