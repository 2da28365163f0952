//! `incremental`: a load of only those rows that are new since the last one.

use super::field::{Field, Section};
use super::{Check, Fault, names, quoted, values};
use crate::mistake::nearest;
use crate::pipeline::{Column, Incremental, LoadMode, Source, Target, keys};
use crate::value::Type;

/// `Some(None)` where there is none, `None` where it has a mistake.
pub(super) fn read(
    check: &mut Check,
    top: &Section<'_>,
    source: Option<&Source>,
    target: Option<&Target>,
) -> Option<Option<Incremental>> {
    let Some(field) = top.get("incremental") else { return Some(None) };
    let section = Section::open(check, &field, keys::INCREMENTAL)?;
    if target.is_some_and(|target| target.mode == LoadMode::Replace) {
        let message = "only new rows are read, and the target replaces all it has by them";
        let remedy = "write mode: append under target, or mode: upsert with a key";
        check.mistake(field.key_position, &field.key, message, remedy);
    }
    let columns = source.map_or(&[][..], |source| &source.columns);
    let cursor = section.require(check, "cursor", "updated_at").and_then(|field| cursor(check, &field, columns));
    let ty = cursor.as_ref().and_then(|(_, ty)| *ty);
    let start = match section.get("start") {
        Some(field) => start(check, &field, ty).map(Some),
        None => Some(None),
    };
    let (cursor, _) = cursor?;
    Some(Some(Incremental { cursor, start: start?, position: field.key_position }))
}

/// The cursor, with its type where `columns` declare it.
fn cursor(check: &mut Check, field: &Field<'_>, columns: &[Column]) -> Option<(String, Option<Type>)> {
    let name = &field.scalar(check, "the name of a column, such as updated_at")?.text;
    if columns.is_empty() {
        return names::check_column(check, field.node.position, &field.key, name).then(|| (name.clone(), None));
    }
    let fault = match columns.iter().find(|column| column.name == *name) {
        Some(column) if has_steady_order(column.ty) => return Some((name.clone(), Some(column.ty))),
        Some(column) => {
            let remedy = "name a column of integers, decimals, dates, times, uuids or strings, which only grows";
            Fault::new(format!("{} is of type {}, which is no cursor", quoted(name), column.ty), remedy)
        }
        None => {
            let remedy = match nearest(name, columns.iter().map(|column| column.name.as_str())) {
                Some(near) => format!("did you mean {near}?"),
                None => "name a column of the schema".to_owned(),
            };
            Fault::new(format!("the schema declares no column {}", quoted(name)), remedy)
        }
    };
    field.fault(check, fault);
    None
}

/// Whether values of `ty` have an order that every system keeps. Of floats a value can differ in its last digit.
fn has_steady_order(ty: Type) -> bool {
    match ty {
        Type::Int16 | Type::Int32 | Type::Int64 | Type::Decimal { .. } => true,
        Type::Date | Type::Timestamp | Type::TimestampTz => true,
        Type::String | Type::Uuid => true,
        Type::Boolean | Type::Float32 | Type::Float64 | Type::Json | Type::Binary => false,
    }
}

fn start(check: &mut Check, field: &Field<'_>, ty: Option<Type>) -> Option<String> {
    let text = &field.scalar(check, "a value of the cursor, such as \"2026-01-01\"")?.text;
    let parsed = ty.map_or(Ok(()), |ty| values::parse(ty, text).map(|_| ()));
    parsed.map(|()| text.clone()).map_err(|fault| field.fault(check, fault)).ok()
}
