//! Columns whose texts are in a notation of their own.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveBuilder};
use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use etlplus_core::Type;
use etlplus_core::pipeline::{TimeNotation, ValueFormat};
use etlplus_core::value::{
    ParseError, TimeFormat, local_instant, parse_date, parse_epoch, parse_timestamp, parse_timestamptz, standard_number,
};

use super::columns::{Cell, standard_column};
use super::{BrokenCells, ColumnPlan};

/// The column of `cells`, one cell a row, whose texts are in the notation of the column. A cell that does not fit is null in
/// the column and told to `broken`.
pub(crate) fn build_column<'a>(
    index: usize,
    plan: &ColumnPlan,
    cells: impl ExactSizeIterator<Item = Cell<'a>>,
    broken: &mut BrokenCells,
) -> ArrayRef {
    match &plan.format {
        ValueFormat::Standard => standard_column(index, plan, cells, broken),
        ValueFormat::Number { decimal, thousands } => {
            let cells = cells.map(|cell| in_standard(cell, plan.ty, *decimal, *thousands));
            standard_column(index, plan, cells, broken)
        }
        ValueFormat::Time { notation, zone } => {
            let reader = TimeReader::new(notation, *zone);
            let sink = Sink { index, plan, broken };
            match plan.ty {
                Type::Date => {
                    sink.times::<Date32Type>(cells, |text| reader.date(text).map(Date32Type::from_naive_date))
                }
                Type::Timestamp => sink.times::<TimestampMicrosecondType>(cells, |text| {
                    reader.timestamp(text).map(|time| time.and_utc().timestamp_micros())
                }),
                _ => sink.times::<TimestampMicrosecondType>(cells, |text| {
                    reader.instant(text).map(|instant| instant.timestamp_micros())
                }),
            }
        }
    }
}

/// A number of a source that has numbers of its own, as a text in the notation of its column. `text` has a decimal point.
pub(crate) fn number_text<'a>(text: &'a [u8], format: &ValueFormat) -> Cow<'a, [u8]> {
    match format {
        ValueFormat::Number { decimal, .. } if *decimal != b'.' => {
            text.iter().map(|byte| if *byte == b'.' { *decimal } else { *byte }).collect::<Vec<_>>().into()
        }
        _ => text.into(),
    }
}

fn in_standard(cell: Cell<'_>, ty: Type, decimal: u8, thousands: Option<u8>) -> Cell<'_> {
    let Cell::Text(text) = cell else { return cell };
    match standard_number(&text, decimal, thousands) {
        Ok(number) => Cell::Text(number.into()),
        Err(error) => Cell::Wrong(format!("{error}, and the column is {ty}")),
    }
}

/// Reads the times of one column.
struct TimeReader<'a> {
    form: Form<'a>,
    zone: Option<Tz>,
}

enum Form<'a> {
    Iso,
    Format(TimeFormat<'a>),
    /// Units of 10 to the minus so many seconds.
    Epoch(u8),
}

impl<'a> TimeReader<'a> {
    fn new(notation: &'a TimeNotation, zone: Option<Tz>) -> Self {
        let form = match notation {
            TimeNotation::Iso => Form::Iso,
            TimeNotation::Strftime(format) => {
                Form::Format(TimeFormat::new(format).expect("the check of the pipeline refuses others"))
            }
            TimeNotation::EpochSeconds => Form::Epoch(0),
            TimeNotation::EpochMillis => Form::Epoch(3),
            TimeNotation::EpochMicros => Form::Epoch(6),
        };
        Self { form, zone }
    }

    fn date(&self, text: &[u8]) -> Result<NaiveDate, ParseError> {
        match &self.form {
            Form::Iso => parse_date(text),
            Form::Format(format) => format.date(text),
            Form::Epoch(digits) => match parse_epoch(text, *digits)?.naive_utc() {
                midnight if midnight.time() == NaiveTime::MIN => Ok(midnight.date()),
                _ => Err(ParseError::UnexpectedTime),
            },
        }
    }

    fn timestamp(&self, text: &[u8]) -> Result<NaiveDateTime, ParseError> {
        match &self.form {
            Form::Iso => parse_timestamp(text),
            Form::Format(format) => format.timestamp(text),
            Form::Epoch(digits) => parse_epoch(text, *digits).map(|instant| instant.naive_utc()),
        }
    }

    fn instant(&self, text: &[u8]) -> Result<DateTime<Utc>, ParseError> {
        match (&self.form, self.zone) {
            (Form::Iso, Some(zone)) => match parse_timestamptz(text) {
                Err(ParseError::NoZone) => local_instant(parse_timestamp(text)?, zone),
                read => read,
            },
            (Form::Iso, None) => parse_timestamptz(text),
            (Form::Format(format), zone) => format.instant(text, zone),
            (Form::Epoch(digits), _) => parse_epoch(text, *digits),
        }
    }
}

/// Where the failures of one column go.
struct Sink<'a> {
    index: usize,
    plan: &'a ColumnPlan,
    broken: &'a mut BrokenCells,
}

impl Sink<'_> {
    fn times<'a, T: ArrowPrimitiveType>(
        self,
        cells: impl ExactSizeIterator<Item = Cell<'a>>,
        read: impl Fn(&[u8]) -> Result<T::Native, ParseError>,
    ) -> ArrayRef {
        let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.len()).with_data_type(self.plan.data_type.clone());
        for (row, cell) in cells.enumerate() {
            let read = match cell {
                Cell::Null => Ok(None),
                Cell::Text(text) => read(&text).map(Some).map_err(|error| self.unfit(error)),
                Cell::Wrong(message) => Err(message),
            };
            if let Err(message) = &read {
                self.broken.push(row, self.index, "type", message.clone());
            }
            builder.append_option(read.ok().flatten());
        }
        Arc::new(builder.finish())
    }

    fn unfit(&self, error: ParseError) -> String {
        match &self.plan.format {
            ValueFormat::Time { notation: TimeNotation::Strftime(format), .. } if error == ParseError::NotOfFormat => {
                format!("is not of the format {format}, and the column is {}", self.plan.ty)
            }
            _ => format!("{error}, and the column is {}", self.plan.ty),
        }
    }
}
