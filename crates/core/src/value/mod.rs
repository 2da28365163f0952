//! Types that a column or a parameter can have, values of them, and how text becomes one.
//!
//! Parsing is strict: what does not fit its type exactly (too many digits, a day that does not exist, a time zone where
//! none belongs) is an error, never rounded, cut or guessed.

mod notation;
mod parse;
pub mod plain;
mod time_format;

use std::cmp::Ordering;
use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use uuid::Uuid;

pub use notation::{local_instant, parse_epoch, standard_number};
pub use parse::{
    ParseError, check_json, parse_binary, parse_boolean, parse_date, parse_decimal, parse_float32, parse_float64,
    parse_integer, parse_timestamp, parse_timestamptz, parse_uuid,
};
pub use time_format::{FormatError, TimeFormat};

/// The largest precision of a `decimal`.
pub const DECIMAL_MAX_PRECISION: u8 = 38;

/// The type of a column or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// `boolean`: true or false.
    Boolean,
    /// `int16`.
    Int16,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `float32`, IEEE 754.
    Float32,
    /// `float64`, IEEE 754.
    Float64,
    /// `decimal(precision, scale)`: exact; 1 <= precision <= 38, scale <= precision.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// `string`: UTF-8.
    String,
    /// `date`: a day of the Gregorian calendar.
    Date,
    /// `timestamp`: date and time of day without a zone, in microseconds.
    Timestamp,
    /// `timestamptz`: an instant, in microseconds of UTC.
    TimestampTz,
    /// `uuid`: 128 bits, as text in lower case with hyphens.
    Uuid,
    /// `json`: one JSON value, kept as it is written.
    Json,
    /// `binary`: bytes, as text `\x` and hexadecimal digits.
    Binary,
}

impl Type {
    /// The names of all types, as a pipeline file writes them.
    pub const NAMES: [&'static str; 14] = [
        "boolean",
        "int16",
        "int32",
        "int64",
        "float32",
        "float64",
        "decimal",
        "string",
        "date",
        "timestamp",
        "timestamptz",
        "uuid",
        "json",
        "binary",
    ];

    /// Whether some value of this type can [`Value::convert`] to `to`.
    pub fn can_become(self, to: Self) -> bool {
        use Type::{Boolean, Date, Decimal, Float32, Float64, Int16, Int32, Int64, String, Timestamp, TimestampTz};
        match (self, to) {
            // A text can hold the text of any value, and any value has a text.
            (String, _) | (_, String) => true,
            // 0 and 1 are booleans; true and false are no numbers.
            (Int16 | Int32 | Int64 | Float32 | Float64 | Decimal { scale: 0, .. }, Boolean) => true,
            (Int16 | Int32 | Int64 | Float32 | Float64, Int16 | Int32 | Int64) => true,
            // The text of a decimal always has all its digits after the point, which a whole number does not take.
            (Decimal { scale, .. }, Int16 | Int32 | Int64) => scale == 0,
            (Int16 | Int32 | Int64 | Float32 | Float64 | Decimal { .. }, Float32 | Float64 | Decimal { .. }) => true,
            (Date, Timestamp | TimestampTz) | (TimestampTz, Timestamp) => true,
            _ => self == to,
        }
    }
}

impl fmt::Display for Type {
    /// As a pipeline file writes it: `decimal(12,2)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Int16 => f.write_str("int16"),
            Self::Int32 => f.write_str("int32"),
            Self::Int64 => f.write_str("int64"),
            Self::Float32 => f.write_str("float32"),
            Self::Float64 => f.write_str("float64"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::String => f.write_str("string"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::TimestampTz => f.write_str("timestamptz"),
            Self::Uuid => f.write_str("uuid"),
            Self::Json => f.write_str("json"),
            Self::Binary => f.write_str("binary"),
        }
    }
}

/// A value of a known type: a parameter's argument, or the bound of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of type `boolean`.
    Boolean(bool),
    /// Of an integer type; fits it.
    Integer(i64),
    /// Of `float32` or `float64`; finite.
    Float(f64),
    /// Of type `decimal`: `unscaled` / 10^`scale`.
    Decimal {
        /// The digits as a whole number.
        unscaled: i128,
        /// Digits after the point.
        scale: u8,
    },
    /// Of type `string`.
    String(String),
    /// Of type `date`.
    Date(NaiveDate),
    /// Of type `timestamp`.
    Timestamp(NaiveDateTime),
    /// Of type `timestamptz`.
    TimestampTz(DateTime<Utc>),
    /// Of type `uuid`.
    Uuid(Uuid),
    /// Of type `json`: its text.
    Json(String),
    /// Of type `binary`.
    Binary(Vec<u8>),
}

impl Value {
    /// Reads `text` as a value of `ty`, strictly.
    pub fn parse(ty: Type, text: &str) -> Result<Self, ParseError> {
        let bytes = text.as_bytes();
        Ok(match ty {
            Type::Boolean => Self::Boolean(parse_boolean(bytes)?),
            Type::Int16 => Self::Integer(parse_integer(bytes, i16::MIN.into(), i16::MAX.into())?),
            Type::Int32 => Self::Integer(parse_integer(bytes, i32::MIN.into(), i32::MAX.into())?),
            Type::Int64 => Self::Integer(parse_integer(bytes, i64::MIN, i64::MAX)?),
            Type::Float32 => Self::Float(parse_float32(bytes)?.into()),
            Type::Float64 => Self::Float(parse_float64(bytes)?),
            Type::Decimal { precision, scale } => {
                Self::Decimal { unscaled: parse_decimal(bytes, precision, scale)?, scale }
            }
            Type::String => Self::String(text.to_owned()),
            Type::Date => Self::Date(parse_date(bytes)?),
            Type::Timestamp => Self::Timestamp(parse_timestamp(bytes)?),
            Type::TimestampTz => Self::TimestampTz(parse_timestamptz(bytes)?),
            Type::Uuid => Self::Uuid(parse_uuid(bytes)?),
            Type::Json => {
                check_json(bytes)?;
                Self::Json(text.to_owned())
            }
            Type::Binary => Self::Binary(parse_binary(bytes)?),
        })
    }

    /// This value as one of `ty`, where that loses nothing: an integer as a decimal, a date as its midnight, an instant
    /// as its date and time of day in UTC. `None` otherwise.
    pub fn convert(&self, ty: Type) -> Option<Self> {
        match (self, ty) {
            (Self::Date(date), Type::Timestamp) => Some(Self::Timestamp(date.and_hms_opt(0, 0, 0)?)),
            (Self::Date(date), Type::TimestampTz) => Some(Self::TimestampTz(date.and_hms_opt(0, 0, 0)?.and_utc())),
            // The run clock has to be comparable with columns that keep no zone; UTC is the zone of every such reading.
            (Self::TimestampTz(instant), Type::Timestamp) => Some(Self::Timestamp(instant.naive_utc())),
            (Self::Uuid(_), Type::Uuid) | (Self::Json(_), Type::Json) | (Self::Binary(_), Type::Binary) => {
                Some(self.clone())
            }
            // The text of one of these can look like another type's without meaning that: 32 digits are a UUID, and also
            // a number; every number is JSON.
            (Self::Uuid(_) | Self::Json(_) | Self::Binary(_), ty) if ty != Type::String => None,
            (from, Type::Uuid | Type::Json | Type::Binary) if !matches!(from, Self::String(_)) => None,
            // Every other conversion that loses nothing is one through the canonical text: "5" is an int16 and a
            // decimal(12,2), "5.0" is no int64, and a timestamp without a zone is no instant.
            _ => Self::parse(ty, &self.to_string()).ok(),
        }
    }

    /// The order of two values of one type; `None` where they are of different types, or have no order.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Decimal { unscaled: a, scale }, Self::Decimal { unscaled: b, scale: other }) => {
                (scale == other).then(|| a.cmp(b))
            }
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            (Self::TimestampTz(a), Self::TimestampTz(b)) => Some(a.cmp(b)),
            (Self::Uuid(a), Self::Uuid(b)) => Some(a.cmp(b)),
            (Self::Binary(a), Self::Binary(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    /// The canonical text, which [`Value::parse`] reads back as the same value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Decimal { unscaled, scale } => {
                let sign = if *unscaled < 0 { "-" } else { "" };
                let digits = format!("{:0>1$}", unscaled.unsigned_abs(), usize::from(*scale) + 1);
                let (whole, fraction) = digits.split_at(digits.len() - usize::from(*scale));
                let point = if fraction.is_empty() { "" } else { "." };
                write!(f, "{sign}{whole}{point}{fraction}")
            }
            Self::String(value) => f.write_str(value),
            Self::Date(value) => write!(f, "{value}"),
            Self::Timestamp(value) => write!(f, "{}", value.format("%Y-%m-%dT%H:%M:%S%.f")),
            Self::TimestampTz(value) => write!(f, "{}", value.format("%Y-%m-%dT%H:%M:%S%.fZ")),
            Self::Uuid(value) => write!(f, "{value}"),
            Self::Json(value) => f.write_str(value),
            Self::Binary(value) => {
                f.write_str("\\x")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}
