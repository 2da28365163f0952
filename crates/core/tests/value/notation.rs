//! Numbers and times in other notations: what was written comes back, and what does not fit is told.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use etlplus_core::value::{
    FormatError, ParseError, TimeFormat, local_instant, parse_decimal, parse_epoch, parse_float64, standard_number,
};
use proptest::prelude::*;

use super::{decimal_types, instant, timestamps};

/// A whole part in groups of three.
fn grouped(digits: &str, separator: char) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

fn number(text: &str, decimal: u8, thousands: Option<u8>) -> Result<String, ParseError> {
    standard_number(text.as_bytes(), decimal, thousands).map(|text| String::from_utf8(text).expect("ASCII"))
}

proptest! {
    #[test]
    fn grouped_decimals_come_back((precision, scale) in decimal_types(), digits in any::<i128>(), (decimal, thousands) in prop::sample::select(vec![(b',', b'.'), (b'.', b','), (b'.', b'\''), (b',', b' ')])) {
        let unscaled = digits % 10_i128.pow(precision.into());
        let standard = etlplus_core::Value::Decimal { unscaled, scale }.to_string();
        let (sign, number) = standard.strip_prefix('-').map_or(("", standard.as_str()), |number| ("-", number));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let point = if fraction.is_empty() { String::new() } else { char::from(decimal).to_string() };
        for whole in [whole.to_owned(), grouped(whole, char::from(thousands))] {
            let text = format!("{sign}{whole}{point}{fraction}");
            let read = standard_number(text.as_bytes(), decimal, Some(thousands));
            prop_assert_eq!(read.as_deref().map(|text| parse_decimal(text, precision, scale)), Ok(Ok(unscaled)), "{}", text);
        }
    }

    #[test]
    fn floats_with_a_comma_come_back(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
        for standard in [value.to_string(), format!("{value:e}")] {
            let read = standard_number(standard.replace('.', ",").as_bytes(), b',', Some(b'.'));
            prop_assert_eq!(read.as_deref().map(parse_float64), Ok(Ok(value)), "{}", standard);
        }
    }

    #[test]
    fn a_number_with_a_group_moved_is_none(digits in "[1-9][0-9]{3,12}", at in any::<prop::sample::Index>()) {
        let text = grouped(&digits, '.');
        // A separator one place too far, or one too many.
        let places: Vec<_> = text.match_indices('.').map(|(at, _)| at).collect();
        let place = places[at.index(places.len())];
        let mut moved = text.clone();
        moved.remove(place);
        moved.insert(place + 1, '.');
        prop_assert_eq!(number(&moved, b',', Some(b'.')), Err(ParseError::WrongGroups), "{}", moved);
        let mut doubled = text;
        doubled.insert(place, '.');
        prop_assert_eq!(number(&doubled, b',', Some(b'.')), Err(ParseError::WrongGroups), "{}", doubled);
    }

    #[test]
    fn foreign_numbers_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..40), thousands in prop::option::of(any::<u8>()), decimal in any::<u8>()) {
        let _ = standard_number(&bytes, decimal, thousands);
        for digits in [0, 3, 6] {
            let _ = parse_epoch(&bytes, digits);
        }
    }

    #[test]
    fn epochs_come_back(timestamp in timestamps()) {
        let micros = timestamp.and_utc().timestamp_micros();
        let decimal = |scale: u8| etlplus_core::Value::Decimal { unscaled: micros.into(), scale }.to_string();
        for (text, digits) in [(decimal(6), 0), (decimal(3), 3), (decimal(0), 6)] {
            prop_assert_eq!(parse_epoch(text.as_bytes(), digits), Ok(timestamp.and_utc()), "{}", text);
        }
    }

    #[test]
    fn formatted_times_come_back(timestamp in timestamps(), format in prop::sample::select(vec![
        "%Y-%m-%d %H:%M:%S%.f", "%d.%m.%Y %H:%M:%S.%f", "%Y%m%d%H%M%S%.6f", "%-d/%-m/%Y %I:%M:%S%.6f %p", "%a, %d %b %Y %T.%f",
        "%A %B %e %Y %k:%M:%S%.f", "%Y %j %H-%M-%S %f",
    ])) {
        let text = timestamp.format(format).to_string();
        let reader = TimeFormat::new(format).expect("it can be read");
        prop_assert_eq!(reader.timestamp(text.as_bytes()), Ok(timestamp), "{}", text);
        prop_assert_eq!(reader.instant(text.as_bytes(), Some(Tz::UTC)), Ok(timestamp.and_utc()), "{}", text);
        for other in [format!(" {text}"), format!("{text} "), format!("{text}0x"), text[1..].to_owned()] {
            prop_assert_ne!(reader.timestamp(other.as_bytes()), Ok(timestamp), "{}", other);
        }
    }

    #[test]
    fn instants_with_offsets_come_back(timestamp in timestamps(), minutes in -18 * 60..=18 * 60_i32, format in prop::sample::select(vec!["%Y-%m-%d %H:%M:%S%.f %z", "%d.%m.%Y %T.%f%:z"])) {
        let offset = chrono::FixedOffset::east_opt(minutes * 60).expect("less than a day");
        let local = timestamp.and_utc().with_timezone(&offset);
        // Four digits hold the years to 9999 alone.
        prop_assume!((0..=9999).contains(&chrono::Datelike::year(&local)));
        let text = local.format(format).to_string();
        // The offset counts, whatever zone the column has.
        let read = TimeFormat::new(format).expect("it can be read").instant(text.as_bytes(), Some(Tz::Europe__Berlin));
        prop_assert_eq!(read, Ok(timestamp.and_utc()), "{}", text);
    }

    #[test]
    fn local_times_come_back_where_clocks_show_them_once(micros in 0_i64..4_000_000_000_000_000, zone in prop::sample::select(vec![Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Lord_Howe, Tz::Asia__Kolkata])) {
        let instant = instant(micros);
        let local = instant.with_timezone(&zone).naive_local();
        let read = local_instant(local, zone);
        // Only in the hour that comes twice is there another instant with the same time on the clock.
        let twin = [-60, -30, 30, 60].map(|minutes| instant + TimeDelta::minutes(minutes)).into_iter()
            .any(|other| other.with_timezone(&zone).naive_local() == local);
        prop_assert_eq!(read, if twin { Err(ParseError::RepeatedTime) } else { Ok(instant) });
    }

    #[test]
    fn foreign_times_are_answered(format in "(%[a-zA-Z%.:3-9_+-]{1,3}|[ -~]){0,12}", text in any::<String>()) {
        if let Ok(reader) = TimeFormat::new(&format) {
            let _ = (reader.date(text.as_bytes()), reader.timestamp(text.as_bytes()), reader.instant(text.as_bytes(), None));
        }
    }
}

#[test]
fn numbers_keep_their_notation() {
    let ok = |text: &str| Ok(text.to_owned());
    let (no, groups) = (Err(ParseError::NotNumber), Err(ParseError::WrongGroups));
    for (text, expected) in [
        ("1.234,50", ok("1234.50")),
        ("1234,50", ok("1234.50")),
        ("-1.234.567", ok("-1234567")),
        ("+12,5", ok("+12.5")),
        (",5", ok(".5")),
        ("1,5e-3", ok("1.5e-3")),
        ("", ok("")),
        ("1.00.000", groups.clone()),
        ("1.5", groups.clone()),
        ("1234.567", groups.clone()),
        (".123", groups.clone()),
        ("1..000", groups.clone()),
        ("1.000.", groups),
        ("1,000.000", no.clone()),
        ("1,5,5", no.clone()),
        ("1,5e-3.000", no.clone()),
        ("1 000", no.clone()),
        ("1e5-3", no.clone()),
        ("€5", no.clone()),
        ("0x10", no),
    ] {
        assert_eq!(number(text, b',', Some(b'.')), expected, "{text:?}");
    }
    assert_eq!(number("1.5", b',', None), Err(ParseError::NotNumber), "a point is none where the comma is");
    assert_eq!(number("1'000.5", b'.', Some(b'\'')), ok("1000.5"));
}

#[test]
fn epochs_are_exact() {
    let at = |text: &str, digits: u8| parse_epoch(text.as_bytes(), digits).map(|instant| instant.to_rfc3339());
    assert_eq!(at("1700000000", 0), Ok("2023-11-14T22:13:20+00:00".to_owned()));
    assert_eq!(at("-1.5", 0), Ok("1969-12-31T23:59:58.500+00:00".to_owned()));
    assert_eq!(at("1700000000123.4560", 3), Ok("2023-11-14T22:13:20.123456+00:00".to_owned()));
    for (text, digits, error) in [
        ("1.0000001", 0, ParseError::TooPrecise),
        ("1.0001", 3, ParseError::TooPrecise),
        ("1.5", 6, ParseError::TooPrecise),
        ("253402300800", 0, ParseError::OutOfRange),
        ("99999999999999999999999999999999999999", 6, ParseError::OutOfRange),
        ("1e9", 0, ParseError::NotNumber),
        ("", 0, ParseError::NotNumber),
        ("2023-11-14", 0, ParseError::NotNumber),
    ] {
        assert_eq!(at(text, digits), Err(error), "{text:?}");
    }
}

#[test]
fn strftime_formats_are_read_to_the_digit() {
    let day = |format: &str, text: &str| TimeFormat::new(format).expect("it can be read").date(text.as_bytes());
    let march = Ok(NaiveDate::from_ymd_opt(2026, 3, 1).expect("a day"));
    for (format, text, expected) in [
        ("%d.%m.%Y", "01.03.2026", march),
        ("%-d.%-m.%Y", "1.3.2026", march),
        ("%-d.%-m.%Y", "01.03.2026", march),
        ("%e.%m.%Y", " 1.03.2026", march),
        ("%d %B %Y", "01 march 2026", march),
        ("%d.%m.%y", "01.03.26", march),
        ("%Y%m%d", "20260301", march),
        ("%a %d.%m.%Y", "Sun 01.03.2026", march),
        ("%d.%m.%Y %H:%M", "01.03.2026 00:00", march),
        ("%d.%m.%Y %H:%M", "01.03.2026 00:01", Err(ParseError::UnexpectedTime)),
        ("%G-W%V-%u", "2026-W09-7", march),
        ("%Y %U %w", "2026 09 0", march),
        ("%Y %U %w", "2026 09 7", Err(ParseError::NoSuchDay)),
        ("%G-W%V-%u", "2026-W09-8", Err(ParseError::NoSuchDay)),
        ("%G-W%V-%u", "2026-W9-7", Err(ParseError::NotOfFormat)),
        ("%d.%m.%Y", "1.3.2026", Err(ParseError::NotOfFormat)),
        ("%d.%m.%Y", "01.03.26", Err(ParseError::NotOfFormat)),
        ("%d.%m.%Y", "01.03.02026", Err(ParseError::NotOfFormat)),
        ("%d.%m.%Y", " 01.03.2026", Err(ParseError::NotOfFormat)),
        ("%d.%m.%Y", "01.03.2026 ", Err(ParseError::NotOfFormat)),
        ("%d.%m.%Y", "01.03.+2026", Err(ParseError::NotOfFormat)),
        ("%d.%m.%Y", "30.02.2026", Err(ParseError::NoSuchDay)),
        ("%d.%m.%Y", "01.13.2026", Err(ParseError::NoSuchDay)),
        ("%a %d.%m.%Y", "Mon 01.03.2026", Err(ParseError::NoSuchDay)),
        ("%d.%m.%Y", "", Err(ParseError::NotOfFormat)),
    ] {
        assert_eq!(day(format, text), expected, "{format} {text:?}");
    }
    let time = |format: &str, text: &str| TimeFormat::new(format).expect("it can be read").timestamp(text.as_bytes());
    let at = |hour, minute, second, micro| {
        let date = NaiveDate::from_ymd_opt(2026, 3, 1).expect("a day");
        Ok(date.and_hms_micro_opt(hour, minute, second, micro).expect("a time"))
    };
    for (format, text, expected) in [
        ("%Y-%m-%d", "2026-03-01", at(0, 0, 0, 0)),
        ("%Y-%m-%d %H", "2026-03-01 07", at(7, 0, 0, 0)),
        ("%F %T%.f", "2026-03-01 07:08:09.5", at(7, 8, 9, 500_000)),
        ("%F %T%.f", "2026-03-01 07:08:09", at(7, 8, 9, 0)),
        ("%F %T.%f", "2026-03-01 07:08:09.123456000000", at(7, 8, 9, 123_456)),
        ("%F %I:%M %p", "2026-03-01 12:08 am", at(0, 8, 0, 0)),
        ("%F %T%.3f", "2026-03-01 07:08:09.125", at(7, 8, 9, 125_000)),
        ("%F %T%.3f", "2026-03-01 07:08:09.1250", Err(ParseError::NotOfFormat)),
        ("%F %T%.3f", "2026-03-01 07:08:09", Err(ParseError::NotOfFormat)),
        ("%F %T%.9f", "2026-03-01 07:08:09.125000001", Err(ParseError::TooPrecise)),
        ("%F %T.%f", "2026-03-01 07:08:09.1234567", Err(ParseError::TooPrecise)),
        ("%F %T", "2026-03-01 24:00:00", Err(ParseError::NoSuchTime)),
        ("%F %T", "2026-03-01 07:60:00", Err(ParseError::NoSuchTime)),
        ("%F %T", "2026-03-01 23:59:60", Err(ParseError::NoSuchTime)),
        ("%F %T", "2026-03-01  07:08:09", Err(ParseError::NotOfFormat)),
        ("%F %T %z", "2026-03-01 07:08:09 +0100", Err(ParseError::UnexpectedZone)),
    ] {
        assert_eq!(time(format, text), expected, "{format} {text:?}");
    }
    for (format, error) in [
        ("%Y-%m-%d %Z", FormatError::NotReadable),
        ("%s", FormatError::NotReadable),
        ("%+ %d", FormatError::NotReadable),
        ("%C%y", FormatError::NotReadable),
        ("%H%M%S%3f", FormatError::NotReadable),
        ("%Q", FormatError::NotStrftime),
        ("%", FormatError::NotStrftime),
    ] {
        assert_eq!(TimeFormat::new(format).err(), Some(error), "{format}");
    }
}

#[test]
fn local_times_that_are_none_or_two_are_told() {
    let reader = TimeFormat::new("%d.%m.%Y %H:%M").expect("it can be read");
    let read = |text: &str, zone| reader.instant(text.as_bytes(), zone);
    let berlin = Some(Tz::Europe__Berlin);
    let utc = |text: &str| -> Result<DateTime<Utc>, ParseError> {
        Ok(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time").and_utc())
    };
    assert_eq!(read("01.07.2026 12:00", berlin), utc("2026-07-01 10:00"));
    assert_eq!(read("01.01.2026 12:00", berlin), utc("2026-01-01 11:00"));
    assert_eq!(read("29.03.2026 02:30", berlin), Err(ParseError::SkippedTime));
    assert_eq!(read("25.10.2026 02:30", berlin), Err(ParseError::RepeatedTime));
    assert_eq!(read("25.10.2026 03:00", berlin), utc("2026-10-25 02:00"));
    assert_eq!(read("01.07.2026 12:00", None), Err(ParseError::NoZone));
    let whole = TimeFormat::new("%+").expect("it can be read");
    assert_eq!(whole.instant(b"2026-07-01T12:00:00+02:00", berlin), utc("2026-07-01 10:00"));
    assert_eq!(whole.instant(b"2026-07-01T12:00:00", berlin), Err(ParseError::NoZone));
}
