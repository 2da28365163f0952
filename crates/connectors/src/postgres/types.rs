//! What PostgreSQL's types are in Arrow, and the other way round: without loss, or not at all.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, TimeUnit};
use etlplus_core::Type;
use etlplus_core::value::DECIMAL_MAX_PRECISION;

use crate::check::TYPE_KEY;

/// A column's type as far as ETL Plus knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PgType {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// Digits in all and after the point; `None`: any.
    Numeric(Option<(i32, i32)>),
    /// Text of at most so many characters, `None`: any. Labels of enumerations are texts, too.
    Text(Option<u32>),
    /// Text of so many characters, `None`: not known, which the server fills up with spaces. They are no part of the value:
    /// the server has `a` and `a ` for equal.
    Char(Option<u32>),
    Uuid,
    Json,
    Jsonb,
    Bytea,
    Date,
    /// With so many digits of the second's fraction.
    Timestamp(u8),
    TimestampTz(u8),
    /// Anything else.
    Other,
}

/// The digits after the point that a second has.
const SECOND_DIGITS: u8 = 6;
/// What the server adds to a length in a type modifier: the size of the length itself.
const MODIFIER_OFFSET: i32 = 4;

impl PgType {
    /// The type that the catalog calls `name`, of the kind `kind` (`pg_type.typtype`) with the type modifier `modifier`, -1
    /// for none.
    pub(super) fn of_catalog(name: &str, kind: &str, modifier: i32) -> Self {
        let length = u32::try_from(modifier - MODIFIER_OFFSET).ok();
        let second_digits = u8::try_from(modifier).unwrap_or(SECOND_DIGITS);
        match name {
            _ if kind == "e" => Self::Text(None),
            "bool" => Self::Bool,
            "int2" => Self::Int2,
            "int4" => Self::Int4,
            "int8" => Self::Int8,
            "float4" => Self::Float4,
            "float8" => Self::Float8,
            "numeric" => Self::Numeric((modifier >= MODIFIER_OFFSET).then(|| digits(modifier - MODIFIER_OFFSET))),
            "text" | "citext" => Self::Text(None),
            "varchar" => Self::Text(length),
            "bpchar" => Self::Char(length),
            "name" => Self::Text(Some(super::target::NAME_MAX_BYTES as u32)),
            "uuid" => Self::Uuid,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "bytea" => Self::Bytea,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp(second_digits),
            "timestamptz" => Self::TimestampTz(second_digits),
            _ => Self::Other,
        }
    }

    /// The type that the driver calls `name`, in lower case, where no modifier is known.
    pub(super) fn of_prepared(name: &str) -> Self {
        match name {
            "char" => Self::Char(None),
            _ => Self::of_catalog(name, "b", -1),
        }
    }

    /// The type of its values in a pipeline; `None` where there is none.
    pub(super) fn value_type(self) -> Option<Type> {
        Some(match self {
            Self::Bool => Type::Boolean,
            Self::Int2 => Type::Int16,
            Self::Int4 => Type::Int32,
            Self::Int8 => Type::Int64,
            Self::Float4 => Type::Float32,
            Self::Float8 => Type::Float64,
            Self::Numeric(digits) => {
                let (precision, scale) = digits?;
                let DataType::Decimal128(precision, scale) = decimal(precision, scale)? else { return None };
                Type::Decimal { precision, scale: scale.unsigned_abs() }
            }
            Self::Text(_) | Self::Char(_) => Type::String,
            Self::Uuid => Type::Uuid,
            Self::Json | Self::Jsonb => Type::Json,
            Self::Bytea => Type::Binary,
            Self::Date => Type::Date,
            Self::Timestamp(_) => Type::Timestamp,
            Self::TimestampTz(_) => Type::TimestampTz,
            Self::Other => return None,
        })
    }

    /// The type that is made for a column of rows; `None` where there is none without loss.
    pub(super) fn for_field(field: &Field) -> Option<Self> {
        carried(field).map(|(_, ty)| ty)
    }

    /// As SQL writes it in a table's definition.
    pub(super) fn sql(self) -> String {
        match self {
            Self::Bool => "boolean".to_owned(),
            Self::Int2 => "smallint".to_owned(),
            Self::Int4 => "integer".to_owned(),
            Self::Int8 => "bigint".to_owned(),
            Self::Float4 => "real".to_owned(),
            Self::Float8 => "double precision".to_owned(),
            Self::Numeric(None) => "numeric".to_owned(),
            Self::Numeric(Some((precision, scale))) => format!("numeric({precision},{scale})"),
            Self::Text(None) | Self::Other => "text".to_owned(),
            Self::Text(Some(length)) => format!("varchar({length})"),
            Self::Char(None) => "bpchar".to_owned(),
            Self::Char(Some(length)) => format!("character({length})"),
            Self::Uuid => "uuid".to_owned(),
            Self::Json => "json".to_owned(),
            Self::Jsonb => "jsonb".to_owned(),
            Self::Bytea => "bytea".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Timestamp(_) => "timestamp".to_owned(),
            Self::TimestampTz(_) => "timestamptz".to_owned(),
        }
    }

    /// The Arrow field of a column that is read, whose every value has a place in it but infinities and NaN; `None` where
    /// there is no such field. A number without a bound has none.
    pub(super) fn field(self, name: &str) -> Option<Field> {
        let data_type = match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Numeric(Some((precision, scale))) => decimal(precision, scale)?,
            Self::Numeric(None) | Self::Other => return None,
            Self::Text(_) | Self::Char(_) | Self::Uuid | Self::Json | Self::Jsonb => DataType::Utf8,
            Self::Bytea => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        let field = Field::new(name, data_type, true);
        let says = |ty: Type| HashMap::from([(TYPE_KEY.to_owned(), ty.to_string())]);
        Some(match self {
            Self::Uuid => field.with_metadata(says(Type::Uuid)),
            Self::Json | Self::Jsonb => field.with_metadata(says(Type::Json)),
            _ => field,
        })
    }

    /// Whether each value of the type `from`, made by [`PgType::for_field`], is one of this type, too. A text that is too long, or
    /// that ends in spaces where they are no part of the value, is told row by row.
    pub(super) fn holds(self, from: Self) -> bool {
        use PgType::{Bool, Bytea, Char, Date, Float4, Float8, Int2, Int4, Int8, Json, Jsonb, Numeric, Text, Uuid};
        // Digits before the point that whole numbers have.
        let whole_digits = |ty| match ty {
            Int2 => 5,
            Int4 => 10,
            _ => 19,
        };
        match (from, self) {
            (Bool, Bool) | (Bytea, Bytea) | (Date, Date) | (Uuid, Uuid) => true,
            (Int2, Int2 | Int4 | Int8) | (Int4, Int4 | Int8) | (Int8, Int8) => true,
            (Int2 | Int4 | Int8 | Numeric(_), Numeric(None)) => true,
            (Int2 | Int4 | Int8, Numeric(Some((precision, scale)))) => precision - scale >= whole_digits(from),
            (Numeric(Some((p, s))), Numeric(Some((precision, scale)))) => scale >= s && precision - scale >= p - s,
            (Float4, Float4 | Float8) | (Float8, Float8) => true,
            (Text(_), Text(_) | Char(_)) | (Uuid | Json, Text(None)) | (Json, Json | Jsonb) => true,
            // A column of fewer digits rounds what it is given.
            (Self::Timestamp(_), Self::Timestamp(digits)) => digits == SECOND_DIGITS,
            (Self::TimestampTz(_), Self::TimestampTz(digits)) => digits == SECOND_DIGITS,
            _ => false,
        }
    }
}

/// Precision and scale out of a type modifier; the scale has eleven bits with a sign.
fn digits(modifier: i32) -> (i32, i32) {
    (modifier >> 16, ((modifier & 0x7ff) ^ 0x400) - 0x400)
}

/// The decimal that holds each number of so many digits. A negative scale stands for zeros before the point, and a scale
/// beyond the precision for zeros after it.
fn decimal(precision: i32, scale: i32) -> Option<DataType> {
    let (precision, scale) = (precision.max(scale) - scale.min(0), scale.max(0));
    let precision = u8::try_from(precision).ok().filter(|precision| *precision <= DECIMAL_MAX_PRECISION)?;
    Some(DataType::Decimal128(precision, scale as i8))
}

/// What a column of rows is turned into before it is sent, and as what it is sent; `None` where that loses something.
pub(super) fn carried(field: &Field) -> Option<(DataType, PgType)> {
    const MICROS: TimeUnit = TimeUnit::Microsecond;
    let said = field.metadata().get(TYPE_KEY).map(String::as_str);
    let numeric = |precision: u8, scale: i8| {
        let data_type = decimal(precision.into(), scale.into())?;
        let DataType::Decimal128(precision, scale) = data_type else { return None };
        Some((data_type, PgType::Numeric(Some((precision.into(), scale.into())))))
    };
    Some(match field.data_type() {
        DataType::Boolean => (DataType::Boolean, PgType::Bool),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => (DataType::Int16, PgType::Int2),
        DataType::Int32 | DataType::UInt16 => (DataType::Int32, PgType::Int4),
        DataType::Int64 | DataType::UInt32 => (DataType::Int64, PgType::Int8),
        DataType::UInt64 => numeric(20, 0)?,
        DataType::Float16 | DataType::Float32 => (DataType::Float32, PgType::Float4),
        DataType::Float64 => (DataType::Float64, PgType::Float8),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => numeric(*precision, *scale)?,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => match said {
            Some("uuid") => (DataType::Utf8, PgType::Uuid),
            Some("json") => (DataType::Utf8, PgType::Json),
            _ => (DataType::Utf8, PgType::Text(None)),
        },
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            (DataType::Binary, PgType::Bytea)
        }
        DataType::Date32 => (DataType::Date32, PgType::Date),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => return None,
        DataType::Timestamp(_, None) => (DataType::Timestamp(MICROS, None), PgType::Timestamp(SECOND_DIGITS)),
        DataType::Timestamp(_, Some(zone)) => {
            (DataType::Timestamp(MICROS, Some(zone.clone())), PgType::TimestampTz(SECOND_DIGITS))
        }
        DataType::Dictionary(_, values) => return carried(&field.clone().with_data_type(values.as_ref().clone())),
        _ => return None,
    })
}
