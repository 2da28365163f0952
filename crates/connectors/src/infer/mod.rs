//! A first guess at a pipeline from a data file: for a person to look over.

mod csv;
mod guess;
mod ndjson;
mod parquet;

use std::path::Path;

use etlplus_core::pipeline::SourceFormat;
use etlplus_core::{Failure, Type};

use crate::source::SourceFile;

/// The most rows that a guess rests on.
const ROWS_MAX: u64 = 100_000;
/// The longest record that a guess looks at, in bytes.
const RECORD_MAX_BYTES: usize = 8 << 20;

/// What a data file seems to be.
#[derive(Debug, Clone)]
pub struct Inferred {
    /// How it is written.
    pub format: SourceFormat,
    /// Its columns, in order.
    pub columns: Vec<InferredColumn>,
    /// Fields that no type of a schema can hold: objects, arrays, binary.
    pub skipped: Vec<String>,
    /// How many rows the guess rests on.
    pub rows_seen: u64,
}

/// What a column seems to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferredColumn {
    /// Its name; `column_1` and so on where the file names none.
    pub name: String,
    /// The narrowest type that every value seen fits.
    pub ty: Type,
    /// Whether a row had no value.
    pub is_nullable: bool,
    /// Whether no two rows had the same value; never so where a row had none.
    pub is_distinct: bool,
}

/// Looks at the first rows of `path` and says what they seem to be. The ending of the name decides the format.
pub fn infer(path: &Path) -> Result<Inferred, Failure> {
    let file = SourceFile::look(path.to_owned())?;
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("csv" | "tsv" | "txt") => csv::infer(&file),
        Some("ndjson" | "jsonl" | "json") => ndjson::infer(&file),
        Some("parquet") => parquet::infer(&file),
        _ => Err(Failure::user(
            "unknown_format",
            format!("cannot tell the format of {} by its name", path.display()),
            "name it .csv, .tsv, .txt, .ndjson, .jsonl, .json or .parquet",
        )),
    }
}

fn no_rows(file: &SourceFile) -> Failure {
    Failure::user("no_rows", format!("{} has no rows to look at", file.name()), "give a file with some rows")
}
