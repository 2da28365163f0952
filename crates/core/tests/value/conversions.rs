//! What a value becomes as text, and as a value of another type.

use chrono::{NaiveDate, NaiveDateTime};
use etlplus_core::{Type, Value};
use proptest::prelude::*;

use super::{typed_values, types};

proptest! {
    #[test]
    fn the_canonical_text_reads_back_as_the_same_value((ty, value) in typed_values()) {
        prop_assert_eq!(Value::parse(ty, &value.to_string()), Ok(value));
    }

    #[test]
    fn a_value_becomes_its_own_type_unchanged((ty, value) in typed_values()) {
        prop_assert_eq!(value.convert(ty), Some(value));
    }

    #[test]
    fn what_can_never_convert_never_does((from, value) in typed_values(), to in types()) {
        if let Some(converted) = value.convert(to) {
            prop_assert!(from.can_become(to), "{value} of {from} became {converted} of {to}");
        }
    }

    #[test]
    fn whole_numbers_survive_every_conversion_that_is_made((from, value) in typed_values(), to in types()) {
        if let (Value::Integer(number), Some(Value::Integer(converted))) = (&value, value.convert(to)) {
            prop_assert_eq!(*number, converted, "{} to {}", from, to);
        }
    }

    #[test]
    fn values_are_ordered_as_their_kind_is((_, a) in typed_values(), (_, b) in typed_values()) {
        let order = a.compare(&b);
        prop_assert_eq!(b.compare(&a), order.map(|order| order.reverse()));
        // Of JSON, one value has many texts, and values have no order.
        let has_order = !matches!(a, Value::Json(_));
        prop_assert_eq!(a.compare(&a).is_some_and(|order| order.is_eq()), has_order);
    }
}

/// Wherever a conversion is promised, some value makes it.
#[test]
fn what_can_convert_does_for_some_value() {
    let decimal = |precision, scale| Type::Decimal { precision, scale };
    let types = [
        Type::Boolean,
        Type::Int16,
        Type::Int32,
        Type::Int64,
        Type::Float32,
        Type::Float64,
        decimal(5, 0),
        decimal(5, 2),
        decimal(2, 2),
        Type::String,
        Type::Date,
        Type::Timestamp,
        Type::TimestampTz,
        Type::Uuid,
        Type::Json,
        Type::Binary,
    ];
    let texts = [
        "0",
        "1",
        "0.0",
        "0.00",
        "true",
        "2020-01-01",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00Z",
        "0192f0c1-2d3e-7f40-8a51-62b374c58d69",
        "[1, {}]",
        "\\x00ff",
    ];
    for from in types {
        for to in types {
            let converts = |text: &&str| Value::parse(from, text).is_ok_and(|value| value.convert(to).is_some());
            assert_eq!(texts.iter().any(converts), from.can_become(to), "{from} to {to}");
        }
    }
}

#[test]
fn conversions_lose_nothing() {
    let date = NaiveDate::from_ymd_opt(2026, 2, 28).unwrap();
    let midnight: NaiveDateTime = date.and_hms_opt(0, 0, 0).unwrap();
    assert_eq!(Value::Date(date).convert(Type::Timestamp), Some(Value::Timestamp(midnight)));
    assert_eq!(Value::Date(date).convert(Type::TimestampTz), Some(Value::TimestampTz(midnight.and_utc())));
    assert_eq!(Value::TimestampTz(midnight.and_utc()).convert(Type::Timestamp), Some(Value::Timestamp(midnight)));
    assert_eq!(Value::Timestamp(midnight).convert(Type::TimestampTz), None);
    assert_eq!(Value::Timestamp(midnight).convert(Type::Date), None);
    assert_eq!(Value::Integer(40_000).convert(Type::Int16), None);
    assert_eq!(
        Value::Integer(5).convert(Type::Decimal { precision: 3, scale: 2 }),
        Some(Value::Decimal { unscaled: 500, scale: 2 })
    );
    assert_eq!(Value::Integer(50).convert(Type::Decimal { precision: 3, scale: 2 }), None);
    assert_eq!(Value::Decimal { unscaled: 505, scale: 2 }.convert(Type::Decimal { precision: 9, scale: 1 }), None);
    assert_eq!(Value::Float(0.5).convert(Type::Int64), None);
    assert_eq!(Value::String("x".to_owned()).convert(Type::Date), None);
}

/// 32 digits are the text of a number, of a JSON value, and of a UUID without hyphens; only one of them is meant.
#[test]
fn a_text_that_looks_like_another_type_does_not_become_it() {
    let digits = "12345678901234567890123456789012";
    let decimal = Type::Decimal { precision: 38, scale: 0 };
    let [number, json, uuid] = [decimal, Type::Json, Type::Uuid].map(|ty| Value::parse(ty, digits).unwrap());
    for (value, other) in [
        (&number, Type::Uuid),
        (&number, Type::Json),
        (&json, decimal),
        (&json, Type::Uuid),
        (&uuid, Type::Json),
        (&uuid, Type::Binary),
    ] {
        assert_eq!(value.convert(other), None, "{value:?} to {other}");
    }
    let text = Value::String(digits.to_owned());
    assert_eq!([decimal, Type::Json, Type::Uuid].map(|ty| text.convert(ty)), [Some(number), Some(json), Some(uuid)]);
}

#[test]
fn decimals_are_written_with_all_their_digits() {
    for (unscaled, scale, text) in [
        (0, 0, "0"),
        (0, 2, "0.00"),
        (-5, 2, "-0.05"),
        (12_345, 2, "123.45"),
        (-7, 0, "-7"),
        (1, 38, "0.00000000000000000000000000000000000001"),
    ] {
        assert_eq!(Value::Decimal { unscaled, scale }.to_string(), text);
    }
}
