//! A job's columns and rules, ready to be applied to whole columns.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Scalar};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use etlplus_core::pipeline::{Column, JobSpec, Operand, Rule};
use etlplus_core::{Type, Value};
use regex::Regex;

use super::{BrokenCells, Cell, build_column};

/// The time zone of every `timestamptz`, as Arrow names it.
const UTC: &str = "UTC";

/// What every row of a source has to keep.
#[derive(Debug)]
pub(crate) struct CheckPlan {
    /// The declared columns, in order.
    pub(crate) columns: Vec<ColumnPlan>,
    /// The same as Arrow has it. Every field may be null: `required` is a rule, judged row by row.
    pub(crate) schema: SchemaRef,
}

/// One column, with the values of its rules known.
#[derive(Debug)]
pub(crate) struct ColumnPlan {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) data_type: DataType,
    pub(crate) rules: Vec<RulePlan>,
    pub(crate) is_unique: bool,
}

/// A rule with its values known. `unique` is none of them, since it needs all earlier rows.
#[derive(Debug)]
pub(crate) enum RulePlan {
    Required,
    Min { bound: Scalar<ArrayRef>, exclusive: bool, text: String },
    Max { bound: Scalar<ArrayRef>, exclusive: bool, text: String },
    Length { min: Option<u64>, max: Option<u64> },
    Pattern(Regex),
    OneOfTexts { texts: HashSet<String>, text: String },
    OneOfValues { values: Vec<Scalar<ArrayRef>>, text: String },
}

impl CheckPlan {
    /// The plan of `columns` in `job`.
    pub(crate) fn new(columns: &[Column], job: &JobSpec) -> Self {
        let columns: Vec<_> = columns.iter().map(|column| ColumnPlan::new(column, job)).collect();
        let fields: Vec<_> =
            columns.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true)).collect();
        Self { columns, schema: Arc::new(Schema::new(fields)) }
    }

    /// The plan of a source that declares nothing: whatever it brings, passes.
    pub(crate) fn undeclared(schema: SchemaRef) -> Self {
        Self { columns: Vec::new(), schema }
    }
}

impl ColumnPlan {
    fn new(column: &Column, job: &JobSpec) -> Self {
        let mut plan = Self {
            name: column.name.clone(),
            ty: column.ty,
            data_type: arrow_type(column.ty),
            rules: Vec::new(),
            is_unique: column.rules.iter().any(|rule| matches!(rule, Rule::Unique)),
        };
        plan.rules = column.rules.iter().filter_map(|rule| plan.rule(rule, job)).collect();
        plan
    }

    fn rule(&self, rule: &Rule, job: &JobSpec) -> Option<RulePlan> {
        let value = |operand: &Operand| job.operand(operand, self.ty);
        Some(match rule {
            Rule::Unique => return None,
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

    /// A value as one of this column, made by the very code that makes the column.
    fn scalar(&self, value: &Value) -> Scalar<ArrayRef> {
        let value = match value {
            // The sign of zero means nothing to a comparison, as in the column.
            Value::Float(number) => Value::Float(number + 0.0),
            other => other.clone(),
        };
        let text = value.to_string().into_bytes();
        Scalar::new(build_column(0, self, std::iter::once(Cell::Text(text.into())), &mut BrokenCells::default()))
    }
}

/// The Arrow type of a column's type.
fn arrow_type(ty: Type) -> DataType {
    match ty {
        Type::Boolean => DataType::Boolean,
        Type::Int16 => DataType::Int16,
        Type::Int32 => DataType::Int32,
        Type::Int64 => DataType::Int64,
        Type::Float32 => DataType::Float32,
        Type::Float64 => DataType::Float64,
        Type::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
        // Not a view: views keep whole blocks alive in sorts and aggregates, and are counted many times over.
        Type::String => DataType::Utf8,
        Type::Date => DataType::Date32,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
    }
}
