//! Numbers and times in other notations than the standard one. As strict as the standard readers: what does not fit exactly
//! is an error, never rounded, cut or guessed.

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::ParseError;
use super::parse::parse_decimal;

/// The digits of a group of thousands.
const GROUP_DIGITS: usize = 3;
/// Digits after the point of a time in seconds, which is kept in microseconds.
const MICROSECOND_DIGITS: u8 = 6;
/// Digits of any number of microseconds between the years 0000 and 9999, with room: no such number is cut.
const MICROS_DIGITS: u8 = 30;

/// A number as [`super::Value::parse`] reads it, made of one with `decimal` between whole part and fraction and, where there is
/// one, `thousands` between the groups of three digits of the whole part: `1.234,50` becomes `1234.50`. A whole part may
/// do without groups; where it has some, all of them must be there. Whether the rest is a number of the column's type is
/// for the reader of that type to say.
pub fn standard_number(text: &[u8], decimal: u8, thousands: Option<u8>) -> Result<Vec<u8>, ParseError> {
    let whole_end = text.iter().position(|byte| *byte == decimal || matches!(byte, b'e' | b'E'));
    let (whole, rest) = text.split_at(whole_end.unwrap_or(text.len()));
    let mut number = Vec::with_capacity(text.len());
    let digits = match whole {
        [sign @ (b'-' | b'+'), digits @ ..] => {
            number.push(*sign);
            digits
        }
        digits => digits,
    };
    whole_part(digits, thousands, &mut number)?;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            // The first byte alone: a second one stands where no number has it.
            _ if at == 0 && *byte == decimal => number.push(b'.'),
            b'0'..=b'9' => number.push(*byte),
            b'e' | b'E' => number.push(*byte),
            b'-' | b'+' if matches!(rest[at - 1], b'e' | b'E') => number.push(*byte),
            _ => return Err(ParseError::NotNumber),
        }
    }
    Ok(number)
}

/// Digits in groups, or not.
fn whole_part(digits: &[u8], thousands: Option<u8>, number: &mut Vec<u8>) -> Result<(), ParseError> {
    let is_separator = |byte: &u8| Some(*byte) == thousands;
    if !digits.iter().all(|byte| byte.is_ascii_digit() || is_separator(byte)) {
        return Err(ParseError::NotNumber);
    }
    for (index, group) in digits.split(is_separator).enumerate() {
        let is_whole = index > 0 && group.len() == GROUP_DIGITS;
        // The first group may have fewer digits, but where others follow not more.
        let is_first = index == 0 && (group.len() == digits.len() || (1..=GROUP_DIGITS).contains(&group.len()));
        if !is_whole && !is_first {
            return Err(ParseError::WrongGroups);
        }
        number.extend_from_slice(group);
    }
    Ok(())
}

/// The instant at `text` units since 1970-01-01T00:00:00Z. A unit is 10^-`unit_digits` seconds: 0 for seconds, 3 for
/// milliseconds, 6 for microseconds. Between the years 0000 and 9999, as every text of a time.
pub fn parse_epoch(text: &[u8], unit_digits: u8) -> Result<DateTime<Utc>, ParseError> {
    let micros = parse_decimal(text, MICROS_DIGITS, MICROSECOND_DIGITS - unit_digits);
    let micros = micros.map_err(|error| match error {
        ParseError::TooManyDigits => ParseError::OutOfRange,
        ParseError::TooManyDecimals => ParseError::TooPrecise,
        other => other,
    })?;
    let instant = i64::try_from(micros).ok().and_then(DateTime::from_timestamp_micros);
    instant.filter(|instant| (0..=9999).contains(&chrono::Datelike::year(instant))).ok_or(ParseError::OutOfRange)
}

/// The instant at which the clocks of `zone` show `local`.
pub fn local_instant(local: NaiveDateTime, zone: Tz) -> Result<DateTime<Utc>, ParseError> {
    match zone.from_local_datetime(&local) {
        chrono::LocalResult::Single(instant) => Ok(instant.to_utc()),
        chrono::LocalResult::Ambiguous(..) => Err(ParseError::RepeatedTime),
        chrono::LocalResult::None => Err(ParseError::SkippedTime),
    }
}
