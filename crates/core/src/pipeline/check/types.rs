//! Types as a pipeline file writes them.

use super::field::Section;
use super::{Check, Fault, quoted};
use crate::mistake::nearest;
use crate::value::{DECIMAL_MAX_PRECISION, Type};

/// What other systems call our types. The second is what to write here.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("int64", &["int", "integer", "bigint", "long", "i64"]),
    ("int32", &["int4", "i32"]),
    ("int16", &["smallint", "short", "int2", "tinyint", "i16"]),
    ("float64", &["double", "float", "double precision", "float8", "f64"]),
    ("float32", &["real", "float4", "f32"]),
    ("decimal(12,2)", &["numeric", "number", "dec", "money"]),
    ("string", &["text", "varchar", "char", "character", "nvarchar", "str", "utf8", "clob"]),
    ("boolean", &["bool", "bit"]),
    ("timestamp", &["datetime", "timestamp_ntz"]),
    ("uuid", &["guid", "uniqueidentifier"]),
    ("json", &["jsonb", "variant"]),
    ("binary", &["bytea", "blob", "bytes", "varbinary"]),
    ("timestamptz", &["timestamp_tz", "timestamp with time zone", "datetimeoffset", "instant"]),
];

/// `type` in the long form of a parameter or a column.
pub(super) fn field(check: &mut Check, section: &Section<'_>) -> Option<Type> {
    let field = section.require(check, "type", "string")?;
    let scalar = field.scalar(check, "a type, such as int64")?;
    parse(&scalar.text).map_err(|fault| field.fault(check, fault)).ok()
}

/// The type that `text` names: `int64`, `decimal(12,2)`.
pub(super) fn parse(text: &str) -> Result<Type, Fault> {
    if text.contains('(') && !text.contains(')') {
        // A map written in { } ends a text at its first comma, which nobody expects.
        let remedy = "write decimal(12,2) for example; inside of { }, put quotes around it";
        return Err(Fault::new(format!("the ( of {} is never closed", quoted(text)), remedy));
    }
    let (name, arguments) = split_arguments(text);
    let simple = match name {
        "boolean" => Type::Boolean,
        "int16" => Type::Int16,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "float32" => Type::Float32,
        "float64" => Type::Float64,
        "decimal" => return decimal(text, arguments),
        "string" => Type::String,
        "date" => Type::Date,
        "timestamp" => Type::Timestamp,
        "timestamptz" => Type::TimestampTz,
        "uuid" => Type::Uuid,
        "json" => Type::Json,
        "binary" => Type::Binary,
        _ => return Err(unknown(text, name, arguments)),
    };
    match arguments {
        None => Ok(simple),
        Some(_) if simple == Type::String => {
            let remedy = "write string length(..20) for at most 20 characters";
            Err(Fault::new(format!("{} takes nothing in brackets", quoted(text)), remedy))
        }
        Some(_) => Err(Fault::new(format!("{} takes nothing in brackets", quoted(text)), format!("write {simple}"))),
    }
}

/// `decimal(12,2)` as `decimal` and `12,2`. Text behind the brackets makes them part of the name, which is then unknown.
fn split_arguments(text: &str) -> (&str, Option<&str>) {
    let split = text.strip_suffix(')').and_then(|rest| rest.split_once('('));
    split.map_or((text, None), |(name, arguments)| (name, Some(arguments)))
}

fn decimal(text: &str, arguments: Option<&str>) -> Result<Type, Fault> {
    let numbers = arguments.and_then(|arguments| arguments.split_once(','));
    let number = |text: &str| text.trim().parse::<u8>().ok().filter(|_| !text.trim().starts_with('+'));
    let numbers = numbers.and_then(|(precision, scale)| Some((number(precision)?, number(scale)?)));
    match numbers {
        Some((precision @ 1..=DECIMAL_MAX_PRECISION, scale)) if scale <= precision => {
            Ok(Type::Decimal { precision, scale })
        }
        _ => {
            let remedy = format!(
                "write decimal(12,2) for 12 digits in all, 2 of them after the point; at most {DECIMAL_MAX_PRECISION} digits"
            );
            Err(Fault::new(format!("{} does not say which decimals it holds", quoted(text)), remedy))
        }
    }
}

fn unknown(text: &str, name: &str, arguments: Option<&str>) -> Fault {
    let message = format!("unknown type {}", quoted(text));
    if name.is_empty() {
        return Fault::new("the type is missing", format!("begin with one of {}", Type::NAMES.join(", ")));
    }
    let lower = name.to_lowercase();
    let synonym = SYNONYMS.iter().find(|(_, synonyms)| synonyms.contains(&lower.as_str())).map(|(ours, _)| *ours);
    let remedy = match (synonym.or_else(|| nearest(name, Type::NAMES)), arguments) {
        (Some("decimal(12,2)"), Some(digits)) if decimal(text, Some(digits)).is_ok() => {
            format!("write decimal({digits})")
        }
        (Some("string"), Some(_)) => "write string, and length(..20) for at most 20 characters".to_owned(),
        (Some("decimal"), _) => "write decimal(12,2)".to_owned(),
        (Some(ours), _) => format!("write {ours}"),
        (None, _) => format!("the types are {}", Type::NAMES.join(", ")),
    };
    Fault::new(message, remedy)
}
