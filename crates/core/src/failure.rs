//! Why a job failed, said once, at the edge where it is known.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who has to act, which also decides whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The pipeline, its parameters or its paths are wrong: its author has to change something.
    UserMistake,
    /// The input breaks what the pipeline declares: whoever delivers the data has to look.
    BadData,
    /// The surroundings failed (disk full, file locked, source changed while read): trying again may help.
    Transient,
    /// The job needed more than it was given (memory, size): its limits have to change.
    Limit,
    /// A defect of ETL Plus.
    Bug,
}

impl FailureKind {
    /// Whether a retry, with nothing changed, can succeed.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Transient)
    }
}

/// Why a job failed: the kind, what happened and where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Who has to act.
    pub kind: FailureKind,
    /// A stable word for programs, such as `source_not_found`.
    pub code: String,
    /// What happened, naming the file, line, column or value, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
}

impl Failure {
    /// A failure of the given kind. `code` is a stable snake_case word.
    pub fn new(kind: FailureKind, code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, code: code.to_owned(), message: message.into(), remedy: remedy.into() }
    }

    /// The author of the pipeline has to change something.
    pub fn user(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(FailureKind::UserMistake, code, message, remedy)
    }

    /// The input breaks what was declared.
    pub fn data(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(FailureKind::BadData, code, message, remedy)
    }

    /// The surroundings failed; trying again may help.
    pub fn transient(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(FailureKind::Transient, code, message, remedy)
    }

    /// The job was given too little.
    pub fn limit(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(FailureKind::Limit, code, message, remedy)
    }

    /// A defect of ETL Plus.
    pub fn bug(message: impl Into<String>) -> Self {
        let remedy = "please report it with the pipeline file and the version";
        Self::new(FailureKind::Bug, "internal_error", message, remedy)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.remedy)
    }
}

impl std::error::Error for Failure {}
