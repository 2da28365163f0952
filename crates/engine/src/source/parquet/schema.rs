//! Whether Parquet files have the columns that are declared, in types that can be taken without a guess.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use etlplus_core::Failure;
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::ExtraFields;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use crate::check::{CheckPlan, ColumnPlan};
use crate::source::SourceFile;

/// The schema of files that declare nothing: the first one's, which all others must have.
pub(super) fn common_schema(files: &[(Arc<SourceFile>, ArrowReaderMetadata)]) -> Result<SchemaRef, Failure> {
    let Some((first_file, first)) = files.first() else { return Ok(Arc::new(Schema::empty())) };
    let shape = |metadata: &ArrowReaderMetadata| -> Vec<_> {
        let fields = metadata.schema().fields().iter();
        fields.map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    for (file, metadata) in files {
        if shape(metadata) != shape(first) {
            return Err(Failure::data(
                "schemas_differ",
                format!("{} and {} have different columns", first_file.name(), file.name()),
                "declare a schema, or read them by separate pipelines",
            ));
        }
    }
    let fields = first.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// Whether a file has each declared column in a type that can become the declared one.
pub(super) fn ensure_fits(
    schema: &Schema,
    plan: &CheckPlan,
    extra_fields: ExtraFields,
    file: &SourceFile,
) -> Result<(), Failure> {
    for column in &plan.columns {
        let Ok(field) = schema.field_with_name(&column.name) else {
            let remedy = match nearest(&column.name, schema.fields().iter().map(|field| field.name().as_str())) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "declare the columns that the file has".to_owned(),
            };
            return Err(Failure::user(
                "missing_column",
                format!("{} has no column {:?}", file.name(), column.name),
                remedy,
            ));
        };
        if !is_convertible(field.data_type(), column) {
            return Err(Failure::user(
                "wrong_type",
                format!(
                    "column {:?} of {} is {}, which cannot become {} without a guess",
                    column.name,
                    file.name(),
                    field.data_type(),
                    column.ty
                ),
                "declare the type that the file has, and convert in SQL",
            ));
        }
    }
    let declared = |name: &str| plan.columns.iter().any(|column| column.name == name);
    let extra: Vec<_> = schema.fields().iter().filter(|field| !declared(field.name())).map(|f| f.name()).collect();
    if extra_fields == ExtraFields::Reject && !extra.is_empty() {
        return Err(Failure::user(
            "undeclared_column",
            format!("{} has columns that the schema does not declare: {extra:?}", file.name()),
            "declare them, or say extra_fields: ignore",
        ));
    }
    Ok(())
}

/// Whether values can be converted one by one; those that do not fit are rejected row by row. Text is parsed as a CSV's
/// would be.
fn is_convertible(from: &DataType, column: &ColumnPlan) -> bool {
    let is_number = |data_type: &DataType| data_type.is_numeric();
    let to = &column.data_type;
    match (from, to) {
        _ if from == to => true,
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, _) => true,
        (DataType::Dictionary(_, values), _) if matches!(**values, DataType::Utf8 | DataType::LargeUtf8) => true,
        (DataType::Timestamp(_, from), DataType::Timestamp(_, to)) => from.is_some() == to.is_some(),
        (DataType::Date32 | DataType::Date64, DataType::Date32) => true,
        _ => is_number(from) && is_number(to),
    }
}
