//! Values of a known type, and operands of rules.

use super::{Check, Fault, quoted};
use crate::mistake::Position;
use crate::pipeline::Operand;
use crate::value::{Type, Value};

/// A value as written, before its type is applied.
pub(super) struct Written {
    /// The text without quotes.
    pub(super) text: String,
    /// Whether quotes of the short form say that a `$` is just that.
    pub(super) is_literal: bool,
    /// Where it begins.
    pub(super) position: Position,
    /// The path of its key.
    pub(super) key: String,
}

/// `text` as a value of `ty`.
pub(super) fn parse(ty: Type, text: &str) -> Result<Value, Fault> {
    Value::parse(ty, text).map_err(|error| {
        let remedy = format!("write a value of type {ty}, such as {}", example(ty));
        Fault::new(format!("{} {error}", quoted(text)), remedy)
    })
}

/// The text inside the quotes, if there are any; a quote is doubled inside.
pub(super) fn unquote(text: &str) -> Result<String, Fault> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else { return Ok(text.to_owned()) };
    let doubled = format!("{quote}{quote}");
    let inside = text[1..].strip_suffix(quote).filter(|inside| !inside.replace(&doubled, "").contains(quote));
    inside.map(|inside| inside.replace(&doubled, &quote.to_string())).ok_or_else(|| {
        let remedy = format!("close it with {quote} at the end, and double every {quote} inside");
        Fault::new(format!("the quotes of {} do not fit", quoted(text)), remedy)
    })
}

/// What a rule of a column of type `ty` compares with: a value, or `$parameter`. `$$` stands for one `$` of a value.
/// Where the column's type has a mistake, `ty` is `None`, and only the parameter's name is checked.
pub(super) fn operand(check: &mut Check, written: &Written, ty: Option<Type>) -> Option<Operand> {
    let parsed = match written.text.strip_prefix('$') {
        Some(name) if !written.is_literal && !name.starts_with('$') => parameter(check, name, ty),
        Some(rest) if !written.is_literal => parse(ty?, rest).map(Operand::Value),
        _ => parse(ty?, &written.text).map(Operand::Value),
    };
    parsed.map_err(|fault| check.fault(written.position, &written.key, fault)).ok()
}

fn parameter(check: &Check, name: &str, ty: Option<Type>) -> Result<Operand, Fault> {
    if !super::names::is_identifier(name) {
        let remedy = format!("write $$ for a text that begins with a dollar sign: '$${name}'");
        return Err(Fault::new(format!("{} is no name of a parameter", quoted(name)), remedy));
    }
    if let (Some(from), Some(to)) = (check.parameter(name)?, ty)
        && !from.can_become(to)
    {
        let message = format!("the parameter {name} is of type {from}, which never fits the column's type {to}");
        return Err(Fault::new(message, "change one of the two types, or compare in SQL"));
    }
    Ok(Operand::Parameter(name.to_owned()))
}

fn example(ty: Type) -> &'static str {
    match ty {
        Type::Boolean => "true",
        Type::Int16 | Type::Int32 | Type::Int64 => "42",
        Type::Float32 | Type::Float64 => "1.5",
        Type::Decimal { scale: 0, .. } => "1",
        Type::Decimal { .. } => "0.5",
        Type::String => "'text'",
        Type::Date => "2026-01-31",
        Type::Timestamp => "2026-01-31T08:00:00",
        Type::TimestampTz => "2026-01-31T08:00:00Z",
        Type::Uuid => "0192f0c1-2d3e-7f40-8a51-62b374c58d69",
        Type::Json => "'{}'",
        Type::Binary => "'\\x00ff'",
    }
}
