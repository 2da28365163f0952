//! The columns of Parquet files that declare nothing.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use etlplus_core::Failure;

use super::file::ParquetFile;

/// The schema of files that declare nothing: the first one's, which all others must have.
pub(super) fn common_schema(files: &[ParquetFile]) -> Result<SchemaRef, Failure> {
    let Some(first) = files.first() else { return Ok(Arc::new(Schema::empty())) };
    let shape = |file: &ParquetFile| -> Vec<_> {
        let fields = file.metadata.schema().fields().iter();
        fields.map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    for file in files {
        if shape(file) != shape(first) {
            return Err(Failure::data(
                "schemas_differ",
                format!("{} and {} have different columns", first.file.name(), file.file.name()),
                "declare a schema, or read them by separate pipelines",
            ));
        }
    }
    let fields = first.metadata.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}
