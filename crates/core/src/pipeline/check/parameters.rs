//! `parameters`: typed values that a job is given.

use super::field::{Field, Section};
use super::{Check, names, types, values};
use crate::pipeline::{Parameter, caps, keys};
use crate::tree::Scalar;
use crate::value::{Type, Value};

const EXAMPLE: &str = "a type with a default, such as string = DE";

pub(super) fn read(check: &mut Check, top: &Section<'_>) -> Option<Vec<Parameter>> {
    let Some(field) = top.get("parameters") else { return Some(Vec::new()) };
    let entries =
        field.entries(check, caps::PARAMETERS_MAX, "a map of names to types, such as country: string = DE")?;
    let mut parameters = Vec::with_capacity(entries.len());
    for (name, field) in entries {
        names::check_identifier(check, &field, "parameter", name);
        let parameter = if field.is_map() { long_form(check, name, &field) } else { short_form(check, name, &field) };
        // A declaration with a mistake still declares: no rule has to complain about an unknown parameter.
        check.parameters.push((name.to_owned(), parameter.as_ref().map(|parameter| parameter.ty)));
        parameters.push(parameter);
    }
    parameters.into_iter().collect()
}

/// `{ type: TYPE, default: VALUE, description: TEXT }`
fn long_form(check: &mut Check, name: &str, field: &Field<'_>) -> Option<Parameter> {
    let section = Section::open(check, field, keys::PARAMETER)?;
    let ty = types::field(check, &section);
    let default = match section.get("default") {
        Some(field) => default_field(check, &field, ty),
        None => Some(None),
    };
    let description = names::description(check, &section);
    let position = field.key_position;
    Some(Parameter { name: name.to_owned(), ty: ty?, default: default?, description: description?, position })
}

fn default_field(check: &mut Check, field: &Field<'_>, ty: Option<Type>) -> Option<Option<Value>> {
    let scalar = field.scalar(check, "a value, or '' for the empty text")?;
    let parsed = values::parse(ty?, &scalar.text);
    parsed.map(Some).map_err(|fault| field.fault(check, fault)).ok()
}

/// `TYPE` or `TYPE = DEFAULT`
fn short_form(check: &mut Check, name: &str, field: &Field<'_>) -> Option<Parameter> {
    let scalar = field.scalar(check, EXAMPLE)?;
    let (type_text, default_text) = match scalar.text.split_once('=') {
        Some((before, after)) => (before, Some(after)),
        None => (scalar.text.as_str(), None),
    };
    let ty = types::parse(type_text.trim()).map_err(|fault| field.fault(check, fault)).ok();
    let default = match default_text {
        Some(text) => default_text_value(check, field, scalar, text, ty)?,
        None => None,
    };
    let position = field.key_position;
    Some(Parameter { name: name.to_owned(), ty: ty?, default, description: None, position })
}

/// The default behind the `=`, with or without quotes around it.
fn default_text_value(
    check: &mut Check,
    field: &Field<'_>,
    scalar: &Scalar,
    text: &str,
    ty: Option<Type>,
) -> Option<Option<Value>> {
    let offset = scalar.text.chars().count() - text.trim_start().chars().count();
    let position = scalar.place(offset);
    let text = text.trim();
    if text.is_empty() {
        check.mistake(position, &field.key, "there is no default behind the =", "write one, or '' for the empty text");
        return None;
    }
    let ty = ty?;
    let parsed = values::unquote(text).and_then(|text| values::parse(ty, &text));
    parsed.map(Some).map_err(|fault| check.fault(position, &field.key, fault)).ok()
}
