//! Log lines of jobs.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The most bytes of one line's message; what is longer is cut, and the cut is marked with [`CUT_MARK`].
pub const MESSAGE_MAX_BYTES: usize = 16 << 10;
/// Stands at the end of a message that was cut.
pub const CUT_MARK: &str = " [cut]";

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

/// One line that an attempt said. It is a line of the attempt's spool file, in JSON, as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number within the attempt, from 1, without holes.
    pub line: u64,
    /// When it was said.
    pub at: DateTime<Utc>,
    /// How much it matters.
    pub level: LogLevel,
    /// What it says: text that may come from a data file, of at most [`MESSAGE_MAX_BYTES`].
    pub message: String,
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

/// Where a running job's log lines go.
pub trait LogSink: Send + Sync {
    /// The least level that is wanted: making a line below it is work for nothing.
    fn level(&self) -> LogLevel;

    /// Takes a line. It is dropped where its level is below [`LogSink::level`].
    fn say(&self, level: LogLevel, message: String);
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
    fn levels_are_ordered_and_read_in_any_case() {
        assert!(LogLevel::Debug < LogLevel::Info && LogLevel::Warn < LogLevel::Error);
        assert_eq!("warn".parse(), Ok(LogLevel::Warn));
        assert!("loud".parse::<LogLevel>().is_err());
    }
}
