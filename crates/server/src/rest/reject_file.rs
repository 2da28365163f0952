//! The rows of a reject file, by line number.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use axum::http::StatusCode;
use etlplus_api::RejectedRow;
use etlplus_core::reject::Reject;

use crate::problem::Refusal;
use crate::wire;

/// The longest line: the raw text of a row has 64 KiB at most, and its JSON and hex a few times that.
const LINE_BYTES_MAX: usize = 4 << 20;
/// A page ends early beyond so many bytes.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// Rows of one page.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) rows: Vec<RejectedRow>,
    /// The number of the last line of the page, where more follow.
    pub(super) next_after: Option<u64>,
}

/// Reads at most `limit` rows after line `after`. Blocks.
///
/// # Errors
/// Where the file is gone or damaged.
pub(super) fn read(path: &Path, after: u64, limit: usize) -> Result<Rows, Refusal> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let (mut number, mut bytes) = (0, 0);
    let mut line = Vec::new();
    let mut rows = Vec::new();
    loop {
        if !next_line(&mut reader, &mut line).map_err(|error| unreadable(path, &error))? {
            return Ok(Rows { rows, next_after: None });
        }
        if rows.len() == limit || bytes > PAGE_BYTES_MAX {
            return Ok(Rows { rows, next_after: Some(number) });
        }
        number += 1;
        if number <= after {
            continue;
        }
        bytes += line.len();
        let reject: Reject = serde_json::from_slice(&line).map_err(|_| damaged(path, number))?;
        rows.push(wire::row(reject));
    }
}

/// Reads one line into `line`, without its end; false at the end of the file.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let limit = LINE_BYTES_MAX as u64;
    reader.by_ref().take(limit).read_until(b'\n', line)?;
    if line.len() == LINE_BYTES_MAX && line.last() != Some(&b'\n') {
        return Err(ErrorKind::InvalidData.into());
    }
    Ok(!line.is_empty())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Refusal {
    let file = path.display();
    match error.kind() {
        ErrorKind::NotFound => {
            let detail = format!("the job's reject file {file} is gone");
            let remedy = "the summary in the job's status is kept; run the job again to get the rows";
            Refusal::new(StatusCode::GONE, "reject_file_gone", detail, remedy)
        }
        ErrorKind::InvalidData => damaged(path, 0),
        _ => {
            let detail = format!("the job's reject file {file} cannot be read: {error}");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "reject_file_unreadable", detail, "look at its permissions")
        }
    }
}

fn damaged(path: &Path, number: u64) -> Refusal {
    let detail = format!("the job's reject file {} was changed: line {number} is no rejected row", path.display());
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "reject_file_damaged", detail, "run the job again")
}
