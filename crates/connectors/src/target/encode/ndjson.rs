//! NDJSON out: one object a row, every column in each, `null` where there is no value.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, cast::AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Schema};
use arrow::json::WriterBuilder;
use arrow::json::writer::{LineDelimited, Writer};
use etlplus_core::Failure;

use super::cell::in_utc_by_offset;
use crate::check::record_batch;
use crate::failure::arrow_failure;

/// The lines of some rows.
pub(super) fn encode(rows: &[RecordBatch]) -> Result<Vec<u8>, Failure> {
    let mut writer: Writer<_, LineDelimited> = WriterBuilder::new().with_explicit_nulls(true).build(Vec::new());
    for batch in rows {
        refuse_not_finite(batch)?;
        let columns = batch.columns().iter().map(in_utc_by_offset).collect::<Vec<_>>();
        let fields = batch.schema_ref().fields().iter().zip(&columns);
        let fields = fields.map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        writer.write(&record_batch(schema, columns, batch.num_rows())?).map_err(arrow_failure)?;
    }
    writer.finish().map_err(arrow_failure)?;
    Ok(writer.into_inner())
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
