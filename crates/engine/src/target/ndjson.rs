//! NDJSON out: one object a row, every column in each, `null` where there is no value.

use std::io::BufWriter;

use arrow::array::{RecordBatch, cast::AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::json::WriterBuilder;
use arrow::json::writer::{LineDelimited, Writer};
use etlplus_core::Failure;

use super::{AtomicFile, Encoder};
use crate::failure::arrow_failure;

pub(super) struct NdjsonEncoder {
    writer: Writer<BufWriter<AtomicFile>, LineDelimited>,
}

impl NdjsonEncoder {
    pub(super) fn new(file: BufWriter<AtomicFile>) -> Self {
        Self { writer: WriterBuilder::new().with_explicit_nulls(true).build(file) }
    }
}

impl Encoder for NdjsonEncoder {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        refuse_not_finite(batch)?;
        self.writer.write(batch).map_err(|error| match error {
            arrow::error::ArrowError::IoError(_, error) => self.writer.get_ref().get_ref().write_failure(&error),
            other => arrow_failure(other),
        })
    }

    fn finish(mut self: Box<Self>) -> Result<BufWriter<AtomicFile>, Failure> {
        self.writer.finish().map_err(arrow_failure)?;
        Ok(self.writer.into_inner())
    }
}

/// JSON has no infinity and no NaN. Writing `null` for them would lose a value in silence.
fn refuse_not_finite(batch: &RecordBatch) -> Result<(), Failure> {
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let is_finite = match column.data_type() {
            DataType::Float64 => column.as_primitive::<Float64Type>().iter().flatten().all(f64::is_finite),
            DataType::Float32 => column.as_primitive::<Float32Type>().iter().flatten().all(f32::is_finite),
            _ => true,
        };
        if !is_finite {
            return Err(Failure::data(
                "not_finite",
                format!("column {:?} holds infinity or NaN, which JSON cannot", field.name()),
                "guard the calculation in SQL, for example with NULLIF on a divisor",
            ));
        }
    }
    Ok(())
}
