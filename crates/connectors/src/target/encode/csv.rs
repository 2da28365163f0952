//! CSV out, such that our own reader reads back what was written: "no value" and the empty string stay apart.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use etlplus_core::Failure;
use etlplus_core::pipeline::CsvTarget;

use super::cell::Cells;
use crate::failure::arrow_failure;

const QUOTE: u8 = b'"';

pub(in crate::target) struct CsvEncoder {
    options: CsvTarget,
    schema: SchemaRef,
    /// The bytes for which a value is put in quotes.
    is_special: [bool; 256],
}

impl CsvEncoder {
    pub(super) fn new(options: CsvTarget, schema: &SchemaRef) -> Self {
        let mut is_special = [false; 256];
        for byte in [options.delimiter, QUOTE, b'\n', b'\r'] {
            is_special[usize::from(byte)] = true;
        }
        Self { options, schema: schema.clone(), is_special }
    }

    /// The record that names the columns; empty where none is wanted.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if self.options.header {
            for (column, field) in self.schema.fields().iter().enumerate() {
                self.separate(column, &mut text);
                self.push(field.name().as_bytes(), &mut text);
            }
            text.push(b'\n');
        }
        text
    }

    /// The records of some rows.
    pub(super) fn encode(&self, rows: &[RecordBatch]) -> Result<Vec<u8>, Failure> {
        let mut text = Vec::new();
        for batch in rows {
            self.encode_batch(batch, &mut text)?;
        }
        Ok(text)
    }

    fn encode_batch(&self, batch: &RecordBatch, text: &mut Vec<u8>) -> Result<(), Failure> {
        let columns = batch.columns().iter().map(Cells::of).collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(arrow_failure)?;
        let nulls: Vec<_> = batch.columns().iter().map(|column| column.logical_nulls()).collect();
        let mut value = String::new();
        for row in 0..batch.num_rows() {
            for (column, (cells, nulls)) in columns.iter().zip(&nulls).enumerate() {
                self.separate(column, text);
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    text.extend_from_slice(self.options.null.as_bytes());
                } else {
                    let cell = cells.text(row, &mut value).map_err(arrow_failure)?;
                    self.push(cell.as_bytes(), text);
                }
            }
            text.push(b'\n');
        }
        Ok(())
    }

    fn separate(&self, column: usize, text: &mut Vec<u8>) {
        if column > 0 {
            text.push(self.options.delimiter);
        }
    }

    /// Appends a value, in quotes where it would else be read as something other than this text.
    fn push(&self, value: &[u8], text: &mut Vec<u8>) {
        let is_plain = !value.iter().any(|byte| self.is_special[usize::from(*byte)]);
        if is_plain && !value.is_empty() && value != self.options.null.as_bytes() {
            text.extend_from_slice(value);
            return;
        }
        text.push(QUOTE);
        for byte in value {
            if *byte == QUOTE {
                text.push(QUOTE);
            }
            text.push(*byte);
        }
        text.push(QUOTE);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use proptest::prelude::*;

    use super::super::cell::in_utc_by_offset;
    use super::*;

    /// The text as Arrow's own formatter gives it, value by value.
    fn by_the_formatter(batch: &RecordBatch, options: &CsvTarget) -> String {
        let mut text = String::new();
        let shown = FormatOptions::new().with_display_error(false);
        for row in 0..batch.num_rows() {
            for (index, column) in batch.columns().iter().enumerate() {
                if index > 0 {
                    text.push(char::from(options.delimiter));
                }
                if column.is_null(row) {
                    text.push_str(&options.null);
                    continue;
                }
                let column = &in_utc_by_offset(column);
                let value = ArrayFormatter::try_new(column, &shown).unwrap().value(row).to_string();
                let special = [char::from(options.delimiter), '"', '\n', '\r'];
                if value.is_empty() || value == options.null || value.contains(special) {
                    text.push_str(&format!("\"{}\"", value.replace('"', "\"\"")));
                } else {
                    text.push_str(&value);
                }
            }
            text.push('\n');
        }
        text
    }

    fn column<T: std::fmt::Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<Option<T>>> {
        prop::collection::vec(prop::option::weighted(0.8, values), 1..40)
    }

    fn check(array: ArrayRef, delimiter: u8, null: &str) {
        let batch = RecordBatch::try_from_iter([("a", array.clone()), ("b", array)]).unwrap();
        let options = CsvTarget { delimiter, header: false, null: null.to_owned() };
        let expected = by_the_formatter(&batch, &options);
        let encoder = CsvEncoder::new(options, &batch.schema());
        assert_eq!(String::from_utf8(encoder.encode(&[batch]).unwrap()).unwrap(), expected);
    }

    /// 100 years around 1970 mostly, but also days that have no four digits of a year.
    fn micros() -> impl Strategy<Value = i64> {
        let day = 86_400_000_000;
        prop_oneof![
            -50 * 365 * day..50 * 365 * day,
            (-50 * 365..50 * 365i64).prop_map(move |days| days * day),
            (-1000..1000i64).prop_map(|millis| millis * 1000),
            -90_000_000 * day..90_000_000 * day,
        ]
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_formatter_writes_them(
            int64 in column(any::<i64>()), int16 in column(any::<i16>()), float in column(any::<f64>()),
            boolean in column(any::<bool>()), delimiter in prop::sample::select(b",;-.0".to_vec()),
        ) {
            check(Arc::new(Int64Array::from(int64)), delimiter, "");
            check(Arc::new(Int32Array::from_iter(int16.iter().map(|value| value.map(i32::from)))), delimiter, "7");
            check(Arc::new(Int16Array::from(int16)), delimiter, "");
            check(Arc::new(Float64Array::from(float)), delimiter, "");
            check(Arc::new(BooleanArray::from(boolean)), delimiter, "true");
        }

        #[test]
        fn decimals_are_written_as_the_formatter_writes_them(
            small in column(-1200..1200i128), large in column(any::<i128>()), precision in 1..=38u8, scale in 0..=38i8,
        ) {
            let scale = scale.min(precision as i8);
            for values in [small, large] {
                let array = Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap();
                check(Arc::new(array), b',', "");
            }
        }

        #[test]
        fn times_are_written_as_the_formatter_writes_them(
            days in column(prop_oneof![-20_000..20_000i32, -90_000_000..90_000_000i32]), micros in column(micros()),
        ) {
            check(Arc::new(Date32Array::from(days)), b',', "");
            let array = TimestampMicrosecondArray::from(micros);
            for zone in ["UTC", "+00:00", "+02:00"] {
                check(Arc::new(array.clone().with_timezone(zone)), b',', "");
            }
            check(Arc::new(array), b':', "");
        }

        #[test]
        fn texts_are_written_as_the_formatter_writes_them(texts in column("[a\",;\r\n ä\\\\]{0,6}")) {
            check(Arc::new(LargeStringArray::from(texts.clone())), b';', "");
            check(Arc::new(StringViewArray::from_iter(texts.clone())), b';', "");
            check(Arc::new(StringArray::from(texts)), b',', "a");
        }
    }
}
