//! Strict readers of single values, from bytes, since the engine calls them once per field.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde::de::IgnoredAny;
use uuid::Uuid;

/// Why a text is no value of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not true, false, 1 or 0.
    #[error("is not true, false, 1 or 0")]
    NotBoolean,
    /// Not an optional sign and digits.
    #[error("is not a whole number")]
    NotInteger,
    /// A whole number that its type cannot hold.
    #[error("is beyond the range of the type")]
    OutOfRange,
    /// Not a decimal number.
    #[error("is not a number")]
    NotNumber,
    /// More digits before the point than the type holds.
    #[error("has more digits before the point than the type holds")]
    TooManyDigits,
    /// More digits after the point than the type holds.
    #[error("has more digits after the point than the type holds")]
    TooManyDecimals,
    /// Not of the form YYYY-MM-DD.
    #[error("is not a date of the form YYYY-MM-DD")]
    NotDate,
    /// The form is right; the day does not exist.
    #[error("is a day that does not exist")]
    NoSuchDay,
    /// Not of the form YYYY-MM-DDTHH:MM:SS.
    #[error("is not a time of the form YYYY-MM-DDTHH:MM:SS with at most six decimals")]
    NotTimestamp,
    /// The form is right; the time of day does not exist.
    #[error("is a time of day that does not exist")]
    NoSuchTime,
    /// A number whose thousands are grouped wrongly.
    #[error("has its thousands separators in the wrong places")]
    WrongGroups,
    /// Not of the strftime format that is declared.
    #[error("is not of the declared format")]
    NotOfFormat,
    /// A fraction of a microsecond.
    #[error("has more digits than the microseconds that are kept")]
    TooPrecise,
    /// A time of day where the type has none.
    #[error("has a time of day, which a date does not keep")]
    UnexpectedTime,
    /// A local time in the hour that is left out when clocks are put forward.
    #[error("is a time that the clocks of the column's zone leave out")]
    SkippedTime,
    /// A local time in the hour that comes twice when clocks are put back.
    #[error("is a time that comes twice in the column's zone: only with an offset can it be told which is meant")]
    RepeatedTime,
    /// An instant without its zone.
    #[error("has no time zone (Z or +HH:MM)")]
    NoZone,
    /// A zone where the type has none.
    #[error("has a time zone, which a timestamp does not keep (declare timestamptz)")]
    UnexpectedZone,
    /// Not 32 hexadecimal digits, with hyphens or without.
    #[error("is not a UUID of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")]
    NotUuid,
    /// Not one JSON value.
    #[error("is not one JSON value")]
    NotJson,
    /// Not pairs of hexadecimal digits.
    #[error("is not \\x and pairs of hexadecimal digits")]
    NotBinary,
}

/// `true`, `false` in any case, `1` or `0`.
pub fn parse_boolean(text: &[u8]) -> Result<bool, ParseError> {
    match text {
        b"1" => Ok(true),
        b"0" => Ok(false),
        _ if text.eq_ignore_ascii_case(b"true") => Ok(true),
        _ if text.eq_ignore_ascii_case(b"false") => Ok(false),
        _ => Err(ParseError::NotBoolean),
    }
}

/// An optional sign and digits, from `least` to `most`.
pub fn parse_integer(text: &[u8], least: i64, most: i64) -> Result<i64, ParseError> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() {
        return Err(ParseError::NotInteger);
    }
    let mut value = 0_i128;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(ParseError::NotInteger);
        }
        // Past 10^20 no further digit can bring it back into range; the scan goes on for the sake of its form.
        value = (value * 10 + i128::from(digit)).min(i128::from(u64::MAX));
    }
    let value = if negative { -value } else { value };
    i64::try_from(value).ok().filter(|value| (least..=most).contains(value)).ok_or(ParseError::OutOfRange)
}

/// A finite IEEE 754 number: `1`, `-1.5`, `1e-3`. Infinity and NaN are no data.
pub fn parse_float64(text: &[u8]) -> Result<f64, ParseError> {
    let value: f64 = float_text(text)?.parse().map_err(|_| ParseError::NotNumber)?;
    if value.is_finite() { Ok(value) } else { Err(ParseError::OutOfRange) }
}

/// As [`parse_float64`], of single precision.
pub fn parse_float32(text: &[u8]) -> Result<f32, ParseError> {
    let value: f32 = float_text(text)?.parse().map_err(|_| ParseError::NotNumber)?;
    if value.is_finite() { Ok(value) } else { Err(ParseError::OutOfRange) }
}

/// Rust reads `inf`, `nan` and `infinity` too, which are words and not numbers here.
fn float_text(text: &[u8]) -> Result<&str, ParseError> {
    let plain = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if !plain {
        return Err(ParseError::NotNumber);
    }
    std::str::from_utf8(text).map_err(|_| ParseError::NotNumber)
}

/// A decimal as a whole number of units of 10^-`scale`. Zeros that say nothing (`007`, `1.500`) are read; a digit that
/// the type cannot hold is an error, never rounded away.
pub fn parse_decimal(text: &[u8], precision: u8, scale: u8) -> Result<i128, ParseError> {
    let (negative, number) = split_sign(text);
    let point = number.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&number[..at], &number[at + 1..]),
        None => (number, &[][..]),
    };
    let is_digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return Err(ParseError::NotNumber);
    }
    let whole = trim_start_zeros(whole);
    let kept = fraction.len().min(scale.into());
    if fraction[kept..].iter().any(|byte| *byte != b'0') {
        return Err(ParseError::TooManyDecimals);
    }
    if whole.len() > usize::from(precision - scale) {
        return Err(ParseError::TooManyDigits);
    }
    // At most 38 digits reach this sum, which an i128 holds.
    let zeros = std::iter::repeat_n(&b'0', usize::from(scale) - kept);
    let digits = whole.iter().chain(&fraction[..kept]).chain(zeros);
    let unscaled = digits.fold(0_i128, |sum, byte| sum * 10 + i128::from(byte - b'0'));
    Ok(if negative { -unscaled } else { unscaled })
}

/// A day: `2026-02-28`.
pub fn parse_date(text: &[u8]) -> Result<NaiveDate, ParseError> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return Err(ParseError::NotDate) };
    let century = two_digits(y1, y2).ok_or(ParseError::NotDate)?;
    let year = two_digits(y3, y4).ok_or(ParseError::NotDate)?;
    let month = two_digits(m1, m2).ok_or(ParseError::NotDate)?;
    let day = two_digits(d1, d2).ok_or(ParseError::NotDate)?;
    let year = i32::try_from(century * 100 + year).map_err(|_| ParseError::NotDate)?;
    NaiveDate::from_ymd_opt(year, month, day).ok_or(ParseError::NoSuchDay)
}

/// Date and time of day without a zone: `2026-02-28T13:45:00.250` or with a space for the `T`.
pub fn parse_timestamp(text: &[u8]) -> Result<NaiveDateTime, ParseError> {
    match split_timestamp(text)? {
        (timestamp, []) => Ok(timestamp),
        (_, zone) if parse_zone(zone).is_some() => Err(ParseError::UnexpectedZone),
        _ => Err(ParseError::NotTimestamp),
    }
}

/// An instant: `2026-02-28T13:45:00Z` or `2026-02-28 13:45:00.5+01:00`.
pub fn parse_timestamptz(text: &[u8]) -> Result<DateTime<Utc>, ParseError> {
    let (timestamp, zone) = split_timestamp(text)?;
    if zone.is_empty() {
        return Err(ParseError::NoZone);
    }
    let offset = parse_zone(zone).ok_or(ParseError::NotTimestamp)?;
    let shift = TimeDelta::seconds(offset.local_minus_utc().into());
    timestamp.checked_sub_signed(shift).map(|utc| utc.and_utc()).ok_or(ParseError::OutOfRange)
}

/// The date and time at the start of `text`, and what follows them.
fn split_timestamp(text: &[u8]) -> Result<(NaiveDateTime, &[u8]), ParseError> {
    const MICROSECOND_DIGITS: usize = 6;
    let (date, rest) = text.split_at_checked(10).ok_or(ParseError::NotTimestamp)?;
    let date = parse_date(date).map_err(|error| match error {
        ParseError::NotDate => ParseError::NotTimestamp,
        other => other,
    })?;
    let [b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = rest else {
        return Err(ParseError::NotTimestamp);
    };
    let part = |a: &u8, b: &u8| two_digits(*a, *b).ok_or(ParseError::NotTimestamp);
    let (hour, minute, second) = (part(h1, h2)?, part(m1, m2)?, part(s1, s2)?);
    let (mut micros, mut rest) = (0, rest);
    if let [b'.', fraction @ ..] = rest {
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = fraction.split_at(length);
        let kept = length.min(MICROSECOND_DIGITS);
        if length == 0 || digits[kept..].iter().any(|byte| *byte != b'0') {
            return Err(ParseError::NotTimestamp);
        }
        let value = digits[..kept].iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
        micros = value * 10_u32.pow((MICROSECOND_DIGITS - kept) as u32);
        rest = after;
    }
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second, micros).ok_or(ParseError::NoSuchTime)?;
    Ok((date.and_time(time), rest))
}

fn parse_zone(text: &[u8]) -> Option<FixedOffset> {
    let (sign, hours, minutes) = match *text {
        [b'Z'] => return FixedOffset::east_opt(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => (sign, two_digits(h1, h2)?, two_digits(m1, m2)?),
        [sign @ (b'+' | b'-'), h1, h2] => (sign, two_digits(h1, h2)?, 0),
        _ => return None,
    };
    if hours > 18 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    FixedOffset::east_opt(if sign == b'-' { -seconds } else { seconds })
}

fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn trim_start_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    &digits[zeros..]
}

/// Hexadecimal digits in the groups 8-4-4-4-12, or without hyphens.
pub fn parse_uuid(text: &[u8]) -> Result<Uuid, ParseError> {
    // The library takes braces and `urn:uuid:` as well, which have another length.
    match text.len() {
        32 | 36 => Uuid::try_parse_ascii(text).map_err(|_| ParseError::NotUuid),
        _ => Err(ParseError::NotUuid),
    }
}

/// One JSON value with nothing around it but blanks.
pub fn check_json(text: &[u8]) -> Result<(), ParseError> {
    serde_json::from_slice::<IgnoredAny>(text).map(|_| ()).map_err(|_| ParseError::NotJson)
}

/// `\x` and pairs of hexadecimal digits, as PostgreSQL writes bytes.
pub fn parse_binary(text: &[u8]) -> Result<Vec<u8>, ParseError> {
    let digits = text.strip_prefix(b"\\x").ok_or(ParseError::NotBinary)?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<Vec<_>>>();
    bytes.filter(|_| rest.is_empty()).ok_or(ParseError::NotBinary)
}
