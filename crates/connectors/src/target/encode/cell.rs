//! The text of single values. The types that most columns have are written straight; the text is the one that Arrow's own
//! formatter gives, to which all others are left.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, PrimitiveArray, StringArray,
    TimestampMicrosecondArray, cast::AsArray,
};
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{Datelike, NaiveDate};

const FORMAT: FormatOptions<'static> = FormatOptions::new().with_display_error(false);
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// The values of a column.
pub(in crate::target) struct Cells<'a> {
    array: &'a ArrayRef,
    values: Values<'a>,
}

enum Values<'a> {
    Text(&'a StringArray),
    Boolean(&'a BooleanArray),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Decimal {
        array: &'a Decimal128Array,
        scale: usize,
        /// The first number that has more digits than the type.
        end: i128,
    },
    Date(&'a Date32Array),
    Timestamp {
        array: &'a TimestampMicrosecondArray,
        /// What follows the time of day.
        zone: &'static str,
    },
    Other(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    pub(in crate::target) fn of(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        let values = match array.data_type() {
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Int16 => Values::Int16(array.as_primitive()),
            DataType::Int32 => Values::Int32(array.as_primitive()),
            DataType::Int64 => Values::Int64(array.as_primitive()),
            DataType::Decimal128(precision, scale @ 0..) => Values::Decimal {
                array: array.as_primitive(),
                scale: usize::from(scale.unsigned_abs()),
                end: 10i128.saturating_pow(u32::from(*precision)),
            },
            DataType::Date32 => Values::Date(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Values::Timestamp { array: array.as_primitive(), zone: "" }
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if matches!(&**zone, "UTC" | "+00:00") => {
                Values::Timestamp { array: array.as_primitive(), zone: "Z" }
            }
            _ => Values::Other(ArrayFormatter::try_new(array.as_ref(), &FORMAT)?),
        };
        Ok(Self { array, values })
    }

    /// The text of a value that is there. `scratch` may hold it.
    pub(in crate::target) fn text<'t>(&'t self, row: usize, scratch: &'t mut String) -> Result<&'t str, ArrowError> {
        scratch.clear();
        let is_written = match &self.values {
            Values::Text(array) => return Ok(array.value(row)),
            Values::Boolean(array) => return Ok(if array.value(row) { "true" } else { "false" }),
            Values::Int16(array) => push_integer(array.value(row).into(), scratch),
            Values::Int32(array) => push_integer(array.value(row).into(), scratch),
            Values::Int64(array) => push_integer(array.value(row), scratch),
            Values::Decimal { array, scale, end } => push_decimal(array.value(row), *scale, *end, scratch),
            Values::Date(array) => push_date(array.value(row).into(), scratch),
            Values::Timestamp { array, zone } => push_timestamp(array.value(row), zone, scratch),
            Values::Other(formatter) => {
                formatter.value(row).write(scratch)?;
                true
            }
        };
        if !is_written {
            scratch.clear();
            let value = in_utc_by_offset(&self.array.slice(row, 1));
            ArrayFormatter::try_new(value.as_ref(), &FORMAT)?.value(0).write(scratch)?;
        }
        Ok(scratch)
    }
}

/// Times of the zone that is named UTC as those of the zone that is no hours from it: the names of zones are known to Arrow
/// only where it is built with them.
pub(super) fn in_utc_by_offset(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
            let times: &TimestampMicrosecondArray = array.as_primitive();
            Arc::new(times.clone().with_timezone("+00:00"))
        }
        _ => array.clone(),
    }
}

fn push_integer(value: i64, out: &mut String) -> bool {
    if value < 0 {
        out.push('-');
    }
    push_digits(value.unsigned_abs(), 1, out);
    true
}

/// Appends a number with leading zeros up to `width` digits, which is at most 20.
fn push_digits(mut value: u64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while value > 0 || digits.len() - start < width {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

/// False for numbers that are not written straight: very large ones, and those that are too large for their type.
fn push_decimal(value: i128, scale: usize, end: i128, out: &mut String) -> bool {
    let (Ok(digits), true) = (u64::try_from(value.unsigned_abs()), value.unsigned_abs() < end.unsigned_abs()) else {
        return false;
    };
    if scale > 18 {
        return false;
    }
    if value < 0 {
        out.push('-');
    }
    let unit = 10u64.pow(scale as u32);
    push_digits(digits / unit, 1, out);
    if scale > 0 {
        out.push('.');
        push_digits(digits % unit, scale, out);
    }
    true
}

/// False for years that do not have four digits.
fn push_date(days: i64, out: &mut String) -> bool {
    const DAYS_TO_1970: i64 = 719_163;
    let date = i32::try_from(days + DAYS_TO_1970).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
    let Some(date) = date.filter(|date| (0..=9999).contains(&date.year())) else { return false };
    push_digits(date.year().unsigned_abs().into(), 4, out);
    out.push('-');
    push_digits(date.month().into(), 2, out);
    out.push('-');
    push_digits(date.day().into(), 2, out);
    true
}

fn push_timestamp(micros: i64, zone: &str, out: &mut String) -> bool {
    if !push_date(micros.div_euclid(DAY_MICROS), out) {
        return false;
    }
    let micros = micros.rem_euclid(DAY_MICROS).unsigned_abs();
    let seconds = micros / 1_000_000;
    for (before, part) in [('T', seconds / 3600), (':', seconds / 60 % 60), (':', seconds % 60)] {
        out.push(before);
        push_digits(part, 2, out);
    }
    match micros % 1_000_000 {
        0 => {}
        fraction if fraction % 1000 == 0 => {
            out.push('.');
            push_digits(fraction / 1000, 3, out);
        }
        fraction => {
            out.push('.');
            push_digits(fraction, 6, out);
        }
    }
    out.write_str(zone).is_ok()
}
