//! Files of cases that test a pipeline.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::field::{Field, Section};
use super::{Check, Fault, quoted, values};
use crate::mistake::nearest;
use crate::pipeline::{AS_OF, BrokenAt, Case, JsonRow, LookupOrigin, Pipeline, caps, keys};
use crate::tree::Node;
use crate::value::{Type, Value};

const ROW_EXAMPLE: &str = "rows as NDJSON, such as {\"order_id\": 1}, or '' for none";

/// The cases of the file whose tree is `root`, for `pipeline`.
pub(in crate::pipeline) fn cases(check: &mut Check, root: &Node, pipeline: &Pipeline) -> Option<Vec<Case>> {
    let top = Section::open(check, &Field::root(root), keys::CASES)?;
    let field = top.require(check, "cases", "a list of cases, each with name, input and rows")?;
    let items = field.list(check, caps::CASES_MAX, "a list of cases, each with name, input and rows")?;
    if items.is_empty() {
        field.mistake(check, "has no case", "add one with name, input and rows");
    }
    let mut first_lines: HashMap<String, usize> = HashMap::new();
    let cases: Vec<Option<Case>> = items.iter().map(|item| case(check, item, pipeline, &mut first_lines)).collect();
    cases.into_iter().collect()
}

fn case(
    check: &mut Check,
    item: &Field<'_>,
    pipeline: &Pipeline,
    first_lines: &mut HashMap<String, usize>,
) -> Option<Case> {
    let section = Section::open(check, item, keys::CASE)?;
    let name = name(check, &section, first_lines);
    let parameters = match section.get("parameters") {
        Some(field) => parameters(check, &field, pipeline),
        None => Some(BTreeMap::new()),
    };
    let as_of = match section.get("as_of") {
        Some(field) => as_of(check, &field).map(Some),
        None => Some(None),
    };
    let input = text(check, &section, "input", "the text of the source, or '' for an empty file");
    let lookups = match section.get("lookups") {
        Some(field) => lookups(check, &field, pipeline),
        None => Some(BTreeMap::new()),
    };
    let rows = section.require(check, "rows", ROW_EXAMPLE).and_then(|field| rows(check, &field));
    let is_ordered = section.get("ordered").map_or(Some(false), |field| field.boolean(check));
    let rejects = match section.get("rejects") {
        Some(field) => rejects(check, &field),
        None => Some(Vec::new()),
    };
    Some(Case {
        name: name?,
        parameters: parameters?,
        as_of: as_of?,
        input: input?,
        lookups: lookups?,
        rows: rows?,
        is_ordered: is_ordered?,
        rejects: rejects?,
    })
}

/// The case's name, by which its result is told, so that no two may be the same.
fn name(check: &mut Check, section: &Section<'_>, first_lines: &mut HashMap<String, usize>) -> Option<String> {
    let field = section.require(check, "name", "keeps paid orders")?;
    let name = field.scalar(check, "what the case shows")?.text.clone();
    if let Some(line) = first_lines.get(&name) {
        field.mistake(check, format!("the case in line {line} is named {} too", quoted(&name)), "use another name");
        return None;
    }
    first_lines.insert(name.clone(), field.node.position.line);
    Some(name)
}

fn parameters(check: &mut Check, field: &Field<'_>, pipeline: &Pipeline) -> Option<BTreeMap<String, String>> {
    let entries = field.entries(check, caps::PARAMETERS_MAX, "a map of names to values, such as { country: DE }")?;
    let mut parameters = BTreeMap::new();
    for (name, field) in entries {
        let Some(parameter) = pipeline.parameters.iter().find(|parameter| parameter.name == name) else {
            let fault = if name == AS_OF {
                Fault::new("as_of is no parameter", "write as_of beside parameters")
            } else {
                let known = pipeline.parameters.iter().map(|parameter| parameter.name.as_str());
                unknown("parameter", name, known)
            };
            check.fault(field.key_position, &field.key, fault);
            continue;
        };
        let Some(scalar) = field.scalar(check, "a value, or '' for the empty text") else { continue };
        match values::parse(parameter.ty, &scalar.text) {
            Ok(_) => {
                parameters.insert(name.to_owned(), scalar.text.clone());
            }
            Err(fault) => field.fault(check, fault),
        }
    }
    Some(parameters)
}

fn as_of(check: &mut Check, field: &Field<'_>) -> Option<DateTime<Utc>> {
    let scalar = field.scalar(check, "a time, such as 2026-01-31T00:00:00Z")?;
    match values::parse(Type::TimestampTz, &scalar.text) {
        Ok(Value::TimestampTz(as_of)) => Some(as_of),
        Ok(_) => None,
        Err(fault) => {
            field.fault(check, fault);
            None
        }
    }
}

fn lookups(check: &mut Check, field: &Field<'_>, pipeline: &Pipeline) -> Option<BTreeMap<String, String>> {
    let entries = field.entries(check, caps::LOOKUPS_MAX, "a map of lookups to their texts")?;
    let mut lookups = BTreeMap::new();
    for (name, field) in entries {
        let fault = match pipeline.lookups.iter().find(|lookup| lookup.name == name).map(|lookup| &lookup.origin) {
            Some(LookupOrigin::Source(_)) => {
                let scalar = field.scalar(check, "the text of the lookup's file, or '' for an empty file");
                lookups.extend(scalar.map(|scalar| (name.to_owned(), scalar.text.clone())));
                continue;
            }
            Some(LookupOrigin::Sql(_)) => {
                Fault::new(format!("the lookup {name} is a query"), "give the text of the lookups that it reads")
            }
            None => unknown("lookup", name, pipeline.lookups.iter().map(|lookup| lookup.name.as_str())),
        };
        check.fault(field.key_position, &field.key, fault);
    }
    Some(lookups)
}

fn rows(check: &mut Check, field: &Field<'_>) -> Option<Vec<JsonRow>> {
    let scalar = field.scalar(check, ROW_EXAMPLE)?;
    let mut rows = Vec::new();
    for (index, line) in scalar.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match JsonRow::parse(line) {
            Ok(row) => rows.push(row),
            Err(error) => {
                let position = scalar.lines.get(index).copied().unwrap_or_else(|| scalar.place(0));
                let message = format!("row {} is not one JSON object: {error}", index + 1);
                check.mistake(
                    position,
                    &field.key,
                    message,
                    "write one object on each line, such as {\"order_id\": 1}",
                );
            }
        }
    }
    Some(rows)
}

fn rejects(check: &mut Check, field: &Field<'_>) -> Option<Vec<BrokenAt>> {
    let items =
        field.list(check, caps::EXPECTED_REJECTS_MAX, "a list, such as [{ line: 3, field: amount, rule: type }]")?;
    let rejects: Vec<Option<BrokenAt>> = items.iter().map(|item| reject(check, item)).collect();
    rejects.into_iter().collect()
}

fn reject(check: &mut Check, item: &Field<'_>) -> Option<BrokenAt> {
    let section = Section::open(check, item, keys::EXPECTED_REJECT)?;
    let line = section.require(check, "line", "3").and_then(|field| field.whole_number(check));
    let column = match section.get("field") {
        Some(field) => field.scalar(check, "the name of a column").map(|scalar| Some(scalar.text.clone())),
        None => Some(None),
    };
    let rule = section.require(check, "rule", "type").and_then(|field| field.scalar(check, "the name of a rule"));
    Some(BrokenAt { line: line?, field: column?, rule: rule?.text.clone() })
}

fn text(check: &mut Check, section: &Section<'_>, key: &str, example: &str) -> Option<String> {
    let field = section.require(check, key, example)?;
    field.scalar(check, example).map(|scalar| scalar.text.clone())
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Fault {
    let remedy = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean {near}?"),
        None => match known.collect::<Vec<_>>().join(", ") {
            names if names.is_empty() => format!("the pipeline has no {kind}"),
            names => format!("the pipeline has {names}"),
        },
    };
    Fault::new(format!("unknown {kind} {}", quoted(name)), remedy)
}
