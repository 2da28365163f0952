//! What a Parquet file says of itself.

use arrow::datatypes::DataType;
use etlplus_core::pipeline::SourceFormat;
use etlplus_core::{Failure, Type};

use super::{Inferred, InferredColumn};
use crate::source::SourceFile;
use crate::source::parquet::load_metadata;

pub(super) fn infer(file: &SourceFile) -> Result<Inferred, Failure> {
    let metadata = load_metadata(file)?;
    let (mut columns, mut skipped) = (Vec::new(), Vec::new());
    for field in metadata.schema().fields() {
        let name = field.name().clone();
        match column_type(field.data_type()) {
            Some(ty) => {
                columns.push(InferredColumn { name, ty, is_nullable: field.is_nullable(), is_distinct: false });
            }
            None => skipped.push(name),
        }
    }
    let rows_seen = metadata.metadata().file_metadata().num_rows().unsigned_abs();
    Ok(Inferred { format: SourceFormat::Parquet, columns, skipped, rows_seen })
}

/// The type of a schema that holds every value of an Arrow type, if there is one.
fn column_type(data_type: &DataType) -> Option<Type> {
    Some(match data_type {
        DataType::Boolean => Type::Boolean,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => Type::Int16,
        DataType::UInt16 | DataType::Int32 => Type::Int32,
        DataType::UInt32 | DataType::Int64 => Type::Int64,
        DataType::UInt64 => Type::Decimal { precision: 20, scale: 0 },
        DataType::Float16 | DataType::Float32 => Type::Float32,
        DataType::Float64 => Type::Float64,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            Type::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::String,
        DataType::Dictionary(_, values) => column_type(values).filter(|ty| *ty == Type::String)?,
        DataType::Date32 => Type::Date,
        // Most columns in nanoseconds hold whole microseconds; a row that does not is rejected, and says so.
        DataType::Timestamp(_, None) => Type::Timestamp,
        DataType::Timestamp(_, Some(_)) => Type::TimestampTz,
        _ => return None,
    })
}
