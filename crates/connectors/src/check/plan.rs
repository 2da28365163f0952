//! A job's columns and rules, ready to be applied to whole columns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Scalar};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use etlplus_core::pipeline::{Column, JobSpec, Operand, Rule, ValueFormat};
use etlplus_core::{Failure, Type, Value};
use regex::Regex;

use super::columns::standard_column;
use super::cursor::{CursorPlan, HasCursor};
use super::{BrokenCells, Cell, Reference, ReferenceKeys, RowPredicate};

/// The time zone of every `timestamptz`, as Arrow names it.
const UTC: &str = "UTC";

/// The key of a field's metadata that tells apart what Arrow has one type for: texts that are UUIDs or JSON.
pub const TYPE_KEY: &str = "etlplus:type";

/// What every row of a source has to keep.
#[derive(Debug, Clone)]
pub struct CheckPlan {
    /// The declared columns, in order.
    pub(crate) columns: Vec<ColumnPlan>,
    /// Rules across columns, in the pipeline's order.
    pub(crate) predicates: Vec<Arc<dyn RowPredicate>>,
    /// Which rows an incremental load reads; `None`: all.
    pub(crate) cursor: Option<CursorPlan>,
    /// The same as Arrow has it. Every field may be null: `required` is a rule, judged row by row.
    pub schema: SchemaRef,
}

/// One column, with the values of its rules known.
#[derive(Debug, Clone)]
pub struct ColumnPlan {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) format: ValueFormat,
    pub(crate) data_type: DataType,
    pub(crate) rules: Vec<RulePlan>,
    pub(crate) is_unique: bool,
}

/// A rule with its values known. `unique` is none of them, since it needs all earlier rows.
#[derive(Debug, Clone)]
pub(crate) enum RulePlan {
    Required,
    Min { bound: Scalar<ArrayRef>, exclusive: bool, text: String },
    Max { bound: Scalar<ArrayRef>, exclusive: bool, text: String },
    Length { min: Option<u64>, max: Option<u64> },
    Pattern(Regex),
    OneOfTexts { texts: HashSet<String>, text: String },
    OneOfValues { values: Vec<Scalar<ArrayRef>>, text: String },
    References { reference: Reference, keys: Option<Arc<ReferenceKeys>> },
}

impl CheckPlan {
    /// The plan of `columns` in `job`.
    pub fn new(columns: &[Column], job: &JobSpec) -> Self {
        let columns: Vec<_> = columns.iter().map(|column| ColumnPlan::new(column, job)).collect();
        let fields: Vec<_> = columns.iter().map(|column| column.field()).collect();
        Self { columns, predicates: Vec::new(), cursor: None, schema: Arc::new(Schema::new(fields)) }
    }

    /// The plan of a source that declares nothing: whatever it brings, passes, but for the rules across columns.
    pub(crate) fn undeclared(schema: SchemaRef) -> Self {
        Self { columns: Vec::new(), predicates: Vec::new(), cursor: None, schema }
    }

    /// Every rule of the kind `references`, which needs its keys before the reading starts.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.columns.iter().flat_map(|column| &column.rules).filter_map(|rule| match rule {
            RulePlan::References { reference, .. } => Some(reference),
            _ => None,
        })
    }

    /// Gives the rule that `keys` are for its keys.
    pub fn refer(&mut self, keys: ReferenceKeys) {
        let given = Arc::new(keys);
        for rule in self.columns.iter_mut().flat_map(|column| &mut column.rules) {
            if let RulePlan::References { reference, keys } = rule
                && reference == given.reference()
            {
                *keys = Some(given.clone());
            }
        }
    }

    /// Adds a rule across columns.
    pub fn require(&mut self, predicate: Arc<dyn RowPredicate>) {
        self.predicates.push(predicate);
    }

    /// The type of the column `name`; `None` where there is none, or it is of a type that no schema has.
    pub fn type_of(&self, name: &str) -> Option<Type> {
        self.schema.field_with_name(name).ok().and_then(column_type)
    }

    /// Passes over rows whose `cursor` is at most `after`, and has the reading tell the greatest cursor. A row without a
    /// cursor would be loaded by each run or by none, so it is rejected.
    ///
    /// # Errors
    /// Where there is no such column, or `after` is not of its type.
    pub fn follow(&mut self, cursor: &str, after: Option<&Value>) -> Result<(), Failure> {
        let found = self.schema.column_with_name(cursor).and_then(|(index, field)| Some((index, column_type(field)?)));
        let Some((column, ty)) = found else {
            return Err(Failure::user(
                "no_cursor",
                format!("the source has no column {cursor:?} that can be a cursor"),
                "name a column of integers, decimals, dates, times, uuids or strings under incremental.cursor",
            ));
        };
        let after = after.map(|after| ColumnPlan::plain(cursor, ty).scalar(after));
        self.cursor = Some(CursorPlan { column, ty, after });
        self.predicates.push(Arc::new(HasCursor { column, sql: format!("{cursor} IS NOT NULL") }));
        Ok(())
    }

    /// The columns with the rule `unique`.
    pub fn unique_columns(&self) -> impl Iterator<Item = (&str, Type)> {
        self.columns.iter().filter(|column| column.is_unique).map(|column| (column.name.as_str(), column.ty))
    }
}

impl ColumnPlan {
    /// A column without rules.
    fn plain(name: &str, ty: Type) -> Self {
        Self {
            name: name.to_owned(),
            ty,
            format: ValueFormat::Standard,
            data_type: arrow_type(ty),
            rules: Vec::new(),
            is_unique: false,
        }
    }

    fn new(column: &Column, job: &JobSpec) -> Self {
        let mut plan = Self {
            name: column.name.clone(),
            ty: column.ty,
            format: column.format.clone(),
            data_type: arrow_type(column.ty),
            rules: Vec::new(),
            is_unique: column.rules.iter().any(|rule| matches!(rule, Rule::Unique)),
        };
        plan.rules = column.rules.iter().filter_map(|rule| plan.rule(rule, job)).collect();
        plan
    }

    /// Whether a row without a value breaks a rule.
    pub(crate) fn is_required(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule, RulePlan::Required))
    }

    /// The column as a field of a schema. It may always be null: `required` is a rule, judged row by row.
    fn field(&self) -> Field {
        let field = Field::new(&self.name, self.data_type.clone(), true);
        match self.ty {
            Type::Uuid | Type::Json => field.with_metadata(HashMap::from([(TYPE_KEY.to_owned(), self.ty.to_string())])),
            _ => field,
        }
    }

    fn rule(&self, rule: &Rule, job: &JobSpec) -> Option<RulePlan> {
        let value = |operand: &Operand| job.operand(operand, self.ty);
        Some(match rule {
            Rule::Unique => return None,
            Rule::References { lookup, column } => {
                let (lookup, key) = (lookup.clone(), column.clone());
                let reference = Reference { column: self.name.clone(), ty: self.ty, lookup, key };
                RulePlan::References { reference, keys: None }
            }
            Rule::Required => RulePlan::Required,
            Rule::Min { bound, exclusive } => {
                let value = value(bound);
                RulePlan::Min { bound: self.scalar(&value), exclusive: *exclusive, text: value.to_string() }
            }
            Rule::Max { bound, exclusive } => {
                let value = value(bound);
                RulePlan::Max { bound: self.scalar(&value), exclusive: *exclusive, text: value.to_string() }
            }
            Rule::Length { min, max } => RulePlan::Length { min: *min, max: *max },
            Rule::Pattern(regex) => RulePlan::Pattern(regex.clone()),
            Rule::OneOf(operands) => {
                let values: Vec<_> = operands.iter().map(value).collect();
                let text = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                if self.ty == Type::String {
                    RulePlan::OneOfTexts { texts: values.iter().map(ToString::to_string).collect(), text }
                } else {
                    RulePlan::OneOfValues { values: values.iter().map(|value| self.scalar(value)).collect(), text }
                }
            }
        })
    }

    /// A value as one of this column, made by the very code that makes a column of standard texts.
    pub(crate) fn scalar(&self, value: &Value) -> Scalar<ArrayRef> {
        let value = match value {
            // The sign of zero means nothing to a comparison, as in the column.
            Value::Float(number) => Value::Float(number + 0.0),
            other => other.clone(),
        };
        let text = value.to_string().into_bytes();
        Scalar::new(standard_column(0, self, std::iter::once(Cell::Text(text.into())), &mut BrokenCells::default()))
    }
}

/// The type that a schema gives a field of Arrow; `None` for one that no column can be declared as.
pub fn column_type(field: &Field) -> Option<Type> {
    Some(match field.data_type() {
        DataType::Boolean => Type::Boolean,
        DataType::Int16 => Type::Int16,
        DataType::Int32 => Type::Int32,
        DataType::Int64 => Type::Int64,
        DataType::Float32 => Type::Float32,
        DataType::Float64 => Type::Float64,
        DataType::Decimal128(precision, scale) => {
            Type::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
        }
        DataType::Utf8 => match field.metadata().get(TYPE_KEY).map(String::as_str) {
            Some("uuid") => Type::Uuid,
            Some("json") => Type::Json,
            _ => Type::String,
        },
        DataType::Binary => Type::Binary,
        DataType::Date32 => Type::Date,
        DataType::Timestamp(TimeUnit::Microsecond, None) => Type::Timestamp,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Type::TimestampTz,
        _ => return None,
    })
}

/// The Arrow type of a column's type.
pub(crate) fn arrow_type(ty: Type) -> DataType {
    match ty {
        Type::Boolean => DataType::Boolean,
        Type::Int16 => DataType::Int16,
        Type::Int32 => DataType::Int32,
        Type::Int64 => DataType::Int64,
        Type::Float32 => DataType::Float32,
        Type::Float64 => DataType::Float64,
        Type::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
        // Not a view: views keep whole blocks alive in sorts and aggregates, and are counted many times over.
        Type::String | Type::Uuid | Type::Json => DataType::Utf8,
        Type::Binary => DataType::Binary,
        Type::Date => DataType::Date32,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
    }
}
