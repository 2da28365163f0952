//! What a run of a job would do, before it does it.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a run would do. Secrets are shown as the references that they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunPlan {
    /// Each parameter's value, `as_of` among them.
    pub parameters: BTreeMap<String, String>,
    /// What would be read.
    pub source: PlannedSource,
    /// Which of its rows, where the load is incremental.
    pub interval: Option<PlannedInterval>,
    /// The SQL steps by name, in their order.
    pub steps: Vec<String>,
    /// What would be written.
    pub target: PlannedTarget,
    /// Where rejected rows would go.
    pub rejects: String,
    /// The memory that the job may use, in bytes.
    pub memory_bytes: u64,
}

/// What a run would read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedSource {
    /// A path or a glob, or a database and a table.
    pub location: String,
    /// The reference to the password, where one is needed.
    pub password: Option<String>,
    /// How many files there are; 0 where the rows are in a database.
    pub files: u64,
    /// Their size in bytes; `None` where the rows are in a database.
    pub bytes: Option<u64>,
    /// The rows, where the source tells before they are read.
    pub rows: Option<u64>,
    /// The columns with their types.
    pub columns: Vec<(String, String)>,
}

/// The rows that an incremental load would read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedInterval {
    /// The column.
    pub cursor: String,
    /// Rows with a greater value; `None`: from the first row.
    pub after: Option<String>,
    /// Rows with at most this value; `None`: to the last row, where the source cannot say beforehand which that is.
    pub up_to: Option<String>,
}

/// What a run would write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedTarget {
    /// A path, or a database and a table.
    pub location: String,
    /// The reference to the password, where one is needed.
    pub password: Option<String>,
    /// `replace`, `append`, or `upsert by` and its key.
    pub mode: String,
    /// Whether it is there and its columns stay; if not, it would be made.
    pub is_there: bool,
    /// Every column of the rows or of the target.
    pub columns: Vec<PlannedColumn>,
    /// Why the rows cannot be loaded as things are; empty where they can.
    pub misfits: Vec<String>,
}

/// A column of the rows, of the target, or of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedColumn {
    /// Its name.
    pub name: String,
    /// Its type among the rows; `None` where only the target has it.
    pub row_type: Option<String>,
    /// Its type in the target, as the target calls it; `None` where the target has no such column.
    pub target_type: Option<String>,
}
