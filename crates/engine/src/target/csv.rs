//! CSV out, such that our own reader reads back what was written: "no value" and the empty string stay apart.

use std::io::{BufWriter, Write};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use etlplus_core::Failure;
use etlplus_core::pipeline::CsvTarget;

use super::{AtomicFile, Encoder};
use crate::failure::arrow_failure;

const QUOTE: char = '"';

pub(super) struct CsvEncoder {
    options: CsvTarget,
    file: BufWriter<AtomicFile>,
    /// One batch's text, kept to be used again.
    text: String,
}

impl CsvEncoder {
    pub(super) fn new(options: CsvTarget, file: BufWriter<AtomicFile>, schema: &SchemaRef) -> Result<Self, Failure> {
        let mut encoder = Self { options, file, text: String::new() };
        if encoder.options.header {
            for (index, field) in schema.fields().iter().enumerate() {
                encoder.separate(index);
                encoder.push_text(field.name());
            }
            encoder.text.push('\n');
            encoder.write_text()?;
        }
        Ok(encoder)
    }

    fn separate(&mut self, column: usize) {
        if column > 0 {
            self.text.push(char::from(self.options.delimiter));
        }
    }

    /// Appends a value, in quotes where it would else be read as something other than this text.
    fn push_text(&mut self, text: &str) {
        let delimiter = char::from(self.options.delimiter);
        let is_special = |character| character == delimiter || matches!(character, QUOTE | '\n' | '\r');
        if text.is_empty() || text == self.options.null || text.contains(is_special) {
            self.text.push(QUOTE);
            self.text.push_str(&text.replace(QUOTE, "\"\""));
            self.text.push(QUOTE);
        } else {
            self.text.push_str(text);
        }
    }

    fn write_text(&mut self) -> Result<(), Failure> {
        let written = self.file.write_all(self.text.as_bytes());
        self.text.clear();
        written.map_err(|error| self.file.get_ref().write_failure(&error))
    }
}

impl Encoder for CsvEncoder {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let options = FormatOptions::new().with_display_error(false);
        let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let formatters = formatters.collect::<Result<Vec<_>, _>>().map_err(arrow_failure)?;
        let mut value = String::new();
        for row in 0..batch.num_rows() {
            for (column, (array, formatter)) in batch.columns().iter().zip(&formatters).enumerate() {
                self.separate(column);
                if array.is_null(row) {
                    self.text.push_str(&self.options.null);
                } else {
                    value.clear();
                    formatter.value(row).write(&mut value).map_err(arrow_failure)?;
                    self.push_text(&value);
                }
            }
            self.text.push('\n');
        }
        self.write_text()
    }

    fn finish(self: Box<Self>) -> Result<BufWriter<AtomicFile>, Failure> {
        Ok(self.file)
    }
}
