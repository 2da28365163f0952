//! How many rows are decoded at a time, so that a batch has about so many bytes.
//!
//! What a row group takes in the file says little of what its rows take in memory: a text that a dictionary has once may stand
//! in each of its rows. So the longest text of each dictionary is looked up before the rows are decoded.

use std::sync::{Arc, OnceLock};

use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::file::{ParquetFile, Place};
use super::page_limit::LimitedFile;

/// The most rows that are decoded at a time.
const ROWS_MAX: usize = 8192;
/// The most bytes of a batch: 8192 rows of one KiB.
const BATCH_MAX_BYTES: u64 = 8 << 20;
/// The fewest bytes to which a batch is held, however little memory a job has: smaller ones cost more time than they save memory.
const BATCH_MIN_BYTES: u64 = 64 << 10;
/// The share of a job's memory that may be rows on their way: one part of so many.
const MEMORY_PART: u64 = 4;
/// What a value takes beside its bytes.
const VALUE_BYTES: u64 = 8;
/// What a text counts at least where texts are written as differences from the ones before, which say nothing of their length.
const DIFFERENCE_BYTES: u64 = 16 << 10;

/// The rows of a batch for each row group of each file.
pub(super) struct BatchRows {
    bytes: u64,
    /// By file and row group, once the first thread asks.
    groups: Vec<Vec<OnceLock<usize>>>,
}

impl BatchRows {
    /// For `files`, of which `batches` batches are held at a time, by a job that may have `memory` bytes.
    pub(super) fn new(files: &[ParquetFile], memory: u64, batches: usize) -> Self {
        let bytes = (memory / MEMORY_PART / batches as u64).clamp(BATCH_MIN_BYTES, BATCH_MAX_BYTES);
        let groups = files.iter().map(|file| file.row_groups().iter().map(|_| OnceLock::new()).collect()).collect();
        Self { bytes, groups }
    }

    /// The rows of a batch of the row group `group` of `file`, which is the one of number `index`. The same for all threads,
    /// whichever of its columns they read.
    pub(super) fn of(&self, index: usize, file: &ParquetFile, group: usize, places: &[Place]) -> usize {
        *self.groups[index][group].get_or_init(|| {
            let rows = self.bytes / row_bytes(file, group, places).max(1);
            usize::try_from(rows).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX)
        })
    }
}

/// The most bytes that a row has, where each value is as long as the longest of its dictionary.
fn row_bytes(file: &ParquetFile, group: usize, places: &[Place]) -> u64 {
    let metadata = &file.row_groups()[group];
    let schema = file.metadata.parquet_schema();
    let is_read = |leaf: &usize| places.contains(&Place::File(schema.get_column_root_idx(*leaf)));
    (0..schema.num_columns()).filter(is_read).map(|leaf| leaf_bytes(file, metadata, leaf)).fold(0, u64::saturating_add)
}

fn leaf_bytes(file: &ParquetFile, group: &RowGroupMetaData, leaf: usize) -> u64 {
    let column = group.column(leaf);
    let rows = group.num_rows().unsigned_abs().max(1);
    // A list has several values in a row.
    let values = column.num_values().unsigned_abs().div_ceil(rows).max(1);
    let value = match column.column_type() {
        Type::BYTE_ARRAY => {
            let average = column.uncompressed_size().unsigned_abs() / column.num_values().unsigned_abs().max(1);
            let has_differences = column.encodings().any(|encoding| encoding == Encoding::DELTA_BYTE_ARRAY);
            let least = if has_differences { DIFFERENCE_BYTES } else { 0 };
            // What cannot be read now fails where the rows are decoded, with its place.
            average.max(least).max(longest_of_dictionary(file, column, rows as usize).unwrap_or(0))
        }
        Type::FIXED_LEN_BYTE_ARRAY => column.column_descr().type_length().unsigned_abs().into(),
        _ => VALUE_BYTES,
    };
    value.saturating_add(VALUE_BYTES).saturating_mul(values)
}

/// The length of the longest text in a column's dictionary; 0 where it has none.
fn longest_of_dictionary(file: &ParquetFile, column: &ColumnChunkMetaData, rows: usize) -> Result<u64, ParquetError> {
    let opened = file.file.open().map_err(|failure| ParquetError::General(failure.message))?;
    let mut pages = SerializedPageReader::new(Arc::new(LimitedFile::new(opened)), column, rows, None)?;
    if !pages.peek_next_page()?.is_some_and(|page| page.is_dict) {
        return Ok(0);
    }
    let Some(Page::DictionaryPage { buf, .. }) = pages.get_next_page()? else { return Ok(0) };
    let (mut rest, mut longest) = (&*buf, 0);
    // A dictionary is plain: each text comes after its length.
    while let Some((length, texts)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes(*length);
        longest = longest.max(u64::from(length));
        rest = texts.get(length as usize..).unwrap_or_default();
    }
    Ok(longest)
}
