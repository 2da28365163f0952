//! Rows as arguments of a statement.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, StringBuilder,
    cast::AsArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use etlplus_core::Failure;
use sqlx::sqlite::SqliteArguments;

use super::create::Storage;
use crate::failure::arrow_failure;
use crate::sqlite::database::add;

/// The longest text that shows a row.
const SHOWN_MAX_CHARS: usize = 500;

/// The rows of a batch, in the kinds of values that SQLite has.
pub(super) struct StoredRows {
    columns: Vec<(String, Stored)>,
    rows: usize,
}

/// A column in one of the kinds of values that SQLite has.
enum Stored {
    Flags(BooleanArray),
    Integers(Int64Array),
    Reals(Float64Array),
    Texts(StringArray),
    Blobs(BinaryArray),
}

impl StoredRows {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, Failure> {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, array)| Ok((field.name().clone(), stored(field.name(), array)?)));
        Ok(Self { columns: columns.collect::<Result<_, Failure>>()?, rows: batch.num_rows() })
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The values of some rows, row by row.
    pub(super) fn arguments(&self, rows: std::ops::Range<usize>) -> SqliteArguments {
        let mut arguments = SqliteArguments::default();
        sqlx::Arguments::reserve(&mut arguments, rows.len() * self.columns.len(), 0);
        for row in rows {
            for (_, column) in &self.columns {
                column.push(row, &mut arguments);
            }
        }
        arguments
    }

    /// The first row that has no value in one of `columns`.
    pub(super) fn first_null(&self, columns: &[usize]) -> Option<(usize, &str)> {
        let nulls = columns.iter().filter_map(|column| {
            let (name, values) = &self.columns[*column];
            let values = values.array();
            let row = (0..values.len()).find(|row| values.is_null(*row))?;
            Some((row, name.as_str()))
        });
        nulls.min()
    }

    /// A row as a person reads it: `id=5, name='a'`.
    pub(super) fn shown(&self, row: usize) -> String {
        let values = self.columns.iter().map(|(name, column)| format!("{name}={}", column.shown(row)));
        let text = values.collect::<Vec<_>>().join(", ");
        match text.char_indices().nth(SHOWN_MAX_CHARS) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text,
        }
    }
}

impl Stored {
    fn array(&self) -> &dyn Array {
        match self {
            Self::Flags(array) => array,
            Self::Integers(array) => array,
            Self::Reals(array) => array,
            Self::Texts(array) => array,
            Self::Blobs(array) => array,
        }
    }

    fn push(&self, row: usize, arguments: &mut SqliteArguments) {
        match self {
            _ if self.array().is_null(row) => add(arguments, None::<i64>),
            Self::Flags(array) => add(arguments, i64::from(array.value(row))),
            Self::Integers(array) => add(arguments, array.value(row)),
            Self::Reals(array) => add(arguments, array.value(row)),
            // One allocation; a `String` would take two.
            Self::Texts(array) => add(arguments, Arc::<str>::from(array.value(row))),
            Self::Blobs(array) => add(arguments, array.value(row).to_vec()),
        }
    }

    fn shown(&self, row: usize) -> String {
        match self {
            _ if self.array().is_null(row) => "NULL".to_owned(),
            Self::Flags(array) => u8::from(array.value(row)).to_string(),
            Self::Integers(array) => array.value(row).to_string(),
            Self::Reals(array) => array.value(row).to_string(),
            Self::Texts(array) => format!("{:?}", array.value(row)),
            Self::Blobs(array) => format!("{} bytes", array.value(row).len()),
        }
    }
}

fn stored(name: &str, array: &ArrayRef) -> Result<Stored, Failure> {
    let as_type = |data_type: &DataType| {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(array, data_type, &options).map_err(arrow_failure)
    };
    Ok(match (Storage::of(array.data_type()), array.data_type()) {
        (_, DataType::Boolean) => Stored::Flags(array.as_boolean().clone()),
        (_, DataType::Date32) => Stored::Texts(dates(name, array)?),
        (_, DataType::Timestamp(unit, zone)) => Stored::Texts(times(name, array, *unit, zone.is_some())?),
        (Some(Storage::Integer), DataType::UInt64) => Stored::Integers(unsigned(name, array)?),
        (Some(Storage::Integer), _) => Stored::Integers(as_type(&DataType::Int64)?.as_primitive::<Int64Type>().clone()),
        (Some(Storage::Real), _) => {
            let reals = as_type(&DataType::Float64)?.as_primitive::<Float64Type>().clone();
            refuse_nan(name, &reals)?;
            Stored::Reals(reals)
        }
        (Some(Storage::Text), _) => Stored::Texts(as_type(&DataType::Utf8)?.as_string::<i32>().clone()),
        (Some(Storage::Blob), _) => Stored::Blobs(as_type(&DataType::Binary)?.as_binary::<i32>().clone()),
        (None, data_type) => return Err(Failure::bug(format!("column {name} of type {data_type} was not refused"))),
    })
}

/// SQLite would store NULL for it, and lose a value in silence.
fn refuse_nan(name: &str, reals: &Float64Array) -> Result<(), Failure> {
    if reals.iter().flatten().any(f64::is_nan) {
        return Err(Failure::data(
            "not_finite",
            format!("column {name:?} holds NaN, which SQLite cannot"),
            "guard the calculation in SQL, for example with NULLIF on a divisor",
        ));
    }
    Ok(())
}

fn unsigned(name: &str, array: &ArrayRef) -> Result<Int64Array, Failure> {
    let numbers = array.as_primitive::<arrow::datatypes::UInt64Type>().iter();
    let number = |number: Option<u64>| number.map(i64::try_from).transpose();
    numbers.map(number).collect::<Result<_, _>>().map_err(|_| beyond(name, "an integer of SQLite"))
}

fn dates(name: &str, array: &ArrayRef) -> Result<StringArray, Failure> {
    let days = array.as_primitive::<Date32Type>();
    let mut texts = StringBuilder::with_capacity(days.len(), days.len() * 10);
    for day in days {
        match day.map(|day| Date32Type::to_naive_date_opt(day).filter(|date| is_four_digits(date.year()))) {
            None => texts.append_null(),
            Some(Some(date)) => texts.append_value(date.to_string()),
            Some(None) => return Err(beyond(name, "a date with a year of four digits")),
        }
    }
    Ok(texts.finish())
}

fn times(name: &str, array: &ArrayRef, unit: TimeUnit, has_zone: bool) -> Result<StringArray, Failure> {
    let time: Box<dyn Fn(usize) -> Option<DateTime<Utc>> + '_> = match unit {
        TimeUnit::Second => {
            let values = array.as_primitive::<TimestampSecondType>();
            Box::new(|row| DateTime::from_timestamp_secs(values.value(row)))
        }
        TimeUnit::Millisecond => {
            let values = array.as_primitive::<TimestampMillisecondType>();
            Box::new(|row| DateTime::from_timestamp_millis(values.value(row)))
        }
        TimeUnit::Microsecond => {
            let values = array.as_primitive::<TimestampMicrosecondType>();
            Box::new(|row| DateTime::from_timestamp_micros(values.value(row)))
        }
        TimeUnit::Nanosecond => {
            let values = array.as_primitive::<TimestampNanosecondType>();
            Box::new(|row| Some(DateTime::from_timestamp_nanos(values.value(row))))
        }
    };
    let decimals = match unit {
        TimeUnit::Second => SecondsFormat::Secs,
        TimeUnit::Millisecond => SecondsFormat::Millis,
        TimeUnit::Microsecond => SecondsFormat::Micros,
        TimeUnit::Nanosecond => SecondsFormat::Nanos,
    };
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 27);
    for row in 0..array.len() {
        if array.is_null(row) {
            texts.append_null();
            continue;
        }
        let Some(time) = time(row).filter(|time| is_four_digits(time.year())) else {
            return Err(beyond(name, "a time with a year of four digits"));
        };
        let text = time.to_rfc3339_opts(decimals, true);
        texts.append_value(if has_zone { &text } else { text.trim_end_matches('Z') });
    }
    Ok(texts.finish())
}

fn is_four_digits(year: i32) -> bool {
    (0..=9999).contains(&year)
}

fn beyond(name: &str, what: &str) -> Failure {
    Failure::data(
        "out_of_range",
        format!("column {name:?} holds a value that is not {what}"),
        "reject such rows by a rule of the schema",
    )
}
