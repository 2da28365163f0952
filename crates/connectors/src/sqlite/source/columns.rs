//! Typed columns from values that each have a kind of their own: exactly, or as a broken cell.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow::datatypes::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type};
use etlplus_core::Type;
use etlplus_core::pipeline::{TimeNotation, ValueFormat};
use uuid::Uuid;

use super::block::{Block, Raw};
use crate::check::{BrokenCells, Cell, ColumnPlan, build_column};

/// The first whole number that an `i64` cannot hold, as a real.
const BEYOND_INTEGERS: f64 = 9_223_372_036_854_775_808.0;

/// Column `column` of `block` as `plan` declares it; `index` is its number in `broken`, to which is told of each value that
/// does not fit.
pub(in crate::sqlite) fn typed_column(
    index: usize,
    plan: &ColumnPlan,
    block: &Block,
    column: usize,
    broken: &mut BrokenCells,
) -> ArrayRef {
    let mut typing = Typing { index, plan, block, values: block.column(column), broken };
    match plan.ty {
        // A declared notation is one of texts, and is read where all texts are.
        _ if plan.format != ValueFormat::Standard => typing.texts(),
        Type::Int16 => typing.numbers::<Int16Type>(integer),
        Type::Int32 => typing.numbers::<Int32Type>(integer),
        Type::Int64 => typing.numbers::<Int64Type>(integer),
        Type::Float32 => typing.numbers::<Float32Type>(float32),
        Type::Float64 => typing.numbers::<Float64Type>(float64),
        Type::Boolean => typing.booleans(),
        Type::String => typing.strings(),
        Type::Binary => typing.binaries(),
        _ => typing.texts(),
    }
}

struct Typing<'a> {
    index: usize,
    plan: &'a ColumnPlan,
    block: &'a Block,
    values: &'a [Raw],
    broken: &'a mut BrokenCells,
}

/// Why a value is none of its column's.
enum Unfit {
    /// It is of another kind.
    Kind,
    /// It is of a kind that could do.
    Value(&'static str),
}

impl Typing<'_> {
    fn unfit(&mut self, row: usize, why: &Unfit) {
        let what = match why {
            Unfit::Kind => kind(self.values[row]),
            Unfit::Value(what) => what,
        };
        self.broken.push(row, self.index, "type", format!("{what}, and the column is {}", self.plan.ty));
    }

    fn numbers<T: ArrowPrimitiveType>(&mut self, number: impl Fn(Raw) -> Result<T::Native, Unfit>) -> ArrayRef {
        let data_type = self.plan.data_type.clone();
        let mut builder = PrimitiveBuilder::<T>::with_capacity(self.values.len()).with_data_type(data_type);
        for (row, value) in self.values.iter().enumerate() {
            match (value, number(*value)) {
                (Raw::Null, _) => builder.append_null(),
                (_, Ok(number)) => builder.append_value(number),
                (_, Err(why)) => {
                    self.unfit(row, &why);
                    builder.append_null();
                }
            }
        }
        Arc::new(builder.finish())
    }

    fn booleans(&mut self) -> ArrayRef {
        let mut builder = BooleanBuilder::with_capacity(self.values.len());
        for (row, value) in self.values.iter().enumerate() {
            let flag = match value {
                Raw::Null => Ok(None),
                Raw::Integer(number @ (0 | 1)) => Ok(Some(*number == 1)),
                Raw::Integer(_) => Err(Unfit::Value("is an integer other than 0 and 1")),
                _ => Err(Unfit::Kind),
            };
            builder.append_option(flag.unwrap_or_else(|why| {
                self.unfit(row, &why);
                None
            }));
        }
        Arc::new(builder.finish())
    }

    fn strings(&mut self) -> ArrayRef {
        let mut builder = StringBuilder::with_capacity(self.values.len(), 0);
        let block = self.block;
        for (row, value) in self.values.iter().enumerate() {
            let text = match value {
                Raw::Null => Ok(None),
                Raw::Text(span) => simdutf8::basic::from_utf8(block.bytes(*span))
                    .map(Some)
                    .map_err(|_| Unfit::Value("has bytes that are not UTF-8")),
                _ => Err(Unfit::Kind),
            };
            builder.append_option(text.unwrap_or_else(|why| {
                self.unfit(row, &why);
                None
            }));
        }
        Arc::new(builder.finish())
    }

    fn binaries(&mut self) -> ArrayRef {
        let mut builder = BinaryBuilder::with_capacity(self.values.len(), 0);
        let block = self.block;
        for (row, value) in self.values.iter().enumerate() {
            match value {
                Raw::Null => builder.append_null(),
                Raw::Blob(span) => builder.append_value(block.bytes(*span)),
                _ => {
                    self.unfit(row, &Unfit::Kind);
                    builder.append_null();
                }
            }
        }
        Arc::new(builder.finish())
    }

    /// Values that are read from texts, and numbers that have an exact text.
    fn texts(&mut self) -> ArrayRef {
        let (plan, block) = (self.plan, self.block);
        build_column(self.index, plan, self.values.iter().map(|value| cell(*value, block, plan)), self.broken)
    }
}

fn integer<T: TryFrom<i64>>(value: Raw) -> Result<T, Unfit> {
    let number = match value {
        Raw::Integer(number) => number,
        Raw::Real(number) if number.fract() == 0.0 && (-BEYOND_INTEGERS..BEYOND_INTEGERS).contains(&number) => {
            number as i64
        }
        Raw::Real(_) => return Err(Unfit::Value("is a real that is no whole number of the type")),
        _ => return Err(Unfit::Kind),
    };
    T::try_from(number).map_err(|_| Unfit::Value("is beyond the range of the type"))
}

fn float64(value: Raw) -> Result<f64, Unfit> {
    match value {
        Raw::Real(number) if number.is_finite() => Ok(number),
        Raw::Real(_) => Err(Unfit::Value("is infinity, which is no number")),
        // An integer beyond 2^53 need not be a real. The cast saturates at the end of the range, so that is looked at too.
        Raw::Integer(number) if (number as f64) < BEYOND_INTEGERS && number as f64 as i64 == number => {
            Ok(number as f64)
        }
        Raw::Integer(_) => Err(Unfit::Value("is an integer that is no real without loss")),
        _ => Err(Unfit::Kind),
    }
}

fn float32(value: Raw) -> Result<f32, Unfit> {
    let number = float64(value)?;
    let narrow = number as f32;
    if f64::from(narrow) == number { Ok(narrow) } else { Err(Unfit::Value("does not fit without loss")) }
}

fn cell<'a>(value: Raw, block: &'a Block, plan: &ColumnPlan) -> Cell<'a> {
    let owned = |text: String| Cell::Text(Cow::Owned(text.into_bytes()));
    let wrong = || Cell::Wrong(format!("{}, and the column is {}", kind(value), plan.ty));
    let is_number = matches!(
        plan.ty,
        Type::Int16 | Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 | Type::Decimal { .. }
    );
    // JSON has numbers, and a count of seconds is a time.
    let takes_numbers = is_number || plan.ty == Type::Json || is_epoch(&plan.format);
    match value {
        Raw::Null => Cell::Null,
        // Decimals have no other exact form in SQLite than texts.
        Raw::Text(span) if plan.ty != Type::Binary => Cell::Text(Cow::Borrowed(block.bytes(span))),
        Raw::Integer(number) if takes_numbers => owned(number.to_string()),
        Raw::Real(number) if takes_numbers && number.is_finite() => owned(real_text(number, &plan.format)),
        Raw::Real(_) if takes_numbers => Cell::Wrong("is infinity, which is no number".to_owned()),
        Raw::Blob(span) if plan.ty == Type::Uuid => match Uuid::from_slice(block.bytes(span)) {
            Ok(uuid) => owned(uuid.to_string()),
            Err(_) => Cell::Wrong("is a blob of other than 16 bytes, and the column is uuid".to_owned()),
        },
        _ => wrong(),
    }
}

/// The shortest text that is this real and no other, in the notation of the column.
fn real_text(number: f64, format: &ValueFormat) -> String {
    let text = number.to_string();
    match format {
        ValueFormat::Number { decimal, .. } => text.replace('.', &char::from(*decimal).to_string()),
        ValueFormat::Standard | ValueFormat::Time { .. } => text,
    }
}

fn is_epoch(format: &ValueFormat) -> bool {
    use TimeNotation::{EpochMicros, EpochMillis, EpochSeconds};
    matches!(format, ValueFormat::Time { notation: EpochSeconds | EpochMillis | EpochMicros, .. })
}

fn kind(value: Raw) -> &'static str {
    match value {
        Raw::Null => "has no value",
        Raw::Integer(_) => "is an integer",
        Raw::Real(_) => "is a real",
        Raw::Text(_) => "is a text",
        Raw::Blob(_) => "is a blob",
    }
}
