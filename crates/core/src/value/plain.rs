//! Fast readers of the texts that nearly all values are.
//!
//! Each one returns what the strict reader of its type returns, or `None` where it cannot tell: that text goes to the strict
//! reader, which alone says why a text is no value.

/// The most digits of which any number fits an `i64`.
const DIGITS_MAX: usize = 18;
/// Powers of ten that an `f64` holds exactly, as far as they are needed.
const POWERS: [f64; DIGITS_MAX + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// Of [`super::parse_integer`], for the whole range of `i64`.
#[inline]
pub fn integer(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = split_minus(text);
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let value = number(digits)?;
    Some(if is_negative { -value } else { value })
}

/// Of [`super::parse_decimal`], where `precision` is at most 18.
#[inline]
pub fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<i64> {
    let (is_negative, digits) = split_minus(text);
    let (value, whole, fraction) = point_number(digits)?;
    // With all digits within their places the number has no more than `precision` digits, which an i64 holds.
    if precision as usize > DIGITS_MAX || whole > (precision - scale).into() || fraction > scale.into() {
        return None;
    }
    let value = value * 10_i64.pow(u32::from(scale) - fraction as u32);
    Some(if is_negative { -value } else { value })
}

/// Of [`super::parse_float64`].
#[inline]
pub fn float64(text: &[u8]) -> Option<f64> {
    let (is_negative, digits) = split_minus(text);
    let (value, _, fraction) = point_number(digits)?;
    // Both numbers are exact, so that their quotient is the nearest one to the text (Clinger 1990).
    if value >= 1 << f64::MANTISSA_DIGITS {
        return None;
    }
    let value = value as f64 / POWERS[fraction];
    Some(if is_negative { -value } else { value })
}

/// Of [`super::parse_date`], as days since 1970-01-01.
#[inline]
pub fn days(text: &[u8]) -> Option<i32> {
    const MONTH_DAYS: [u32; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return None };
    let (century, year_of_century) = (two_digits(y1, y2)?, two_digits(y3, y4)?);
    let (month, day) = (two_digits(m1, m2)?, two_digits(d1, d2)?);
    let year = century * 100 + year_of_century;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = *MONTH_DAYS.get(month as usize)? + u32::from(month == 2 && is_leap);
    if day == 0 || day > month_days {
        return None;
    }
    // Years that begin in March have their leap day at the end. Year 0 lies 719,468 days before 1970, from March to January.
    let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(days as i32 - (719_468 + 146_097))
}

/// Of [`super::parse_timestamp`], as microseconds since 1970-01-01T00:00:00.
#[inline]
pub fn timestamp_micros(text: &[u8]) -> Option<i64> {
    let (date, time) = text.split_at_checked(10)?;
    let [b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = time else { return None };
    let days = days(date)?;
    let (hour, minute, second) = (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, two_digits(*s1, *s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match rest {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => number(digits)? * 10_i64.pow(6 - digits.len() as u32),
        _ => return None,
    };
    let seconds = i64::from(days) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(seconds * 1_000_000 + micros)
}

/// Of [`super::parse_timestamptz`], as microseconds since 1970-01-01T00:00:00Z, where the zone is `Z`.
#[inline]
pub fn timestamptz_micros(text: &[u8]) -> Option<i64> {
    timestamp_micros(text.strip_suffix(b"Z")?)
}

fn split_minus(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    }
}

/// The number that `digits`, at most 18 of them, are.
#[inline]
fn number(digits: &[u8]) -> Option<i64> {
    let (mut value, mut is_number) = (0_i64, true);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        is_number &= digit <= 9;
        // What is no digit may overflow, and then nobody sees the value.
        value = value.wrapping_mul(10).wrapping_add(digit.into());
    }
    is_number.then_some(value)
}

/// Digits with at most one point among them, without the point, and how many of them stand before and after it.
#[inline]
fn point_number(text: &[u8]) -> Option<(i64, usize, usize)> {
    if text.len() > DIGITS_MAX {
        return None;
    }
    let (mut value, mut point) = (0, None);
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + i64::from(digit);
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let (whole, fraction) = point.map_or((text.len(), 0), |point| (point, text.len() - point - 1));
    (whole + fraction > 0).then_some((value, whole, fraction))
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}
