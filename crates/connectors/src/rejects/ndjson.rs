//! Rejects as NDJSON.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use etlplus_core::{BrokenRule, Reject};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::read::{Malformed, ReadReject};
use crate::target::AtomicFile;

/// The longest line that is read: a row with a raw text that is all escapes and breaks thousands of rules stays below.
const LINE_MAX_BYTES: u64 = 64 << 20;

/// Writes one JSON object on each line.
pub(super) struct NdjsonRejects {
    file: BufWriter<AtomicFile>,
}

impl NdjsonRejects {
    pub(super) fn new(file: AtomicFile) -> Self {
        Self { file: BufWriter::new(file) }
    }

    pub(super) fn path(&self) -> &Path {
        self.file.get_ref().path()
    }

    pub(super) fn write(&mut self, reject: &Reject) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, reject)?;
        self.file.write_all(b"\n")
    }

    pub(super) fn finish(self) -> io::Result<AtomicFile> {
        self.file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// A reject that a person may have edited: all but `raw` may be gone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Edited<'a> {
    #[serde(default)]
    file: String,
    line: Option<u64>,
    row: Option<u64>,
    offset: Option<u64>,
    #[serde(default)]
    errors: Vec<BrokenRule>,
    header: Option<String>,
    /// A text, or the JSON object itself where somebody took the quotes away.
    #[serde(borrow)]
    raw: &'a RawValue,
    raw_hex: Option<String>,
    #[serde(default)]
    raw_truncated: bool,
}

/// Reads one JSON object from each line that is not blank.
pub(super) struct NdjsonReader<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    line_number: u64,
    row: u64,
}

impl<R: Read> NdjsonReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::new(input), line: Vec::new(), line_number: 0, row: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Result<ReadReject, Malformed>> {
        let mut bytes = 0;
        loop {
            self.line.clear();
            match self.input.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut self.line) {
                Ok(0) => return None,
                Ok(read) => bytes += read as u64,
                Err(error) => return Some(Err(Malformed::Unreadable(error))),
            }
            self.line_number += 1;
            let text = self.line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.line).trim_ascii();
            if !text.is_empty() {
                self.row += 1;
                return Some(self.parse(text, bytes));
            }
        }
    }

    fn parse(&self, text: &[u8], bytes: u64) -> Result<ReadReject, Malformed> {
        let malformed = |why: String| Malformed::Line { line: self.line_number, why };
        if self.line.len() as u64 == LINE_MAX_BYTES {
            return Err(malformed(format!("is longer than {LINE_MAX_BYTES} bytes")));
        }
        let edited: Edited<'_> = serde_json::from_slice(text).map_err(|error| {
            // Each line is a text of its own, so the line that the library counts says nothing.
            let message = error.to_string();
            let why = message.split(" at line ").next().unwrap_or(&message);
            malformed(format!("is no reject: {why}, at column {}", error.column()))
        })?;
        let raw = edited.raw.get();
        let raw = match raw.starts_with('"') {
            true => {
                serde_json::from_str(raw).map_err(|error| malformed(format!("has a raw text that is none: {error}")))?
            }
            false => raw.to_owned(),
        };
        let reject = Reject {
            file: edited.file,
            line: edited.line,
            row: edited.row.unwrap_or(self.row),
            offset: edited.offset,
            errors: edited.errors,
            header: edited.header.map(Arc::from),
            raw,
            raw_hex: edited.raw_hex,
            raw_truncated: edited.raw_truncated,
        };
        Ok(ReadReject { reject, line: Some(self.line_number), row: self.row, bytes })
    }
}
