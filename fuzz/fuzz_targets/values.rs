//! The fast readers of values against the strict ones.
#![no_main]

use chrono::NaiveDate;
use etlplus_core::value::{
    parse_date, parse_decimal, parse_float64, parse_integer, parse_timestamp, parse_timestamptz, plain,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (precision, scale, text) = input;
    let precision = precision % 38 + 1;
    let scale = scale % (precision + 1);
    if let Some(value) = plain::integer(text) {
        assert_eq!(parse_integer(text, i64::MIN, i64::MAX), Ok(value));
    }
    if let Some(value) = plain::decimal(text, precision, scale) {
        assert_eq!(parse_decimal(text, precision, scale), Ok(value.into()));
    }
    if let Some(value) = plain::float64(text) {
        assert_eq!(parse_float64(text).map(f64::to_bits), Ok(value.to_bits()));
    }
    if let Some(value) = plain::days(text) {
        let days = |date: NaiveDate| date.signed_duration_since(NaiveDate::default()).num_days();
        assert_eq!(parse_date(text).map(days), Ok(value.into()));
    }
    if let Some(value) = plain::timestamp_micros(text) {
        assert_eq!(parse_timestamp(text).map(|time| time.and_utc().timestamp_micros()), Ok(value));
    }
    if let Some(value) = plain::timestamptz_micros(text) {
        assert_eq!(parse_timestamptz(text).map(|instant| instant.timestamp_micros()), Ok(value));
    }
});
