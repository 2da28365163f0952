//! Which columns a dictionary helps: those that have the same values again and again.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

/// Rows that are looked at.
const SAMPLE_ROWS: usize = 1 << 16;
/// Where more than this share of the sampled values are new ones, a dictionary would be filled, given up and filled again.
const DISTINCT_SHARE_MAX: f64 = 0.5;

/// Whether each column of `rows` gets a dictionary.
pub(super) fn worthwhile(rows: &[RecordBatch]) -> Vec<bool> {
    let columns = rows.first().map_or(0, RecordBatch::num_columns);
    (0..columns)
        .map(|column| {
            let mut left = SAMPLE_ROWS;
            let sample = rows.iter().map(|batch| {
                let array = batch.column(column).slice(0, batch.num_rows().min(left));
                left -= array.len();
                array
            });
            // A type that cannot be looked into keeps the library's way: a dictionary until it is large.
            distinct_share(&sample.collect::<Vec<_>>()).map_or(true, |share| share <= DISTINCT_SHARE_MAX)
        })
        .collect()
}

/// How many of the values differ from all before them, as a share. "No value" is none of them.
fn distinct_share(sample: &[ArrayRef]) -> Result<f64, ArrowError> {
    let Some(first) = sample.first() else { return Ok(0.0) };
    let converter = RowConverter::new(vec![SortField::new(first.data_type().clone())])?;
    let rows = sample.iter().map(|array| converter.convert_columns(std::slice::from_ref(array)));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let mut values = 0;
    let mut distinct = HashSet::new();
    for (array, rows) in sample.iter().zip(&rows) {
        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
            values += 1;
            distinct.insert(rows.row(row));
        }
    }
    Ok(distinct.len() as f64 / f64::from(values.max(1)))
}
