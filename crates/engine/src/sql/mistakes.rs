//! Errors of the query engine as mistakes with a place in the pipeline file.

use std::ops::ControlFlow;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Spanned, visit_relations};
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::Sql;
use etlplus_core::{Mistake, Position};
use regex::Regex;

use etlplus_connectors::first_line;

/// A mistake at a place in the file.
pub(crate) fn mistake_at(sql: &Sql, position: Position, message: String, remedy: String) -> Mistake {
    Mistake { position, key: sql.key.clone(), message, remedy }
}

/// An error while parsing or planning `sql`.
pub(crate) fn sql_mistake(sql: &Sql, error: &DataFusionError) -> Mistake {
    let position = place_of(sql, error).unwrap_or_else(|| sql.position(1, 1));
    let (message, remedy) = explain(error);
    mistake_at(sql, position, message, remedy)
}

/// What is wrong and what to do, in the words of somebody who writes pipelines.
fn explain(error: &DataFusionError) -> (String, String) {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match &**error {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let names: Vec<_> = valid_fields.iter().map(|field| field.name()).collect();
                (format!("unknown column {:?}", field.name()), unknown_column_remedy(field.name(), &names))
            }
            other => (other.to_string(), "say which table is meant, as in table.column, or rename with AS".to_owned()),
        },
        DataFusionError::SQL(error, _) => {
            let message = error.to_string();
            if message.contains("recursion limit") {
                let message = "the query is nested too deeply".to_owned();
                return (message, "split it into several steps".to_owned());
            }
            let message = message.trim_start_matches("sql parser error: ");
            (format!("the SQL does not parse: {}", without_place(message)), "mend the SQL".to_owned())
        }
        other => {
            let message = other.strip_backtrace();
            let message = message.split_once(": ").map_or(message.as_str(), |(_, rest)| rest);
            (first_line(message), "mend the SQL".to_owned())
        }
    }
}

fn unknown_column_remedy(name: &str, known: &[&str]) -> String {
    const SHOWN: usize = 20;
    if let Some(same) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return format!("names without quotes are read in lower case: write \"{same}\" with its quotes");
    }
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("there is {}", known.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ")),
    }
}

/// The place that an error names: a diagnostic's span, or the words " at Line: 1, Column: 2" of the parser.
fn place_of(sql: &Sql, error: &DataFusionError) -> Option<Position> {
    if let Some(span) = error.diagnostic().and_then(|diagnostic| diagnostic.span) {
        return Some(sql.position(span.start.line as usize, span.start.column as usize));
    }
    let text = error.to_string();
    let place = place_words().captures(&text)?;
    Some(sql.position(place[1].parse().ok()?, place[2].parse().ok()?))
}

fn without_place(message: &str) -> String {
    place_words().replace_all(message, "").into_owned()
}

fn place_words() -> Regex {
    Regex::new(r" at Line: (\d+), Column: (\d+)").expect("the expression is constant and valid")
}

/// Where a query first names a table.
pub(crate) fn relation_position(statement: &Statement, table: &str, sql: &Sql) -> Position {
    let Statement::Statement(statement) = statement else { return sql.position(1, 1) };
    let mut place = None;
    let _ = visit_relations(&**statement, |name| {
        let last = name.0.last().map(ToString::to_string).unwrap_or_default();
        if last.trim_matches('"').eq_ignore_ascii_case(table) {
            place = Some(name.span().start);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    match place {
        Some(start) => sql.position(start.line as usize, start.column as usize),
        None => sql.position(1, 1),
    }
}
