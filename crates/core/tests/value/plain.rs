//! The fast readers against the strict ones.

use chrono::NaiveDate;
use etlplus_core::value::{
    parse_date, parse_decimal, parse_float64, parse_integer, parse_timestamp, parse_timestamptz, plain,
};
use proptest::prelude::*;

use super::decimal_types;

/// Days since 1970-01-01.
fn days(date: NaiveDate) -> i32 {
    date.signed_duration_since(NaiveDate::default()).num_days().try_into().unwrap()
}

/// Texts that are near to values of every kind: some are values, some are just not.
fn near_values() -> impl Strategy<Value = String> {
    prop_oneof![
        "[+-]?[0-9]{0,20}(\\.[0-9]{0,20})?",
        "-?[0-9]{1,17}\\.[0-9]{1,3}",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        "[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,8})?(Z|z|[+-][0-9]{2}(:[0-9]{2})?)?",
        "[0-9TZ:. +-]{0,24}",
        "\\PC{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_fast_reader_says_what_the_strict_one_says_or_nothing(text in near_values(), (precision, scale) in decimal_types()) {
        let text = text.as_bytes();
        if let Some(value) = plain::integer(text) {
            prop_assert_eq!(parse_integer(text, i64::MIN, i64::MAX), Ok(value));
        }
        if let Some(value) = plain::decimal(text, precision, scale) {
            prop_assert_eq!(parse_decimal(text, precision, scale), Ok(value.into()));
        }
        if let Some(value) = plain::float64(text) {
            prop_assert_eq!(parse_float64(text).map(f64::to_bits), Ok(value.to_bits()));
        }
        if let Some(value) = plain::days(text) {
            prop_assert_eq!(parse_date(text).map(days), Ok(value));
        }
        if let Some(value) = plain::timestamp_micros(text) {
            prop_assert_eq!(parse_timestamp(text).map(|timestamp| timestamp.and_utc().timestamp_micros()), Ok(value));
        }
        if let Some(value) = plain::timestamptz_micros(text) {
            prop_assert_eq!(parse_timestamptz(text).map(|instant| instant.timestamp_micros()), Ok(value));
        }
    }

    #[test]
    fn a_fast_reader_reads_what_it_is_there_for(number in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, scale in 0_u8..18) {
        prop_assert_eq!(plain::integer(number.to_string().as_bytes()), Some(number));
        let text = etlplus_core::Value::Decimal { unscaled: number.into(), scale }.to_string();
        // All its digits take 18 bytes at most, beside sign and point.
        if text.len() <= 18 {
            prop_assert_eq!(plain::decimal(text.as_bytes(), 18, scale), Some(number));
        }
    }
}

#[test]
fn every_day_that_there_is_is_read() {
    let mut day = NaiveDate::from_ymd_opt(0, 1, 1).unwrap();
    let mut expected = days(day);
    while day.to_string().len() == 10 {
        let text = day.to_string();
        assert_eq!(plain::days(text.as_bytes()), Some(expected), "{text}");
        let midnight = i64::from(expected) * 86_400_000_000;
        assert_eq!(plain::timestamp_micros(format!("{text}T00:00:00").as_bytes()), Some(midnight), "{text}");
        (day, expected) = (day.succ_opt().unwrap(), expected + 1);
    }
    assert!(expected > 2_900_000, "10,000 years were walked");
}
