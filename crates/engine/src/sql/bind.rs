//! Parameters in SQL: a value takes the place of `$name` in the syntax tree, typed, so that no text of a parameter is ever
//! read as SQL. The run clock takes the place of the functions that read the time of day.

use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Function, FunctionArguments, TimezoneInfo, Value as Literal,
    ValueWithSpan, VisitMut, visit_expressions_mut,
};
use datafusion::sql::sqlparser::tokenizer::Span;
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::{AS_OF, JobSpec, Sql};
use etlplus_core::value::DECIMAL_MAX_PRECISION;
use etlplus_core::{Mistake, Value};

use super::mistakes::mistake_at;

/// Binds every parameter and every use of the time of day.
pub(crate) fn bind<T: VisitMut>(parsed: &mut T, sql: &Sql, job: &JobSpec) -> Result<(), Mistake> {
    let bound = visit_expressions_mut(parsed, |expression| match bound(expression, sql, job) {
        Ok(Some(value)) => {
            *expression = value;
            ControlFlow::Continue(())
        }
        Ok(None) => ControlFlow::Continue(()),
        Err(mistake) => ControlFlow::Break(mistake),
    });
    match bound {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(mistake) => Err(mistake),
    }
}

fn bound(expression: &Expr, sql: &Sql, job: &JobSpec) -> Result<Option<Expr>, Mistake> {
    match expression {
        Expr::Value(ValueWithSpan { value: Literal::Placeholder(name), span }) => {
            parameter(name, *span, sql, job).map(Some)
        }
        Expr::Function(function) => Ok(time_of_day(function, job)),
        _ => Ok(None),
    }
}

fn parameter(placeholder: &str, span: Span, sql: &Sql, job: &JobSpec) -> Result<Expr, Mistake> {
    let name = placeholder.trim_start_matches('$');
    if let Some(value) = job.arguments().get(name) {
        return Ok(typed(value));
    }
    let known: Vec<_> = job.arguments().keys().map(String::as_str).collect();
    let remedy = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean ${near}?"),
        None => format!("declare it under parameters; there is {}", known.join(", ")),
    };
    let position = sql.position(span.start.line as usize, span.start.column as usize);
    Err(mistake_at(sql, position, format!("unknown parameter {placeholder}"), remedy))
}

/// The run clock in place of a function that reads the time of day, under all its names.
fn time_of_day(function: &Function, job: &JobSpec) -> Option<Expr> {
    let has_arguments = match &function.args {
        FunctionArguments::None => false,
        FunctionArguments::List(list) => !list.args.is_empty(),
        FunctionArguments::Subquery(_) => true,
    };
    let Some(Value::TimestampTz(as_of)) = job.arguments().get(AS_OF).filter(|_| !has_arguments) else { return None };
    let name = function.name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.to_lowercase());
    match name.unwrap_or_default().as_str() {
        "now" | "current_timestamp" => Some(instant(*as_of)),
        "localtimestamp" => Some(typed(&Value::Timestamp(as_of.naive_utc()))),
        "current_date" | "today" => Some(typed(&Value::Date(as_of.date_naive()))),
        "current_time" | "localtime" => {
            Some(cast(&as_of.format("%H:%M:%S%.6f").to_string(), DataType::Time(None, TimezoneInfo::None)))
        }
        _ => None,
    }
}

fn instant(as_of: DateTime<Utc>) -> Expr {
    typed(&Value::TimestampTz(as_of))
}

/// A value as a literal of its very type.
fn typed(value: &Value) -> Expr {
    let text = value.to_string();
    match value {
        Value::Boolean(value) => literal(Literal::Boolean(*value)),
        Value::Integer(_) => cast(&text, DataType::BigInt(None)),
        Value::Float(_) => cast(&text, DataType::Double(ExactNumberInfo::None)),
        Value::Decimal { scale, .. } => {
            let info = ExactNumberInfo::PrecisionAndScale(DECIMAL_MAX_PRECISION.into(), (*scale).into());
            cast(&text, DataType::Decimal(info))
        }
        // SQL has UUIDs and JSON as texts.
        Value::String(_) | Value::Uuid(_) | Value::Json(_) => literal(Literal::SingleQuotedString(text)),
        Value::Date(_) => cast(&text, DataType::Date),
        Value::Timestamp(_) => cast(&text, DataType::Timestamp(Some(6), TimezoneInfo::None)),
        Value::Binary(_) => literal(Literal::HexStringLiteral(text.trim_start_matches("\\x").to_owned())),
        Value::TimestampTz(_) => cast(&text, DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone)),
    }
}

fn literal(value: Literal) -> Expr {
    Expr::Value(ValueWithSpan { value, span: Span::empty() })
}

fn cast(text: &str, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(literal(Literal::SingleQuotedString(text.to_owned()))),
        data_type,
        array: false,
        format: None,
    }
}
