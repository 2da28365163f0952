//! Reject files read back.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use etlplus_core::pipeline::RejectFormat;
use etlplus_core::{Failure, Reject};

use super::csv::CsvReader;
use super::header::LastHeader;
use super::ndjson::NdjsonReader;
use super::parquet::ParquetReader;
use crate::failure::io_failure;

/// How much of a file is looked at to tell its format.
const START_MAX_BYTES: u64 = 4096;

/// A reject as a file has it now: a person may have corrected it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReject {
    /// What it says.
    pub reject: Reject,
    /// The line of the reject file on which it begins, from 1; `None` for Parquet.
    pub line: Option<u64>,
    /// Its number in the reject file, from 1.
    pub row: u64,
    /// Bytes of the file that lie behind the reader with it.
    pub bytes: u64,
}

/// Why a reject file cannot be read.
pub(super) enum Malformed {
    /// One row is no reject.
    Line { line: u64, why: String },
    /// A Parquet file is no reject file.
    Whole(String),
    /// The system says so.
    Unreadable(io::Error),
}

/// Reads the rejects of one file, in order. Its format is told from its first bytes: `PAR1` begins Parquet, `{` NDJSON, all
/// else is CSV. Only `raw` has to be there; columns may stand in another order.
pub struct RejectReader {
    path: PathBuf,
    rows: Rows,
    header: LastHeader,
    has_failed: bool,
}

enum Rows {
    Ndjson(NdjsonReader<File>),
    Csv(Box<CsvReader>),
    Parquet(Box<ParquetReader>),
}

impl RejectReader {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read or is no reject file.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |malformed| failure(path, malformed);
        let read = |error| failed(Malformed::Unreadable(error));
        let mut file = File::open(path).map_err(read)?;
        let mut start = Vec::new();
        Read::by_ref(&mut file).take(START_MAX_BYTES).read_to_end(&mut start).map_err(read)?;
        file.rewind().map_err(read)?;
        let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start).trim_ascii_start();
        let rows = match text.first() {
            _ if start.starts_with(b"PAR1") => {
                let size = file.metadata().map_err(read)?.len();
                Rows::Parquet(Box::new(ParquetReader::new(file, size).map_err(failed)?))
            }
            Some(b'{') | None => Rows::Ndjson(NdjsonReader::new(file)),
            Some(_) => Rows::Csv(Box::new(CsvReader::new(file, &start).map_err(failed)?)),
        };
        Ok(Self { path: path.to_owned(), rows, header: LastHeader::default(), has_failed: false })
    }

    /// How the file is written.
    pub fn format(&self) -> RejectFormat {
        match &self.rows {
            Rows::Ndjson(_) => RejectFormat::Ndjson,
            Rows::Csv(_) => RejectFormat::Csv,
            Rows::Parquet(_) => RejectFormat::Parquet,
        }
    }

    /// How many rejects there are, where the file tells before it is read.
    pub fn rows_total(&self) -> Option<u64> {
        match &self.rows {
            Rows::Parquet(rows) => Some(rows.rows_total()),
            Rows::Ndjson(_) | Rows::Csv(_) => None,
        }
    }
}

impl Iterator for RejectReader {
    type Item = Result<ReadReject, Failure>;

    /// The next one. After a failure there is none.
    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let next = match &mut self.rows {
            Rows::Ndjson(rows) => rows.next(),
            Rows::Csv(rows) => rows.next(),
            Rows::Parquet(rows) => rows.next(),
        };
        Some(match next? {
            Ok(mut read) => {
                self.header.restore(&mut read.reject);
                Ok(read)
            }
            Err(malformed) => {
                self.has_failed = true;
                Err(failure(&self.path, malformed))
            }
        })
    }
}

fn failure(path: &Path, malformed: Malformed) -> Failure {
    let shown = path.display();
    let (message, remedy) = match malformed {
        Malformed::Unreadable(error) => return io_failure("read", path, &error),
        Malformed::Line { line, why } => (format!("{shown}, line {line}: {why}"), "mend the line, or take the row out"),
        Malformed::Whole(why) => (format!("{shown}: {why}"), "name a file of rejects that a job wrote"),
    };
    Failure::user("reject_file_malformed", message, remedy)
}
