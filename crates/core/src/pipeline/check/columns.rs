//! `schema`: the declared columns of a source.

use super::field::{Field, Section};
use super::rules::{End, WrittenKind, WrittenRule};
use super::values::Written;
use super::{Check, formats, names, rules, short_form, types};
use crate::pipeline::{Column, ValueFormat, caps, keys};
use crate::tree::Scalar;

const COLUMN_EXAMPLE: &str = "a type with its rules, such as int64 required >= 1";

pub(super) fn read(check: &mut Check, field: &Field<'_>) -> Option<Vec<Column>> {
    let entries = field.entries(check, caps::COLUMNS_MAX, "a map of columns to types, such as order_id: int64")?;
    if entries.is_empty() {
        field.mistake(check, "declares no column", "add one, such as order_id: int64");
        return None;
    }
    let mut columns = Vec::with_capacity(entries.len());
    for (name, field) in entries {
        names::check_column(check, field.key_position, &field.key, name);
        columns.push(column(check, name, &field));
    }
    columns.into_iter().collect()
}

fn column(check: &mut Check, name: &str, field: &Field<'_>) -> Option<Column> {
    let (ty, format, written) = if field.is_map() {
        let section = Section::open(check, field, keys::COLUMN)?;
        let ty = types::field(check, &section);
        (ty, formats::read(check, &section, ty), long_form(check, field))
    } else {
        let scalar = field.scalar(check, COLUMN_EXAMPLE)?;
        let (ty, written) = short_form::read(check, &field.key, scalar);
        (ty, Some(ValueFormat::Standard), written)
    };
    let rules = rules::build(check, ty, written);
    Some(Column { name: name.to_owned(), ty: ty?, format: format?, rules: rules?, position: field.key_position })
}

/// The rules of `{ type: TYPE, required: true, min: 1, ... }` in the file's order; `None` stands for one with a mistake.
fn long_form(check: &mut Check, field: &Field<'_>) -> Vec<Option<WrittenRule>> {
    let entries = field.entries(check, usize::MAX, COLUMN_EXAMPLE).unwrap_or_default();
    entries.into_iter().filter_map(|(name, field)| rule(check, name, &field)).collect()
}

/// The rule that the key `name` gives: `None` where it gives none, `Some(None)` where it has a mistake.
fn rule(check: &mut Check, name: &str, field: &Field<'_>) -> Option<Option<WrittenRule>> {
    let kind = match name {
        "required" | "unique" => match field.boolean(check) {
            Some(false) => return None,
            Some(true) if name == "required" => Some(WrittenKind::Required),
            Some(true) => Some(WrittenKind::Unique),
            None => None,
        },
        "min" => bound(check, field, End::Min, false),
        "above" => bound(check, field, End::Min, true),
        "max" => bound(check, field, End::Max, false),
        "below" => bound(check, field, End::Max, true),
        "length" => length(check, field),
        "pattern" => field.scalar(check, "an expression, such as '^[A-Z]{2}$'").map(|scalar| {
            let offset_of_text = scalar.place(0);
            WrittenKind::Pattern { text: scalar.text.clone(), position: offset_of_text }
        }),
        "one_of" => one_of(check, field),
        "references" => field
            .scalar(check, "a lookup and its column, such as customers.id")
            .map(|scalar| WrittenKind::References(written(field, scalar))),
        // `type` and the format are read by the caller, and the section has named unknown keys.
        _ => return None,
    };
    Some(kind.map(|kind| WrittenRule { kind, position: field.key_position, key: field.key.clone() }))
}

fn bound(check: &mut Check, field: &Field<'_>, end: End, exclusive: bool) -> Option<WrittenKind> {
    let scalar = field.scalar(check, "a value of the column's type, or $parameter")?;
    Some(WrittenKind::Bound { end, exclusive, value: written(field, scalar) })
}

/// `N`, or `{ min: N, max: N }` with one of them or both.
fn length(check: &mut Check, field: &Field<'_>) -> Option<WrittenKind> {
    if !field.is_map() {
        let number = field.whole_number(check)?;
        return Some(WrittenKind::Length { min: Some(number), max: Some(number) });
    }
    let section = Section::open(check, field, keys::LENGTH)?;
    let mut end = |name| match section.get(name) {
        Some(field) => field.whole_number(check).map(Some),
        None => Some(None),
    };
    let (min, max) = (end("min"), end("max"));
    if matches!((min, max), (Some(None), Some(None))) {
        field.mistake(check, "gives neither min nor max", "write { min: 3, max: 200 }, or one of them");
        return None;
    }
    Some(WrittenKind::Length { min: min?, max: max? })
}

fn one_of(check: &mut Check, field: &Field<'_>) -> Option<WrittenKind> {
    let items = field.list(check, caps::ONE_OF_MAX, "a list of values, such as [new, paid]")?;
    let values: Vec<Option<Written>> = items
        .iter()
        .map(|item| {
            item.scalar(check, "a value of the column's type, or $parameter").map(|scalar| written(item, scalar))
        })
        .collect();
    values.into_iter().collect::<Option<_>>().map(WrittenKind::OneOf)
}

fn written(field: &Field<'_>, scalar: &Scalar) -> Written {
    Written { text: scalar.text.clone(), is_literal: false, position: field.node.position, key: field.key.clone() }
}
