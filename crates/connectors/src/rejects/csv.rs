//! Rejects as CSV (RFC 4180), `errors` as JSON.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord};
use etlplus_core::Reject;
use memchr::memchr;

use super::columns::{ERRORS, FILE, HEADER, LINE, NAMES, OFFSET, RAW, RAW_HEX, RAW_TRUNCATED, ROW};
use super::read::{Malformed, ReadReject};
use crate::target::AtomicFile;

/// Writes one record for each reject.
pub(super) struct CsvRejects {
    file: BufWriter<AtomicFile>,
}

impl CsvRejects {
    pub(super) fn new(file: AtomicFile) -> io::Result<Self> {
        let mut file = BufWriter::new(file);
        write!(file, "{}\r\n", NAMES.join(","))?;
        Ok(Self { file })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.get_ref().path()
    }

    pub(super) fn write(&mut self, reject: &Reject) -> io::Result<()> {
        let Reject { file, line, row, offset, errors, header, raw, raw_hex, raw_truncated } = reject;
        let out = &mut self.file;
        let number = |number: &Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        write_text(out, file)?;
        write!(out, ",{},{row},{},", number(line), number(offset))?;
        write_text(out, &serde_json::to_string(errors)?)?;
        out.write_all(b",")?;
        header.as_ref().map_or(Ok(()), |header| write_text(out, header))?;
        out.write_all(b",")?;
        write_text(out, raw)?;
        write!(out, ",{},{raw_truncated}\r\n", raw_hex.as_deref().unwrap_or_default())
    }

    pub(super) fn finish(self) -> io::Result<AtomicFile> {
        self.file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// A text in quotes, so that one without a character differs from no text.
fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            out.write_all(b"\"\"")?;
        }
        out.write_all(part.as_bytes())?;
    }
    out.write_all(b"\"")
}

/// Where a file has its columns. A person may have put them in another order, or left out all but `raw`.
struct Places([Option<usize>; NAMES.len()]);

impl Places {
    fn of(header: &StringRecord) -> Self {
        Self(NAMES.map(|name| header.iter().position(|column| column.trim() == name)))
    }

    fn has(&self, name: &str) -> bool {
        NAMES.iter().zip(self.0).any(|(column, place)| *column == name && place.is_some())
    }

    /// A field; `None` where it is empty or its column is missing.
    fn field<'a>(&self, record: &'a StringRecord, name: &str) -> Option<&'a str> {
        let column = NAMES.iter().position(|column| *column == name)?;
        record.get(self.0[column]?).filter(|text| !text.is_empty())
    }
}

/// Reads one reject from each record, by the names in the header.
pub(super) struct CsvReader {
    records: csv::Reader<File>,
    places: Places,
    record: StringRecord,
    /// Whether lines end with CR and LF. The library ends a record at the CR, and counts the LF with the next one.
    is_crlf: bool,
    row: u64,
    told: u64,
}

impl CsvReader {
    /// `start` are the first bytes of `file`.
    pub(super) fn new(file: File, start: &[u8]) -> Result<Self, Malformed> {
        let mut records = ReaderBuilder::new().delimiter(delimiter(start)).flexible(true).from_reader(file);
        let places = Places::of(records.headers().map_err(malformed)?);
        if !places.has(RAW) {
            let why = format!("has no column {RAW}; a reject file has {}", NAMES.join(", "));
            return Err(Malformed::Line { line: 1, why });
        }
        let is_crlf = memchr(b'\n', start).is_some_and(|end| end > 0 && start[end - 1] == b'\r');
        Ok(Self { records, places, record: StringRecord::new(), is_crlf, row: 0, told: 0 })
    }

    pub(super) fn next(&mut self) -> Option<Result<ReadReject, Malformed>> {
        match self.records.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => Some(self.reject()),
            Err(error) => Some(Err(malformed(error))),
        }
    }

    fn reject(&mut self) -> Result<ReadReject, Malformed> {
        self.row += 1;
        let line = self.record.position().map_or(0, |position| position.line()) + u64::from(self.is_crlf);
        let field = |name| self.places.field(&self.record, name);
        let number = |name| {
            let parse = |text: &str| {
                let why =
                    || Malformed::Line { line, why: format!("has {text:?} in column {name}, which is no number") };
                text.trim().parse::<u64>().map_err(|_| why())
            };
            field(name).map(parse).transpose()
        };
        let errors = field(ERRORS).map(serde_json::from_str).transpose().map_err(|error| {
            let why = format!("has something in column {ERRORS} that is no list of broken rules: {error}");
            Malformed::Line { line, why }
        })?;
        let reject = Reject {
            file: field(FILE).unwrap_or_default().to_owned(),
            line: number(LINE)?,
            row: number(ROW)?.unwrap_or(self.row),
            offset: number(OFFSET)?,
            errors: errors.unwrap_or_default(),
            header: field(HEADER).map(Arc::from),
            raw: field(RAW).unwrap_or_default().to_owned(),
            raw_hex: field(RAW_HEX).map(str::to_owned),
            raw_truncated: field(RAW_TRUNCATED).is_some_and(|text| text.trim().eq_ignore_ascii_case("true")),
        };
        let at = self.records.position().byte();
        let bytes = at - std::mem::replace(&mut self.told, at);
        Ok(ReadReject { reject, line: Some(line), row: self.row, bytes })
    }
}

/// What stands between the fields: a spreadsheet may have put something else there than a comma.
fn delimiter(start: &[u8]) -> u8 {
    let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    // Of equal counts the last one wins.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn malformed(error: csv::Error) -> Malformed {
    let line = error.position().map_or(0, |position| position.line());
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Malformed::Unreadable(error),
        csv::ErrorKind::Utf8 { .. } => {
            Malformed::Line { line, why: "has bytes that are not UTF-8: save the file as UTF-8".to_owned() }
        }
        _ => Malformed::Line { line, why: "is no CSV record".to_owned() },
    }
}
