//! Rows that come as Arrow's columns: from Parquet files and from databases.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, cast::AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Schema};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::ExtraFields;
use etlplus_core::reject::RAW_MAX_BYTES;
use etlplus_core::{BrokenRule, Failure, Reject, Type};

use super::reject::{hex, shown_value};
use crate::check::{
    BrokenCells, Cell, CheckPlan, Checked, ColumnPlan, Records, TYPE_KEY, build_column, cast_without_loss, check,
    check_undeclared, record_batch,
};
use crate::failure::arrow_failure;

/// Some rows, not checked yet.
pub(crate) struct ArrowRecords {
    /// The file, or the database and the table, as rejects name it.
    name: Arc<str>,
    /// The rows, with the declared columns in their order where a schema is declared.
    batch: RecordBatch,
    /// The number of the first row in its file or table, from 1.
    first_row: u64,
    /// Values that no column of Arrow holds; null in the batch.
    unfit: Vec<UnfitCell>,
}

/// A value that has no place in a column of Arrow, such as an infinite day.
#[derive(Debug)]
pub(crate) struct UnfitCell {
    /// Its row in the batch, from 0.
    pub(crate) row: usize,
    /// Its column in the batch, from 0.
    pub(crate) column: usize,
    /// Its text.
    pub(crate) value: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

impl ArrowRecords {
    /// Rows of what rejects call `name`, as they were read: columns that are not declared are among them, and the declared
    /// ones in any order. `first_row` counts from 1.
    pub(crate) fn new(name: Arc<str>, batch: RecordBatch, first_row: u64) -> Self {
        Self { name, batch, first_row, unfit: Vec::new() }
    }

    /// The same with values that the batch cannot hold. They reject their rows where a schema is declared, and fail the job
    /// where none is.
    pub(crate) fn with_unfit(self, unfit: Vec<UnfitCell>) -> Self {
        Self { unfit, ..self }
    }

    /// Checks them against `plan`, whose columns [`ensure_fits`] has found. `bytes` of the source are behind the reader
    /// with them. Where `plan` declares nothing, the columns have to be those of its schema, in order.
    pub(crate) fn check(self, plan: &CheckPlan, bytes: u64) -> Result<Checked, Failure> {
        let rows = self.batch.num_rows();
        if plan.columns.is_empty() {
            self.ensure_all_fit()?;
            // The schema that all files share may differ in what its fields say beside name and type.
            let batch = record_batch(plan.schema.clone(), self.batch.columns().to_vec(), rows)?;
            return check_undeclared(Arc::new(self), batch, plan, bytes);
        }
        let positions = plan.columns.iter().map(|column| self.batch.schema().index_of(&column.name));
        let positions = positions.collect::<Result<Vec<_>, _>>().map_err(arrow_failure)?;
        let batch = self.batch.project(&positions).map_err(arrow_failure)?;
        let declared = |cell: UnfitCell| {
            let column = positions.iter().position(|position| *position == cell.column)?;
            Some(UnfitCell { column, ..cell })
        };
        let unfit = self.unfit.into_iter().filter_map(declared).collect();
        check(Arc::new(Self { batch, unfit, ..self }), plan, Vec::new(), bytes)
    }

    fn ensure_all_fit(&self) -> Result<(), Failure> {
        let Some(cell) = self.unfit.first() else { return Ok(()) };
        let (name, row, column) = (&self.name, self.first_row + cell.row as u64, cell.column);
        Err(Failure::data(
            "value_out_of_range",
            format!(
                "row {row} of {name} has in its column {:?} {}, which {}",
                self.batch.schema_ref().field(column).name(),
                cell.value,
                cell.message
            ),
            "declare a schema, so that such rows are rejected, or leave them out by a query",
        ))
    }
}

impl Records for ArrowRecords {
    fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure> {
        for cell in self.unfit.iter().filter(|cell| cell.column == column) {
            broken.push(cell.row, column, "type", cell.message.clone());
        }
        let array = self.batch.column(column);
        let is_text_to_parse = is_parsed_text(plan.ty) && !says_type(self.batch.schema_ref().field(column), plan.ty);
        if array.data_type() == &plan.data_type && !is_text_to_parse {
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
            let unfit = self.unfit.iter().find(|cell| cell.row == row && cell.column == column);
            return unfit.map(|cell| cell.value.clone());
        }
        let formatter = ArrayFormatter::try_new(array, &FormatOptions::default()).ok()?;
        Some(shown_value(formatter.value(row).to_string().as_bytes()))
    }

    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject {
        let raw = self.json(row);
        Reject {
            file: self.name.to_string(),
            line: None,
            row: self.first_row + row as u64,
            offset: None,
            errors,
            header: None,
            raw_truncated: raw.len() > RAW_MAX_BYTES,
            raw: raw[..raw.floor_char_boundary(RAW_MAX_BYTES)].to_owned(),
            raw_hex: None,
        }
    }
}

/// Whether values of the type are texts that not every text is.
fn is_parsed_text(ty: Type) -> bool {
    matches!(ty, Type::Uuid | Type::Json)
}

/// Whether whoever made the field vouches that its texts are values of `ty`.
fn says_type(field: &Field, ty: Type) -> bool {
    field.metadata().get(TYPE_KEY).is_some_and(|said| *said == ty.to_string())
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

impl ArrowRecords {
    /// A row as a JSON object, since columns have no text to show.
    fn json(&self, row: usize) -> String {
        let mut writer = LineDelimitedWriter::new(Vec::new());
        let shown = shown(&self.batch.slice(row, 1));
        let written = shown.and_then(|row| writer.write(&row)).and_then(|()| writer.finish());
        match written {
            Ok(()) => String::from_utf8_lossy(&writer.into_inner()).trim_end().to_owned(),
            Err(error) => format!("a row that cannot be shown as JSON: {error}"),
        }
    }
}

/// A row whose values JSON can show without a loss: bytes as `\\x` and hex digits, numbers that are none as texts.
fn shown(row: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = row.schema();
    let columns = schema.fields().iter().zip(row.columns()).map(|(field, array)| {
        let text = match array.data_type() {
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                let bytes = cast(array, &DataType::Binary)?;
                let hex = |bytes: &[u8]| format!("\\x{}", hex(bytes));
                bytes.as_binary::<i32>().iter().map(|bytes| bytes.map(hex)).collect::<StringArray>()
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let number = cast(array, &DataType::Float64)?;
                if number.as_primitive::<Float64Type>().iter().flatten().all(f64::is_finite) {
                    return Ok((field.clone(), array.clone()));
                }
                number
                    .as_primitive::<Float64Type>()
                    .iter()
                    .map(|number| number.map(|number| number.to_string()))
                    .collect()
            }
            _ => return Ok((field.clone(), array.clone())),
        };
        let field = field.as_ref().clone().with_data_type(DataType::Utf8).with_nullable(true);
        Ok((Arc::new(field), Arc::new(text) as ArrayRef))
    });
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.collect::<Result<Vec<_>, ArrowError>>()?.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// Whether a file or a table has each declared column in a type that can become the declared one. `name` is what it is called.
pub(crate) fn ensure_fits(
    schema: &Schema,
    plan: &CheckPlan,
    extra_fields: ExtraFields,
    name: &str,
) -> Result<(), Failure> {
    for column in &plan.columns {
        let Ok(field) = schema.field_with_name(&column.name) else {
            let remedy = match nearest(&column.name, schema.fields().iter().map(|field| field.name().as_str())) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "declare the columns that it has".to_owned(),
            };
            return Err(Failure::user("missing_column", format!("{} has no column {:?}", name, column.name), remedy));
        };
        if !is_convertible(field.data_type(), column) {
            return Err(Failure::user(
                "wrong_type",
                format!(
                    "column {:?} of {} is {}, which cannot become {} without a guess",
                    column.name,
                    name,
                    field.data_type(),
                    column.ty
                ),
                "declare the type that it has, and convert in SQL",
            ));
        }
    }
    let declared = |name: &str| plan.columns.iter().any(|column| column.name == name);
    let extra: Vec<_> = schema.fields().iter().filter(|field| !declared(field.name())).map(|f| f.name()).collect();
    if extra_fields == ExtraFields::Reject && !extra.is_empty() {
        return Err(Failure::user(
            "undeclared_column",
            format!("{} has columns that the schema does not declare: {extra:?}", name),
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
