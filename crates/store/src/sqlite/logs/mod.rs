//! Log lines of jobs. The newest of each attempt are rows; once there are some thousand, or it has been silent for a while,
//! they are sealed into a chunk: one row that holds them all, compressed. Readers see both as one log.
//!
//! A line is in exactly one of the two, because sealing inserts a chunk and deletes its rows in one transaction, and because
//! readers look at both within one.

mod cache;
mod chunk;
mod facts;
mod forget;
mod read;
mod scan;
mod seal;
mod search;
mod trigrams;

pub(super) use cache::ChunkCache;
pub use chunk::{CHUNK_BYTES_MAX, CHUNK_LINES_MAX};
pub(super) use facts::lines_between;

use etlplus_core::LogLine;
use etlplus_core::ids::{AttemptNumber, Offset};
use etlplus_core::log::FieldValue;
use etlplus_core::ports::StoredLine;
use sqlx::sqlite::SqliteRow;

use super::rows;

/// A line of an attempt that is known otherwise, with its place.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) offset: Offset,
    pub(super) line: LogLine,
}

impl Placed {
    /// About how many bytes of text it has.
    fn weight(&self) -> usize {
        let LogLine { step, message, fields, .. } = &self.line;
        let of_field = |(name, value): (&String, &FieldValue)| match value {
            FieldValue::Text(text) => name.len() + text.len(),
            FieldValue::Bool(_) | FieldValue::Number(_) => name.len() + size_of::<u64>(),
        };
        message.len() + step.as_ref().map_or(0, String::len) + fields.iter().map(of_field).sum::<usize>()
    }
}

/// The columns of a line's row, in `log_lines`.
const LINE_COLUMNS: &str = "offset, log_lines.attempt, line, at, level, step, message, fields";

/// A line. The row has [`LINE_COLUMNS`].
fn stored_line(row: &SqliteRow) -> sqlx::Result<StoredLine> {
    Ok(StoredLine { offset: rows::offset(row)?, attempt: rows::attempt(row)?, line: rows::line(row)? })
}

fn attempt_number(number: u32) -> sqlx::Result<AttemptNumber> {
    AttemptNumber::from_number(number).ok_or_else(|| rows::undecodable("no such attempt"))
}
