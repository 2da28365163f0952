//! Typed columns from the texts of fields.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use chrono::NaiveDate;
use etlplus_core::Type;
use etlplus_core::value::{
    ParseError, parse_boolean, parse_date, parse_decimal, parse_float32, parse_float64, parse_integer, parse_timestamp,
    parse_timestamptz,
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

/// The column of `cells`, one cell a row. A cell that does not fit is null in the column and told to `broken`.
pub(crate) fn build_column<'a>(
    index: usize,
    plan: &ColumnPlan,
    cells: impl ExactSizeIterator<Item = Cell<'a>>,
    broken: &mut BrokenCells,
) -> ArrayRef {
    let sink = Sink { index, plan, broken };
    match plan.ty {
        Type::Boolean => booleans(cells, sink),
        Type::Int16 => sink.numbers::<Int16Type>(cells, integer),
        Type::Int32 => sink.numbers::<Int32Type>(cells, integer),
        Type::Int64 => sink.numbers::<Int64Type>(cells, |text| parse_integer(text, i64::MIN, i64::MAX)),
        Type::Float32 => sink.numbers::<Float32Type>(cells, parse_float32),
        Type::Float64 => sink.numbers::<Float64Type>(cells, parse_float64),
        Type::Decimal { precision, scale } => {
            sink.numbers::<Decimal128Type>(cells, move |text| parse_decimal(text, precision, scale))
        }
        Type::Date => sink.numbers::<Date32Type>(cells, |text| parse_date(text).map(days)),
        Type::Timestamp => sink.numbers::<TimestampMicrosecondType>(cells, |text| {
            parse_timestamp(text).map(|timestamp| timestamp.and_utc().timestamp_micros())
        }),
        Type::TimestampTz => sink.numbers::<TimestampMicrosecondType>(cells, |text| {
            parse_timestamptz(text).map(|instant| instant.timestamp_micros())
        }),
        Type::String => strings(cells, sink),
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
        self.wrong(row, format!("{error}, and the column is {}", self.plan.ty));
    }

    fn numbers<'a, T: ArrowPrimitiveType>(
        mut self,
        cells: impl ExactSizeIterator<Item = Cell<'a>>,
        parse: impl Fn(&[u8]) -> Result<T::Native, ParseError>,
    ) -> ArrayRef {
        let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.len()).with_data_type(self.plan.data_type.clone());
        for (row, cell) in cells.enumerate() {
            let value = match cell {
                Cell::Null => None,
                Cell::Text(text) => parse(&text).map_err(|error| self.unfit(row, error)).ok(),
                Cell::Wrong(message) => {
                    self.wrong(row, message);
                    None
                }
            };
            builder.append_option(value);
        }
        Arc::new(builder.finish())
    }
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

fn strings<'a>(cells: impl ExactSizeIterator<Item = Cell<'a>>, mut sink: Sink<'_>) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(cells.len(), 0);
    for (row, cell) in cells.enumerate() {
        match cell {
            Cell::Null => builder.append_null(),
            // The format has set records that are not UTF-8 apart; the second look costs little and trusts nobody.
            Cell::Text(text) => match simdutf8::basic::from_utf8(&text) {
                Ok(text) => builder.append_value(text),
                Err(_) => {
                    sink.wrong(row, "is not UTF-8".to_owned());
                    builder.append_null();
                }
            },
            Cell::Wrong(message) => {
                sink.wrong(row, message);
                builder.append_null();
            }
        }
    }
    Arc::new(builder.finish())
}

/// A whole number of a type narrower than `i64`.
fn integer<T: TryFrom<i64>>(text: &[u8]) -> Result<T, ParseError> {
    let value = parse_integer(text, i64::MIN, i64::MAX)?;
    T::try_from(value).map_err(|_| ParseError::OutOfRange)
}

/// Days since 1970-01-01, as Arrow counts them.
fn days(date: NaiveDate) -> i32 {
    Date32Type::from_naive_date(date)
}
