//! Log lines of jobs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

mod pattern;

pub use pattern::{BadPattern, LogPattern, PATTERN_MAX_BYTES, Regex, TextPattern};

/// The most bytes of one line's message; what is longer is cut, and the cut is marked with [`CUT_MARK`].
pub const MESSAGE_MAX_BYTES: usize = 16 << 10;
/// Stands at the end of a message that was cut.
pub const CUT_MARK: &str = " [cut]";
/// The most bytes of a line's step; what is longer is cut.
pub const STEP_MAX_BYTES: usize = 256;
/// The most fields of a line; those beyond are left out, the last by name first.
pub const FIELDS_MAX: usize = 32;
/// The most bytes of a line's fields, names and texts together; fields that do not fit are left out.
pub const FIELDS_MAX_BYTES: usize = 4 << 10;

/// How much a line matters, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// What only somebody who looks for a fault wants to know, such as each rejected row.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What somebody should look at, though the job goes on.
    Warn,
    /// Why the job does not go on.
    Error,
}

impl LogLevel {
    /// All levels, from the least to the most.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The level's word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no log level: give DEBUG, INFO, WARN or ERROR")]
pub struct UnknownLevel(String);

impl FromStr for LogLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_meant = |level: &Self| level.as_str().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(is_meant).ok_or_else(|| UnknownLevel(text.chars().take(40).collect()))
    }
}

/// The value of a field of a log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A text, which may come from a data file.
    Text(String),
}

impl From<u64> for FieldValue {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What a log line says in parts that a program can read: values by name.
pub type Fields = BTreeMap<String, FieldValue>;

/// One line that an attempt said. It is a line of the attempt's spool file, in JSON, as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number within the attempt, from 1, without holes.
    pub line: u64,
    /// When it was said.
    pub at: DateTime<Utc>,
    /// How much it matters.
    pub level: LogLevel,
    /// What the job was doing, of at most [`STEP_MAX_BYTES`]; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What it says: text that may come from a data file, of at most [`MESSAGE_MAX_BYTES`].
    pub message: String,
    /// The same in parts, where it has any: at most [`FIELDS_MAX`] and [`FIELDS_MAX_BYTES`].
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub fields: Fields,
}

impl LogLine {
    /// A line that says `message` and no more.
    pub fn new(line: u64, at: DateTime<Utc>, level: LogLevel, message: String) -> Self {
        Self { line, at, level, step: None, message, fields: Fields::new() }
    }

    /// The line within its limits: what is too long is cut, and fields that are too many are left out.
    pub fn cut(mut self) -> Self {
        self.message = cut_message(self.message);
        if let Some(step) = &mut self.step {
            step.truncate(step.floor_char_boundary(STEP_MAX_BYTES));
        }
        let (mut number, mut bytes) = (0, 0);
        self.fields.retain(|name, value| {
            number += 1;
            bytes += name.len() + if let FieldValue::Text(text) = value { text.len() } else { size_of::<u64>() };
            number <= FIELDS_MAX && bytes <= FIELDS_MAX_BYTES
        });
        self
    }
}

/// `message` within [`MESSAGE_MAX_BYTES`]: cut at the end of a character and marked, where it is longer.
pub fn cut_message(mut message: String) -> String {
    if message.len() > MESSAGE_MAX_BYTES {
        let end = message.floor_char_boundary(MESSAGE_MAX_BYTES - CUT_MARK.len());
        message.truncate(end);
        message.push_str(CUT_MARK);
    }
    message
}

/// What is said, before it has its number and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// How much it matters.
    pub level: LogLevel,
    /// What the job is doing; `None` where that is not known.
    pub step: Option<&'static str>,
    /// What it says.
    pub message: String,
    /// The same in parts, where it has any.
    pub fields: Fields,
}

/// Where a running job's log lines go.
pub trait LogSink: Send + Sync {
    /// The least level that is wanted: making a line below it is work for nothing.
    fn level(&self) -> LogLevel;

    /// Takes a line. It is dropped where its level is below [`LogSink::level`].
    fn say(&self, said: Said);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters_and_says_so() {
        assert_eq!(cut_message("short".to_owned()), "short");
        let cut = cut_message("ü".repeat(MESSAGE_MAX_BYTES));
        assert!(cut.len() <= MESSAGE_MAX_BYTES && cut.ends_with(CUT_MARK), "{} bytes", cut.len());
    }

    #[test]
    fn a_line_is_brought_within_its_limits() {
        let mut line = LogLine::new(1, DateTime::UNIX_EPOCH, LogLevel::Info, "said".to_owned());
        line.fields.insert("rows".to_owned(), 3.into());
        assert_eq!(line.clone().cut(), line);
        line.step = Some("ü".repeat(STEP_MAX_BYTES));
        line.fields.extend((0..100).map(|number| (format!("{number:03}"), FieldValue::from("x"))));
        line.fields.insert("zz".to_owned(), FieldValue::Text("x".repeat(FIELDS_MAX_BYTES)));
        let cut = line.cut();
        assert_eq!(cut.step.as_deref(), Some("ü".repeat(STEP_MAX_BYTES / 2).as_str()));
        assert_eq!((cut.fields.len(), cut.fields.contains_key("zz")), (FIELDS_MAX, false));
    }

    #[test]
    fn a_line_of_an_earlier_release_is_read_and_fields_keep_their_kinds() {
        let old = r#"{"line":1,"at":"2026-01-01T00:00:00Z","level":"INFO","message":"said"}"#;
        let line: LogLine = serde_json::from_str(old).expect("a line");
        assert_eq!((line.step.as_deref(), line.fields.len()), (None, 0));
        assert_eq!(serde_json::to_string(&line).expect("it is JSON"), old);
        let fields = r#"{"a":true,"b":12345678901234567890,"c":0.5,"d":"1"}"#;
        let read: Fields = serde_json::from_str(fields).expect("fields");
        assert!(matches!(read["d"], FieldValue::Text(_)) && matches!(read["a"], FieldValue::Bool(true)));
        assert_eq!(serde_json::to_string(&read).expect("it is JSON"), fields);
    }

    #[test]
    fn levels_are_ordered_and_read_in_any_case() {
        assert!(LogLevel::Debug < LogLevel::Info && LogLevel::Warn < LogLevel::Error);
        assert_eq!("warn".parse(), Ok(LogLevel::Warn));
        assert!("loud".parse::<LogLevel>().is_err());
    }
}
