//! Typed columns from the texts of fields.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, NullBufferBuilder, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use chrono::NaiveDate;
use etlplus_core::Type;
use etlplus_core::value::{
    ParseError, check_json, parse_binary, parse_boolean, parse_date, parse_decimal, parse_float32, parse_float64,
    parse_integer, parse_timestamp, parse_timestamptz, parse_uuid, plain,
};

use super::{BrokenCells, ColumnPlan};

/// One field of one record.
pub(crate) enum Cell<'a> {
    /// No value.
    Null,
    /// A text that is to become a value.
    Text(Cow<'a, [u8]>),
    /// Something that can be no value of its column, with the reason.
    Wrong(String),
}

/// The column of `cells`, one cell a row, whose texts are as [`etlplus_core::Value::parse`] reads them. A cell that does not
/// fit is null in the column and told to `broken`.
pub(crate) fn standard_column<'a>(
    index: usize,
    plan: &ColumnPlan,
    cells: impl ExactSizeIterator<Item = Cell<'a>>,
    broken: &mut BrokenCells,
) -> ArrayRef {
    let sink = Sink { index, plan, broken };
    match plan.ty {
        Type::Boolean => booleans(cells, sink),
        Type::Int16 => sink.numbers::<Int16Type>(cells, |text| plain::integer(text)?.try_into().ok(), integer),
        Type::Int32 => sink.numbers::<Int32Type>(cells, |text| plain::integer(text)?.try_into().ok(), integer),
        Type::Int64 => sink.numbers::<Int64Type>(cells, plain::integer, integer),
        Type::Float32 => sink.numbers::<Float32Type>(cells, |_| None, parse_float32),
        Type::Float64 => sink.numbers::<Float64Type>(cells, plain::float64, parse_float64),
        Type::Decimal { precision, scale } => sink.numbers::<Decimal128Type>(
            cells,
            move |text| plain::decimal(text, precision, scale).map(i128::from),
            move |text| parse_decimal(text, precision, scale),
        ),
        Type::Date => sink.numbers::<Date32Type>(cells, plain::days, |text| parse_date(text).map(days)),
        Type::Timestamp => sink.numbers::<TimestampMicrosecondType>(cells, plain::timestamp_micros, |text| {
            parse_timestamp(text).map(|timestamp| timestamp.and_utc().timestamp_micros())
        }),
        Type::TimestampTz => sink.numbers::<TimestampMicrosecondType>(cells, plain::timestamptz_micros, |text| {
            parse_timestamptz(text).map(|instant| instant.timestamp_micros())
        }),
        Type::String => texts(cells, sink),
        Type::Uuid => texts(cells.map(|cell| canonical_uuid(cell, plan.ty)), sink),
        Type::Json => texts(cells.map(|cell| checked_json(cell, plan.ty)), sink),
        Type::Binary => binaries(cells, sink),
    }
}

/// Where the failures of one column go.
struct Sink<'a> {
    index: usize,
    plan: &'a ColumnPlan,
    broken: &'a mut BrokenCells,
}

impl Sink<'_> {
    fn wrong(&mut self, row: usize, message: String) {
        self.broken.push(row, self.index, "type", message);
    }

    fn unfit(&mut self, row: usize, error: ParseError) {
        self.wrong(row, unfit(error, self.plan.ty));
    }

    /// `plain` reads what nearly all texts are, and `strict` the others.
    fn numbers<'a, T: ArrowPrimitiveType>(
        mut self,
        cells: impl ExactSizeIterator<Item = Cell<'a>>,
        plain: impl Fn(&[u8]) -> Option<T::Native>,
        strict: impl Fn(&[u8]) -> Result<T::Native, ParseError>,
    ) -> ArrayRef {
        let mut values = Vec::with_capacity(cells.len());
        let mut nulls = NullBufferBuilder::new(cells.len());
        for (row, cell) in cells.enumerate() {
            let value = match cell {
                Cell::Null => None,
                Cell::Text(text) => match plain(&text) {
                    None => strict(&text).map_err(|error| self.unfit(row, error)).ok(),
                    value => value,
                },
                Cell::Wrong(message) => {
                    self.wrong(row, message);
                    None
                }
            };
            match value {
                Some(_) => nulls.append_non_null(),
                None => nulls.append_null(),
            }
            values.push(value.unwrap_or_default());
        }
        let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls.finish());
        Arc::new(array.with_data_type(self.plan.data_type.clone()))
    }
}

/// Why a text is no value of its column.
fn unfit(error: ParseError, ty: Type) -> String {
    format!("{error}, and the column is {ty}")
}

fn booleans<'a>(cells: impl ExactSizeIterator<Item = Cell<'a>>, mut sink: Sink<'_>) -> ArrayRef {
    let mut builder = BooleanBuilder::with_capacity(cells.len());
    for (row, cell) in cells.enumerate() {
        let value = match cell {
            Cell::Null => None,
            Cell::Text(text) => parse_boolean(&text).map_err(|error| sink.unfit(row, error)).ok(),
            Cell::Wrong(message) => {
                sink.wrong(row, message);
                None
            }
        };
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

/// A UUID as its text in lower case with hyphens.
fn canonical_uuid(cell: Cell<'_>, ty: Type) -> Cell<'_> {
    let Cell::Text(text) = cell else { return cell };
    match parse_uuid(&text) {
        Ok(uuid) => Cell::Text(Cow::Owned(uuid.hyphenated().to_string().into_bytes())),
        Err(error) => Cell::Wrong(unfit(error, ty)),
    }
}

fn checked_json(cell: Cell<'_>, ty: Type) -> Cell<'_> {
    match cell {
        Cell::Text(text) => match check_json(&text) {
            Ok(()) => Cell::Text(text),
            Err(error) => Cell::Wrong(unfit(error, ty)),
        },
        other => other,
    }
}

/// Texts, one after another in one buffer.
fn texts<'a>(cells: impl ExactSizeIterator<Item = Cell<'a>>, mut sink: Sink<'_>) -> ArrayRef {
    let mut bytes = Vec::new();
    let mut offsets = Vec::with_capacity(cells.len() + 1);
    let mut nulls = NullBufferBuilder::new(cells.len());
    offsets.push(0);
    for (row, cell) in cells.enumerate() {
        match cell {
            Cell::Text(text) => {
                bytes.extend_from_slice(&text);
                nulls.append_non_null();
            }
            Cell::Null => nulls.append_null(),
            Cell::Wrong(message) => {
                sink.wrong(row, message);
                nulls.append_null();
            }
        }
        // A block is far smaller than the 2 GiB that an offset can say.
        offsets.push(bytes.len() as i32);
    }
    let (offsets, bytes, nulls) = (OffsetBuffer::new(offsets.into()), Buffer::from_vec(bytes), nulls.finish());
    // One look at all texts together. The format has set records that are not UTF-8 apart; this trusts nobody.
    match StringArray::try_new(offsets.clone(), bytes.clone(), nulls.clone()) {
        Ok(array) => Arc::new(array),
        Err(_) => Arc::new(utf8_texts(&offsets, &bytes, nulls.as_ref(), sink)),
    }
}

/// Those of the texts that are UTF-8.
fn utf8_texts(
    offsets: &OffsetBuffer<i32>,
    bytes: &[u8],
    nulls: Option<&NullBuffer>,
    mut sink: Sink<'_>,
) -> StringArray {
    let texts = offsets.windows(2).enumerate().map(|(row, ends)| {
        let bytes = &bytes[ends[0] as usize..ends[1] as usize];
        let text = simdutf8::basic::from_utf8(bytes).ok();
        if text.is_none() {
            sink.wrong(row, "is not UTF-8".to_owned());
        }
        text.filter(|_| nulls.is_none_or(|nulls| nulls.is_valid(row)))
    });
    texts.collect()
}

fn binaries<'a>(cells: impl ExactSizeIterator<Item = Cell<'a>>, mut sink: Sink<'_>) -> ArrayRef {
    let mut builder = BinaryBuilder::with_capacity(cells.len(), 0);
    for (row, cell) in cells.enumerate() {
        let value = match cell {
            Cell::Null => None,
            Cell::Text(text) => parse_binary(&text).map_err(|error| sink.unfit(row, error)).ok(),
            Cell::Wrong(message) => {
                sink.wrong(row, message);
                None
            }
        };
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

/// A whole number of a type that is no wider than `i64`.
fn integer<T: TryFrom<i64>>(text: &[u8]) -> Result<T, ParseError> {
    let value = parse_integer(text, i64::MIN, i64::MAX)?;
    T::try_from(value).map_err(|_| ParseError::OutOfRange)
}

/// Days since 1970-01-01, as Arrow counts them.
fn days(date: NaiveDate) -> i32 {
    Date32Type::from_naive_date(date)
}
