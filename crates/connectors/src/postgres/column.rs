//! Columns that grow by values of COPY BINARY.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringArray, StringBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};

use super::encode::{EPOCH_DAYS, EPOCH_MICROS, INFINITE_DAYS, INFINITE_MICROS};
use super::numeric::Numeric;
use super::types::PgType;

/// A value that cannot be appended; a null is in its place where it is only unfit.
pub(super) enum Odd {
    /// What it is, and what is wrong.
    Unfit(String, String),
    Damaged,
}

/// A column that grows.
pub(super) enum Column {
    Bool(BooleanBuilder),
    Int2(PrimitiveBuilder<Int16Type>),
    Int4(PrimitiveBuilder<Int32Type>),
    Int8(PrimitiveBuilder<Int64Type>),
    Float4(PrimitiveBuilder<Float32Type>),
    Float8(PrimitiveBuilder<Float64Type>),
    Decimal(PrimitiveBuilder<Decimal128Type>, usize),
    /// A number without a bound, as its text.
    Number(StringBuilder),
    /// Its bytes are looked at as a whole at the end.
    Text(BinaryBuilder),
    /// The same, which the server filled up with spaces.
    Char(BinaryBuilder),
    Jsonb(BinaryBuilder),
    Uuid(StringBuilder),
    Bytea(BinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
}

/// Room for so many values is made at the start: a batch has no more rows.
const ROWS: usize = super::decode::BATCH_ROWS;

fn numbers<T: ArrowPrimitiveType>(data_type: &DataType) -> PrimitiveBuilder<T> {
    PrimitiveBuilder::with_capacity(ROWS).with_data_type(data_type.clone())
}

impl Column {
    /// An empty one, for values of the type `ty`.
    pub(super) fn new(data_type: &DataType, ty: PgType) -> Self {
        match (ty, data_type) {
            (PgType::Bool, _) => Self::Bool(BooleanBuilder::with_capacity(ROWS)),
            (PgType::Int2, _) => Self::Int2(numbers(data_type)),
            (PgType::Int4, _) => Self::Int4(numbers(data_type)),
            (PgType::Int8, _) => Self::Int8(numbers(data_type)),
            (PgType::Float4, _) => Self::Float4(numbers(data_type)),
            (PgType::Float8, _) => Self::Float8(numbers(data_type)),
            (PgType::Numeric(_), DataType::Decimal128(_, scale)) => {
                Self::Decimal(numbers(data_type), usize::from(scale.unsigned_abs()))
            }
            (PgType::Numeric(_), _) => Self::Number(StringBuilder::new()),
            (PgType::Uuid, _) => Self::Uuid(StringBuilder::new()),
            (PgType::Jsonb, _) => Self::Jsonb(BinaryBuilder::new()),
            (PgType::Bytea, _) => Self::Bytea(BinaryBuilder::new()),
            (PgType::Date, _) => Self::Date(numbers(data_type)),
            (PgType::Timestamp(_) | PgType::TimestampTz(_), _) => Self::Timestamp(numbers(data_type)),
            (PgType::Char(_), _) => Self::Char(BinaryBuilder::new()),
            (PgType::Text(_) | PgType::Json | PgType::Other, _) => Self::Text(BinaryBuilder::new()),
        }
    }

    /// Appends a value as it came; where it is unfit, a null in its place.
    #[inline]
    pub(super) fn append(&mut self, value: Option<&[u8]>) -> Result<(), Odd> {
        let Some(value) = value else {
            self.append_null();
            return Ok(());
        };
        match self {
            Self::Bool(column) => column.append_value(fixed::<1>(value)? != [0]),
            Self::Int2(column) => column.append_value(i16::from_be_bytes(fixed(value)?)),
            Self::Int4(column) => column.append_value(i32::from_be_bytes(fixed(value)?)),
            Self::Int8(column) => column.append_value(i64::from_be_bytes(fixed(value)?)),
            Self::Float4(column) => column.append_value(f32::from_be_bytes(fixed(value)?)),
            Self::Float8(column) => column.append_value(f64::from_be_bytes(fixed(value)?)),
            Self::Decimal(column, scale) => {
                let number = Numeric::read(value).ok_or(Odd::Damaged)?;
                let unscaled = number.unscaled(*scale);
                column.append_option(unscaled);
                if unscaled.is_none() {
                    return Err(Odd::Unfit(number.text(), "is no finite number".to_owned()));
                }
            }
            Self::Number(column) => column.append_value(Numeric::read(value).ok_or(Odd::Damaged)?.text()),
            Self::Text(column) | Self::Bytea(column) => column.append_value(value),
            Self::Char(column) => {
                let end = value.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
                column.append_value(&value[..end]);
            }
            Self::Jsonb(column) => match value.split_first() {
                Some((1, text)) => column.append_value(text),
                _ => return Err(Odd::Damaged),
            },
            Self::Uuid(column) => {
                let uuid = uuid::Uuid::from_bytes(fixed(value)?);
                column.append_value(&*uuid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
            }
            Self::Date(column) => {
                let days = i32::from_be_bytes(fixed(value)?);
                let is_finite = !INFINITE_DAYS.contains(&days);
                let since_1970 = days.checked_add(EPOCH_DAYS).filter(|_| is_finite);
                column.append_option(since_1970);
                ensure_finite(since_1970.is_some(), days > 0)?;
            }
            Self::Timestamp(column) => {
                let micros = i64::from_be_bytes(fixed(value)?);
                let is_finite = !INFINITE_MICROS.contains(&micros);
                let since_1970 = micros.checked_add(EPOCH_MICROS).filter(|_| is_finite);
                column.append_option(since_1970);
                ensure_finite(since_1970.is_some(), micros > 0)?;
            }
        }
        Ok(())
    }

    fn append_null(&mut self) {
        match self {
            Self::Bool(column) => column.append_null(),
            Self::Int2(column) => column.append_null(),
            Self::Int4(column) => column.append_null(),
            Self::Int8(column) => column.append_null(),
            Self::Float4(column) => column.append_null(),
            Self::Float8(column) => column.append_null(),
            Self::Decimal(column, _) => column.append_null(),
            Self::Number(column) | Self::Uuid(column) => column.append_null(),
            Self::Text(column) | Self::Char(column) | Self::Jsonb(column) | Self::Bytea(column) => column.append_null(),
            Self::Date(column) => column.append_null(),
            Self::Timestamp(column) => column.append_null(),
        }
    }

    /// The column so far; an error where texts are not UTF-8.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ()> {
        Ok(match self {
            Self::Bool(column) => Arc::new(column.finish()),
            Self::Int2(column) => Arc::new(column.finish()),
            Self::Int4(column) => Arc::new(column.finish()),
            Self::Int8(column) => Arc::new(column.finish()),
            Self::Float4(column) => Arc::new(column.finish()),
            Self::Float8(column) => Arc::new(column.finish()),
            Self::Decimal(column, _) => Arc::new(column.finish()),
            Self::Number(column) | Self::Uuid(column) => Arc::new(column.finish()),
            Self::Bytea(column) => Arc::new(column.finish()),
            Self::Text(column) | Self::Char(column) | Self::Jsonb(column) => {
                Arc::new(StringArray::try_from_binary(column.finish()).map_err(|_| ())?)
            }
            Self::Date(column) => Arc::new(column.finish()),
            Self::Timestamp(column) => Arc::new(column.finish()),
        })
    }
}

fn ensure_finite(is_finite: bool, is_positive: bool) -> Result<(), Odd> {
    if is_finite {
        return Ok(());
    }
    let text = if is_positive { "infinity" } else { "-infinity" };
    Err(Odd::Unfit(text.to_owned(), "is no day of the calendar".to_owned()))
}

#[inline]
fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], Odd> {
    value.try_into().map_err(|_| Odd::Damaged)
}
