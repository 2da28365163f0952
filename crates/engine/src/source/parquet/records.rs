//! Rows of a Parquet file.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, cast::AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::json::LineDelimitedWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use etlplus_core::reject::RAW_MAX_BYTES;
use etlplus_core::{BrokenRule, Failure, Reject};

use crate::check::{BrokenCells, Cell, ColumnPlan, Records, build_column, cast_without_loss};
use crate::failure::arrow_failure;
use crate::source::SourceFile;
use crate::source::reject::shown_value;

pub(super) struct ParquetRecords {
    pub(super) file: Arc<SourceFile>,
    /// The rows, with the declared columns in their order where a schema is declared.
    pub(super) batch: RecordBatch,
    /// The number of the first row in its file, from 1.
    pub(super) first_row: u64,
}

impl Records for ParquetRecords {
    fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure> {
        let array = self.batch.column(column);
        if array.data_type() == &plan.data_type {
            tell_not_finite(array, column, broken);
            return Ok(array.clone());
        }
        let texts = match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                cast(array, &DataType::Utf8).map_err(arrow_failure)?
            }
            _ => {
                let (array, fits) = cast_without_loss(array, &plan.data_type)?;
                for row in (0..fits.len()).filter(|row| !fits.value(*row)) {
                    broken.push(row, column, "type", format!("does not fit {} without loss", plan.ty));
                }
                tell_not_finite(&array, column, broken);
                return Ok(array);
            }
        };
        let texts = texts.as_string::<i32>();
        let cells = (0..texts.len()).map(|row| match texts.is_null(row) {
            true => Cell::Null,
            false => Cell::Text(Cow::Borrowed(texts.value(row).as_bytes())),
        });
        Ok(build_column(column, plan, cells, broken))
    }

    fn value(&self, row: usize, column: usize) -> Option<String> {
        let array = self.batch.column(column);
        if array.is_null(row) {
            return None;
        }
        let formatter = ArrayFormatter::try_new(array, &FormatOptions::default()).ok()?;
        Some(shown_value(formatter.value(row).to_string().as_bytes()))
    }

    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject {
        let raw = self.json(row);
        Reject {
            file: self.file.name(),
            line: None,
            row: self.first_row + row as u64,
            offset: None,
            errors,
            raw_truncated: raw.len() > RAW_MAX_BYTES,
            raw: raw[..raw.floor_char_boundary(RAW_MAX_BYTES)].to_owned(),
            raw_hex: None,
        }
    }
}

/// Infinity and NaN are no data in a declared column, as they are none in text.
fn tell_not_finite(array: &ArrayRef, column: usize, broken: &mut BrokenCells) {
    let is_finite = |row: usize| match array.data_type() {
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).is_finite(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).is_finite(),
        _ => true,
    };
    for row in (0..array.len()).filter(|row| array.is_valid(*row) && !is_finite(*row)) {
        broken.push(row, column, "type", "is infinity or NaN, which are no numbers".to_owned());
    }
}

impl ParquetRecords {
    /// A row as a JSON object, since Parquet has no text to show.
    fn json(&self, row: usize) -> String {
        let mut writer = LineDelimitedWriter::new(Vec::new());
        let written = writer.write(&self.batch.slice(row, 1)).and_then(|()| writer.finish());
        match written {
            Ok(()) => String::from_utf8_lossy(&writer.into_inner()).trim_end().to_owned(),
            Err(error) => format!("a row that cannot be shown as JSON: {error}"),
        }
    }
}
