//! Targets: a file that holds all the rows of a job, or is as it was before.
//!
//! A format is one file and one arm of [`create`].

mod atomic_file;
mod csv;
mod ndjson;
mod parquet;

use std::io::BufWriter;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::TargetFormat;

pub(crate) use self::parquet::ScratchWriter;
pub(crate) use atomic_file::{AtomicFile, TEMPORARY_SUFFIX};

/// How much is written to the file at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// Writes rows in one format. One for each format.
pub(crate) trait Encoder: Send {
    /// Writes the rows of a batch.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure>;
    /// Writes what comes after the last row, and hands the file back to be put in place.
    fn finish(self: Box<Self>) -> Result<BufWriter<AtomicFile>, Failure>;
}

/// Starts a new target file beside `path`. It takes its place when committed.
pub(crate) fn create(
    format: &TargetFormat,
    path: &Path,
    job: &JobId,
    schema: &SchemaRef,
) -> Result<Box<dyn Encoder>, Failure> {
    let file = BufWriter::with_capacity(BUFFER_BYTES, AtomicFile::create(path, job)?);
    Ok(match format {
        TargetFormat::Csv(options) => Box::new(csv::CsvEncoder::new(options.clone(), file, schema)?),
        TargetFormat::Ndjson => Box::new(ndjson::NdjsonEncoder::new(file)),
        TargetFormat::Parquet(options) => Box::new(parquet::ParquetEncoder::new(options, file, schema)?),
    })
}

/// Finishes the file and puts it in place. Returns its size in bytes.
pub(crate) fn commit(encoder: Box<dyn Encoder>) -> Result<u64, Failure> {
    let file = encoder.finish()?;
    let file = file.into_inner().map_err(|error| {
        let (error, file) = error.into_parts();
        file.get_ref().write_failure(&error)
    })?;
    file.commit()
}

/// Why rows of `schema` cannot be written in `format`, if so.
pub(crate) fn misfit(format: &TargetFormat, schema: &Schema) -> Option<(String, String)> {
    if schema.fields().is_empty() {
        return Some(("the rows have no columns".to_owned(), "select at least one column".to_owned()));
    }
    let mut names = std::collections::HashSet::new();
    if let Some(field) = schema.fields().iter().find(|field| !names.insert(field.name())) {
        let message = format!("two columns of the target are named {:?}", field.name());
        return Some((message, "name them apart with AS".to_owned()));
    }
    let field = schema.fields().iter().find(|field| !is_writable(format, field.data_type()))?;
    let message = format!("column {:?} is {}, which the target cannot hold", field.name(), field.data_type());
    Some((message, "convert it in SQL, for example with CAST(... AS VARCHAR)".to_owned()))
}

fn is_writable(format: &TargetFormat, data_type: &DataType) -> bool {
    match format {
        TargetFormat::Parquet(_) => !matches!(data_type, DataType::Null | DataType::Interval(_) | DataType::Union(..)),
        TargetFormat::Csv(_) => !data_type.is_nested() && !is_binary(data_type),
        TargetFormat::Ndjson => !is_binary(data_type) && !matches!(data_type, DataType::Union(..)),
    }
}

fn is_binary(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    matches!(data_type, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}
