//! Rows that broke what a pipeline declares: kept, explained, never fatal by themselves.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most bytes of a rejected row's raw text that are kept; the rest is cut and `raw_truncated` says so.
pub const RAW_MAX_BYTES: usize = 64 * 1024;

/// One rule that a row broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokenRule {
    /// The column, or `null` where the row as a whole is malformed.
    pub field: Option<String>,
    /// The rule's stable name: a rule of the schema (`required`, `min`, ...), `type`, or a malformation (`field_count`,
    /// `utf8`, `unclosed_quote`, ...).
    pub rule: String,
    /// The field's text as it stood in the source, or `null` where it had none.
    pub value: Option<String>,
    /// What is wrong, in a sentence that a person understands.
    pub message: String,
}

/// One rejected row: a line of the reject file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reject {
    /// The source file, as the pipeline names it.
    pub file: String,
    /// The physical line on which the row begins, from 1; `null` for formats without lines.
    pub line: Option<u64>,
    /// The row's number within its file, from 1, counting data records only.
    pub row: u64,
    /// Byte offset of the row's first byte in its file; `null` for formats without one, and where the file is compressed or in
    /// another encoding than UTF-8.
    pub offset: Option<u64>,
    /// Every rule that the row broke, in the order of the schema; never empty.
    pub errors: Vec<BrokenRule>,
    /// The header record of the row's file as it stood there, where it has one: it says which field of `raw` is which. All
    /// rejects of a file share it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        serialize_with = "serialize_shared",
        deserialize_with = "deserialize_shared"
    )]
    pub header: Option<Arc<str>>,
    /// The row as it stood in the source, with bytes that are not UTF-8 shown as U+FFFD.
    pub raw: String,
    /// The exact bytes in lower-case hex, only where `raw` could not show them. Of a file in another encoding than UTF-8 they
    /// are those of its text in UTF-8, with `ff` for what the encoding does not have.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub raw_hex: Option<String>,
    /// Whether `raw` was cut at [`RAW_MAX_BYTES`].
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub raw_truncated: bool,
}

fn serialize_shared<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

fn deserialize_shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Arc::from))
}

/// How often one rule was broken on one field, with the first rows that did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectSummary {
    /// The column, or `null` where the row as a whole is malformed.
    pub field: Option<String>,
    /// The rule's stable name.
    pub rule: String,
    /// How many rejected rows broke it. A row that broke two rules counts under both.
    pub rows: u64,
    /// The first few of them.
    pub samples: Vec<RejectSample>,
}

/// One example of a broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
