//! Each reader against another one that was written apart from it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Timelike};
use etlplus_core::value::{
    ParseError, check_json, parse_binary, parse_boolean, parse_date, parse_decimal, parse_float32, parse_float64,
    parse_integer, parse_timestamp, parse_timestamptz, parse_uuid,
};
use etlplus_core::{Type, Value};
use num_bigint::BigInt;
use proptest::prelude::*;

use super::{decimal_types, timestamps, types};

/// The decimal that `text` means, by exact arithmetic on numbers of any size; `None` if the type does not hold it.
fn decimal_by_bigint(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.len() + fraction.len() == 0) || !(whole.to_owned() + fraction).bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: BigInt = format!("0{whole}{fraction}").parse().unwrap();
    // text = number / 10^fraction.len(); wanted: text * 10^scale, whole.
    let shifted = number * BigInt::from(10).pow(scale.into());
    let divisor = BigInt::from(10).pow(fraction.len().try_into().unwrap());
    let unscaled = &shifted / &divisor;
    let is_held = unscaled.clone() * divisor == shifted && unscaled < BigInt::from(10).pow(precision.into());
    is_held.then(|| i128::try_from(unscaled).unwrap() * sign)
}

proptest! {
    #[test]
    fn decimals_agree_with_exact_arithmetic(
        (precision, scale) in decimal_types(),
        text in "[+-]?[0-9]{0,20}(\\.[0-9]{0,6}0{0,3})?",
    ) {
        let expected = decimal_by_bigint(&text, precision, scale);
        prop_assert_eq!(parse_decimal(text.as_bytes(), precision, scale).ok(), expected, "{} as decimal({},{})", text, precision, scale);
    }

    #[test]
    fn long_decimals_agree_with_exact_arithmetic((precision, scale) in decimal_types(), text in "-?0{0,5}[0-9]{15,45}\\.[0-9]{0,45}") {
        let expected = decimal_by_bigint(&text, precision, scale);
        prop_assert_eq!(parse_decimal(text.as_bytes(), precision, scale).ok(), expected);
    }

    #[test]
    fn integers_agree_with_the_standard_library(text in "[+-]?[0-9]{0,25}") {
        prop_assert_eq!(parse_integer(text.as_bytes(), i64::MIN, i64::MAX).ok(), text.parse::<i64>().ok());
        prop_assert_eq!(
            parse_integer(text.as_bytes(), i16::MIN.into(), i16::MAX.into()).ok(),
            text.parse::<i16>().ok().map(i64::from)
        );
    }

    #[test]
    fn integers_near_their_limits_agree(offset in -20_i128..20, is_min in any::<bool>()) {
        let limit = i128::from(if is_min { i64::MIN } else { i64::MAX });
        let text = (limit + offset).to_string();
        prop_assert_eq!(parse_integer(text.as_bytes(), i64::MIN, i64::MAX).ok(), text.parse::<i64>().ok());
    }

    #[test]
    fn floats_agree_with_the_standard_library(text in "[+-]?[0-9]{0,12}(\\.[0-9]{0,12})?(e[+-]?[0-9]{1,3})?") {
        let finite = |value: f64| value.is_finite().then_some(value);
        prop_assert_eq!(parse_float64(text.as_bytes()).ok(), text.parse().ok().and_then(finite));
        let single = text.parse::<f32>().ok().filter(|value| value.is_finite());
        prop_assert_eq!(parse_float32(text.as_bytes()).ok(), single);
    }

    #[test]
    fn dates_agree_with_chrono(year in 0_u32..10_000, month in 0_u32..14, day in 0_u32..33) {
        let text = format!("{year:04}-{month:02}-{day:02}");
        prop_assert_eq!(parse_date(text.as_bytes()).ok(), NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok());
    }

    #[test]
    fn timestamps_agree_with_chrono(hour in 0_u32..26, minute in 0_u32..62, second in 0_u32..62, micros in 0_u32..1_000_000, has_t in any::<bool>()) {
        let separator = if has_t { 'T' } else { ' ' };
        let text = format!("2026-02-28{separator}{hour:02}:{minute:02}:{second:02}.{micros:06}");
        // Chrono reads the second 60 as a leap second, which no other system here keeps.
        let expected = NaiveDateTime::parse_from_str(&text, &format!("%Y-%m-%d{separator}%H:%M:%S%.f")).ok();
        let expected = expected.filter(|timestamp| timestamp.nanosecond() < 1_000_000_000);
        prop_assert_eq!(parse_timestamp(text.as_bytes()).ok(), expected);
    }

    #[test]
    fn instants_agree_with_chrono(timestamp in timestamps(), minutes in -18 * 60..=18 * 60_i32, has_t in any::<bool>()) {
        let (sign, size) = if minutes < 0 { ('-', -minutes) } else { ('+', minutes) };
        let separator = if has_t { 'T' } else { ' ' };
        let local = timestamp.format("%Y-%m-%dT%H:%M:%S%.f").to_string().replace('T', &separator.to_string());
        let text = format!("{local}{sign}{:02}:{:02}", size / 60, size % 60);
        let expected = DateTime::parse_from_rfc3339(&text.replace(' ', "T")).unwrap().to_utc();
        prop_assert_eq!(parse_timestamptz(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn foreign_text_is_answered(ty in types(), text in any::<String>()) {
        let _ = Value::parse(ty, &text);
    }

    #[test]
    fn foreign_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..60), (precision, scale) in decimal_types()) {
        let _ = parse_boolean(&bytes);
        let _ = parse_integer(&bytes, i64::MIN, i64::MAX);
        let _ = (parse_float32(&bytes), parse_float64(&bytes));
        let _ = parse_decimal(&bytes, precision, scale);
        let _ = (parse_date(&bytes), parse_timestamp(&bytes), parse_timestamptz(&bytes));
        let _ = (parse_uuid(&bytes), parse_binary(&bytes));
        prop_assert_eq!(check_json(&bytes).is_ok(), serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
    }

    #[test]
    fn damaged_times_are_answered(text in "2026-02-28T13:45:00(\\.[0-9]{0,9})?(Z|[+-][0-9]{2}(:[0-9]{2})?)?", at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = (parse_date(&bytes), parse_timestamp(&bytes), parse_timestamptz(&bytes));
    }
}

/// Asserts what each text gives: a value's canonical text, or why it is none.
#[track_caller]
fn reads(ty: Type, cases: &[(&str, Result<&str, ParseError>)]) {
    for (text, expected) in cases {
        let found = Value::parse(ty, text).map(|value| value.to_string());
        assert_eq!(found, expected.map(str::to_owned), "{text:?} as {ty}");
    }
}

#[test]
fn booleans_are_four_words() {
    let no = Err(ParseError::NotBoolean);
    reads(
        Type::Boolean,
        &[
            ("true", Ok("true")),
            ("FALSE", Ok("false")),
            ("1", Ok("true")),
            ("0", Ok("false")),
            ("yes", no),
            ("", no),
            (" true", no),
            ("01", no),
        ],
    );
}

#[test]
fn numbers_are_digits_and_nothing_else() {
    let no = Err(ParseError::NotInteger);
    let range = Err(ParseError::OutOfRange);
    reads(
        Type::Int16,
        &[
            ("32767", Ok("32767")),
            ("-32768", Ok("-32768")),
            ("32768", range),
            ("+007", Ok("7")),
            ("", no),
            ("-", no),
            ("1.0", no),
            ("1e3", no),
            (" 1", no),
            ("1_000", no),
            ("٣", no),
            ("-0", Ok("0")),
        ],
    );
    let no = Err(ParseError::NotNumber);
    reads(
        Type::Float64,
        &[
            ("1e3", Ok("1000")),
            (".5", Ok("0.5")),
            ("5.", Ok("5")),
            ("nan", no),
            ("inf", no),
            ("-infinity", no),
            ("1e999", range),
            ("", no),
            (".", no),
            ("1,5", no),
            ("0x10", no),
            ("1e", no),
        ],
    );
    reads(Type::Float32, &[("1e39", range), ("1e-60", Ok("0"))]);
}

#[test]
fn decimals_are_never_rounded() {
    let decimal = Type::Decimal { precision: 5, scale: 2 };
    let (no, whole, decimals) =
        (Err(ParseError::NotNumber), Err(ParseError::TooManyDigits), Err(ParseError::TooManyDecimals));
    reads(
        decimal,
        &[
            ("123.45", Ok("123.45")),
            ("0123.4500", Ok("123.45")),
            ("1234", whole),
            ("1.005", decimals),
            ("1.", Ok("1.00")),
            (".5", Ok("0.50")),
            ("", no),
            (".", no),
            ("-", no),
            ("1e2", no),
            ("1.2.3", no),
            ("--1", no),
            ("-0.00", Ok("0.00")),
        ],
    );
    reads(Type::Decimal { precision: 2, scale: 2 }, &[("0.99", Ok("0.99")), ("1", whole)]);
}

#[test]
fn times_exist_and_say_their_zone() {
    reads(
        Type::Date,
        &[
            ("2024-02-29", Ok("2024-02-29")),
            ("2023-02-29", Err(ParseError::NoSuchDay)),
            ("2023-2-1", Err(ParseError::NotDate)),
            ("2023/02/01", Err(ParseError::NotDate)),
            ("", Err(ParseError::NotDate)),
            ("2023-00-10", Err(ParseError::NoSuchDay)),
        ],
    );
    let no = Err(ParseError::NotTimestamp);
    reads(
        Type::Timestamp,
        &[
            ("2024-02-29 01:02:03", Ok("2024-02-29T01:02:03")),
            ("2024-02-29T01:02:03.5", Ok("2024-02-29T01:02:03.500")),
            ("2024-02-29T01:02:03.1234567", no),
            ("2024-02-29T01:02:03.1234560", Ok("2024-02-29T01:02:03.123456")),
            ("2024-02-29", no),
            ("2024-02-29T01:02", no),
            ("2024-02-29T01:02:03.", no),
            ("2024-02-29T24:00:00", Err(ParseError::NoSuchTime)),
            ("2024-02-29T01:02:03Z", Err(ParseError::UnexpectedZone)),
            ("2024-02-30T01:02:03", Err(ParseError::NoSuchDay)),
        ],
    );
    reads(
        Type::TimestampTz,
        &[
            ("2024-02-29T01:02:03Z", Ok("2024-02-29T01:02:03Z")),
            ("2024-02-29T01:02:03+01:00", Ok("2024-02-29T00:02:03Z")),
            ("2024-02-29T01:02:03-05", Ok("2024-02-29T06:02:03Z")),
            ("2024-02-29T01:02:03", Err(ParseError::NoZone)),
            ("2024-02-29T01:02:03+19:00", no),
            ("2024-02-29T01:02:03 Z", no),
        ],
    );
}

#[test]
fn uuids_json_and_bytes_have_one_form() {
    let no = Err(ParseError::NotUuid);
    let canonical = "0192f0c1-2d3e-7f40-8a51-62b374c58d69";
    reads(
        Type::Uuid,
        &[
            (canonical, Ok(canonical)),
            ("0192F0C1-2D3E-7F40-8A51-62B374C58D69", Ok(canonical)),
            ("0192f0c12d3e7f408a5162b374c58d69", Ok(canonical)),
            ("{0192f0c1-2d3e-7f40-8a51-62b374c58d69}", no),
            ("urn:uuid:0192f0c1-2d3e-7f40-8a51-62b374c58d69", no),
            ("0192f0c12d3e-7f40-8a51-62b374c58d69----", no),
            ("0192f0c1-2d3e-7f40-8a51-62b374c58d6g", no),
            ("", no),
        ],
    );
    let no = Err(ParseError::NotJson);
    reads(
        Type::Json,
        &[
            ("{\"b\": 1.0, \"a\": [null]}", Ok("{\"b\": 1.0, \"a\": [null]}")),
            (" 1e400 ", Ok(" 1e400 ")),
            ("{'a': 1}", no),
            ("[1,]", no),
            ("1 2", no),
            ("NaN", no),
            ("", no),
        ],
    );
    let no = Err(ParseError::NotBinary);
    reads(
        Type::Binary,
        &[
            ("\\x", Ok("\\x")),
            ("\\x00Ff", Ok("\\x00ff")),
            ("00ff", no),
            ("\\x0", no),
            ("\\xgg", no),
            ("\\X00", no),
            ("", no),
        ],
    );
}
