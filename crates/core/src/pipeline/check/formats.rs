//! How the text of a column's fields is written, where it is not as our types are.

use chrono::format::{Fixed, Item, Numeric, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use super::field::{Field, Section};
use super::{Check, Fault, path, quoted};
use crate::mistake::nearest;
use crate::pipeline::schedule::parse_timezone;
use crate::pipeline::{TimeNotation, ValueFormat};
use crate::value::{TimeFormat, Type};

/// The notations that have a word.
const NOTATIONS: [(&str, TimeNotation); 4] = [
    ("iso", TimeNotation::Iso),
    ("epoch_s", TimeNotation::EpochSeconds),
    ("epoch_ms", TimeNotation::EpochMillis),
    ("epoch_us", TimeNotation::EpochMicros),
];

/// The format of a column of type `ty`, which is `None` where the type has a mistake.
pub(super) fn read(check: &mut Check, section: &Section<'_>, ty: Option<Type>) -> Option<ValueFormat> {
    let ty = ty?;
    let mut is_fitting = true;
    for key in ["decimal", "thousands", "format", "timezone"] {
        let Some(field) = section.get(key) else { continue };
        if let Err(fault) = check_fits(key, ty) {
            check.fault(field.key_position, &field.key, fault);
            is_fitting = false;
        }
    }
    if !is_fitting {
        return None;
    }
    match ty {
        Type::Date | Type::Timestamp | Type::TimestampTz => time(check, section, ty),
        _ => number(check, section, ty),
    }
}

fn is_whole(ty: Type) -> bool {
    matches!(ty, Type::Int16 | Type::Int32 | Type::Int64)
}

fn check_fits(key: &str, ty: Type) -> Result<(), Fault> {
    let has_fraction = matches!(ty, Type::Float32 | Type::Float64 | Type::Decimal { .. });
    let is_time = matches!(ty, Type::Date | Type::Timestamp | Type::TimestampTz);
    let (is_fitting, fitting) = match key {
        "decimal" => (has_fraction, "decimals and floats"),
        "thousands" => (has_fraction || is_whole(ty), "numbers"),
        "format" => (is_time, "dates and times"),
        _ => (ty == Type::TimestampTz, "timestamptz"),
    };
    if is_fitting {
        return Ok(());
    }
    Err(Fault::new(format!("{key} is for {fitting}, and the column is of type {ty}"), "remove it, or change the type"))
}

fn number(check: &mut Check, section: &Section<'_>, ty: Type) -> Option<ValueFormat> {
    let decimal = mark(check, section, "decimal", false);
    let thousands = mark(check, section, "thousands", true);
    let (decimal, thousands) = (decimal?, thousands?);
    // A whole number has no fraction, so that its groups may be divided by a point.
    let default = if is_whole(ty) && thousands == Some(b'.') { b',' } else { b'.' };
    let decimal = decimal.unwrap_or(default);
    if thousands == Some(decimal) {
        let field = section.get("thousands")?;
        let remedy = "write decimal: \",\" and thousands: \".\" for 1.234,56";
        field.mistake(check, "decimal and thousands are the same character", remedy);
        return None;
    }
    let is_standard = decimal == b'.' && thousands.is_none();
    Some(if is_standard { ValueFormat::Standard } else { ValueFormat::Number { decimal, thousands } })
}

/// One mark of punctuation, or a space where that can be one. `Some(None)` where the column names none.
fn mark(check: &mut Check, section: &Section<'_>, key: &str, may_be_space: bool) -> Option<Option<u8>> {
    let Some(field) = section.get(key) else { return Some(None) };
    let text = &field.scalar(check, "one character in quotes, such as \",\"")?.text;
    match text.as_bytes() {
        [byte] if byte.is_ascii_punctuation() && !matches!(byte, b'+' | b'-') => Some(Some(*byte)),
        [b' '] if may_be_space => Some(Some(b' ')),
        _ => {
            let or_space = if may_be_space { ", or a space" } else { "" };
            let message = format!("{} is not one mark of ASCII punctuation", quoted(text));
            field.mistake(check, message, format!("write one in quotes, such as \",\" or \".\"{or_space}; no sign"));
            None
        }
    }
}

fn time(check: &mut Check, section: &Section<'_>, ty: Type) -> Option<ValueFormat> {
    let field = section.get("format");
    let notation = match &field {
        Some(field) => {
            let scalar = field.scalar(check, "iso, epoch_ms, or a strftime format such as %d.%m.%Y");
            scalar.and_then(|scalar| notation(&scalar.text, ty).map_err(|fault| field.fault(check, fault)).ok())
        }
        None => Some(TimeNotation::Iso),
    };
    let zone = match section.get("timezone") {
        Some(field) => zone(check, &field, notation.as_ref()).map(Some),
        None => Some(None),
    };
    let (notation, zone) = (notation?, zone?);
    if let (TimeNotation::Strftime(format), Type::TimestampTz, None, Some(field)) = (&notation, ty, zone, &field)
        && !names_zone(format)
    {
        let message = format!("{} names no zone, so that no text would be an instant", quoted(format));
        field.mistake(check, message, "add timezone: UTC for example, or %z to the format");
        return None;
    }
    let is_standard = notation == TimeNotation::Iso && zone.is_none();
    Some(if is_standard { ValueFormat::Standard } else { ValueFormat::Time { notation, zone } })
}

/// The zone of texts that name none.
fn zone(check: &mut Check, field: &Field<'_>, notation: Option<&TimeNotation>) -> Option<Tz> {
    let name = &field.scalar(check, "a time zone, such as Europe/Berlin")?.text;
    let zone = parse_timezone(name).map_err(|fault| field.fault(check, fault)).ok()?;
    let why = match notation {
        Some(TimeNotation::Strftime(format)) if names_zone(format) => "each text names its own zone",
        Some(TimeNotation::EpochSeconds | TimeNotation::EpochMillis | TimeNotation::EpochMicros) => {
            "an epoch is the same instant in every zone"
        }
        _ => return Some(zone),
    };
    check.mistake(field.key_position, &field.key, why, "remove timezone");
    None
}

fn notation(text: &str, ty: Type) -> Result<TimeNotation, Fault> {
    if text.contains('%') {
        check_strftime(text, ty)?;
        return Ok(TimeNotation::Strftime(text.to_owned()));
    }
    match NOTATIONS.iter().find(|(word, _)| *word == text) {
        Some((_, TimeNotation::Iso)) => Ok(TimeNotation::Iso),
        Some(_) if ty == Type::Date => {
            let remedy = "declare the column as timestamptz, and cast it in SQL";
            Err(Fault::new(format!("{text} is an instant, and which day that is depends on the zone"), remedy))
        }
        Some((_, notation)) => Ok(notation.clone()),
        None => {
            let remedy = match nearest(text, NOTATIONS.iter().map(|(word, _)| *word)) {
                Some(near) => format!("did you mean {near}?"),
                None => {
                    "write iso, epoch_s, epoch_ms, epoch_us, or a strftime format such as %d.%m.%Y %H:%M".to_owned()
                }
            };
            Err(Fault::new(format!("{} is no format of dates and times", quoted(text)), remedy))
        }
    }
}

/// Refuses a format whose texts are no whole values of `ty`, or say what `ty` does not keep.
fn check_strftime(format: &str, ty: Type) -> Result<(), Fault> {
    let has = |wanted: &dyn Fn(&Item<'_>) -> bool| StrftimeItems::new(format).any(|item| wanted(&item));
    if has(&|item| matches!(item, Item::Numeric(Numeric::Timestamp, _))) {
        return Err(Fault::new("%s counts the seconds of an epoch", "write format: epoch_s"));
    }
    if has(&|item| matches!(item, Item::Fixed(Fixed::TimezoneName))) {
        let remedy = "write %z for an offset such as +0100, or leave the zone out of the format and add timezone";
        return Err(Fault::new("%Z is a zone's abbreviation, of which many mean several zones", remedy));
    }
    if ty != Type::TimestampTz && names_zone(format) {
        let message = format!("{} names a zone, which a {ty} does not keep", quoted(format));
        return Err(Fault::new(message, "declare the column as timestamptz"));
    }
    path::check_strftime(format, ty)?;
    TimeFormat::new(format).map_err(|error| {
        Fault::new(format!("{} {error}", quoted(format)), "write its parts, such as %d.%m.%Y %H:%M:%S")
    })?;
    if reads_back(format, ty) {
        return Ok(());
    }
    let example = if ty == Type::Date { "%d.%m.%Y" } else { "%d.%m.%Y %H:%M:%S" };
    let message = format!("{} does not say a whole {ty}", quoted(format));
    Err(Fault::new(message, format!("name all its parts, such as {example}")))
}

/// Whether a text in this format says its own zone.
fn names_zone(format: &str) -> bool {
    use Fixed::{
        RFC2822, RFC3339, TimezoneOffset, TimezoneOffsetColon, TimezoneOffsetColonZ, TimezoneOffsetDoubleColon,
        TimezoneOffsetTripleColon, TimezoneOffsetZ,
    };
    StrftimeItems::new(format).any(|item| {
        let Item::Fixed(fixed) = item else { return false };
        let is_offset = matches!(
            fixed,
            TimezoneOffset
                | TimezoneOffsetColon
                | TimezoneOffsetDoubleColon
                | TimezoneOffsetTripleColon
                | TimezoneOffsetZ
                | TimezoneOffsetColonZ
        );
        is_offset || matches!(fixed, RFC2822 | RFC3339)
    })
}

/// Whether chrono makes of its own text the value that it was, to the minute.
fn reads_back(format: &str, ty: Type) -> bool {
    // In the afternoon, since a clock of twelve hours alone does not say so.
    const MINUTE: &str = "2001-07-29T23:45:00+01:00";
    let Ok(sample) = MINUTE.parse::<DateTime<FixedOffset>>() else { return false };
    match ty {
        Type::Date => {
            let date = sample.date_naive();
            NaiveDate::parse_from_str(&date.format(format).to_string(), format) == Ok(date)
        }
        _ if names_zone(format) => DateTime::parse_from_str(&sample.format(format).to_string(), format) == Ok(sample),
        _ => {
            let local = sample.naive_local();
            NaiveDateTime::parse_from_str(&local.format(format).to_string(), format) == Ok(local)
        }
    }
}
