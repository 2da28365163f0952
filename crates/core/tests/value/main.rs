//! Values as text and back, against independent readers.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod conversions;
mod notation;
mod plain;
mod readers;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use etlplus_core::{Type, Value};
use proptest::prelude::*;

/// Microseconds of the years 0001 to 9999, which the four digits of a year can say.
const MICROS: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;

fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap()
}

fn dates() -> impl Strategy<Value = NaiveDate> {
    MICROS.prop_map(|micros| instant(micros).date_naive())
}

fn timestamps() -> impl Strategy<Value = NaiveDateTime> {
    // Whole seconds and milliseconds are written with fewer digits.
    (MICROS, prop::sample::select(vec![1, 1_000, 1_000_000]))
        .prop_map(|(micros, unit)| instant((micros / unit * unit).clamp(MICROS.start, MICROS.end - 1)).naive_utc())
}

fn decimal_types() -> impl Strategy<Value = (u8, u8)> {
    (1..=38_u8).prop_flat_map(|precision| (Just(precision), 0..=precision))
}

fn decimals() -> impl Strategy<Value = (Type, Value)> {
    (decimal_types(), any::<i128>()).prop_map(|((precision, scale), digits)| {
        let unscaled = digits % 10_i128.pow(precision.into());
        (Type::Decimal { precision, scale }, Value::Decimal { unscaled, scale })
    })
}

/// Texts of JSON values, with blanks that mean nothing.
fn json_texts() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(" , ")));
        prop_oneof![list, inner.prop_map(|value| format!("{{ \"a\":{value}}}"))]
    })
}

/// A value of each type, with its type.
fn typed_values() -> impl Strategy<Value = (Type, Value)> {
    prop_oneof![
        any::<bool>().prop_map(|value| (Type::Boolean, Value::Boolean(value))),
        any::<i16>().prop_map(|value| (Type::Int16, Value::Integer(value.into()))),
        any::<i32>().prop_map(|value| (Type::Int32, Value::Integer(value.into()))),
        any::<i64>().prop_map(|value| (Type::Int64, Value::Integer(value))),
        any::<f32>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| (Type::Float32, Value::Float(value.into()))),
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| (Type::Float64, Value::Float(value))),
        decimals(),
        any::<String>().prop_map(|value| (Type::String, Value::String(value))),
        dates().prop_map(|value| (Type::Date, Value::Date(value))),
        timestamps().prop_map(|value| (Type::Timestamp, Value::Timestamp(value))),
        timestamps().prop_map(|value| (Type::TimestampTz, Value::TimestampTz(value.and_utc()))),
        any::<u128>().prop_map(|bits| (Type::Uuid, Value::parse(Type::Uuid, &format!("{bits:032x}")).unwrap())),
        json_texts().prop_map(|text| (Type::Json, Value::Json(text))),
        any::<Vec<u8>>().prop_map(|bytes| (Type::Binary, Value::Binary(bytes))),
    ]
}

fn types() -> impl Strategy<Value = Type> {
    let simple = [
        Type::Boolean,
        Type::Int16,
        Type::Int32,
        Type::Int64,
        Type::Float32,
        Type::Float64,
        Type::String,
        Type::Date,
        Type::Timestamp,
        Type::TimestampTz,
        Type::Uuid,
        Type::Json,
        Type::Binary,
    ];
    let decimal = decimal_types().prop_map(|(precision, scale)| Type::Decimal { precision, scale });
    prop_oneof![4 => prop::sample::select(simple.to_vec()), 1 => decimal]
}
