//! `transforms`: named SQL steps. What the SQL says is the engine's to check.

use std::collections::HashMap;

use super::field::{Field, Section};
use super::{Check, names, quoted};
use crate::pipeline::{Sql, Step, caps, keys};

const SQL_EXAMPLE: &str = "a query, such as SELECT * FROM input";

/// The steps. `lookups` holds the names of the lookups, with which the steps share one room of names.
pub(super) fn read(check: &mut Check, top: &Section<'_>, lookups: &[&str]) -> Option<Vec<Step>> {
    let Some(field) = top.get("transforms") else { return Some(Vec::new()) };
    let items = field.list(check, caps::STEPS_MAX, "a list of steps, each with name and sql")?;
    if items.is_empty() {
        field.mistake(check, "has no step", "add one with name and sql, or remove transforms");
        return None;
    }
    let mut first_lines: HashMap<String, usize> = HashMap::new();
    let mut steps = Vec::with_capacity(items.len());
    for item in items {
        let step = step(check, &item, lookups, &mut first_lines);
        steps.push(step);
    }
    steps.into_iter().collect()
}

fn step(
    check: &mut Check,
    item: &Field<'_>,
    lookups: &[&str],
    first_lines: &mut HashMap<String, usize>,
) -> Option<Step> {
    let section = Section::open(check, item, keys::STEP)?;
    let name = section.require(check, "name", "enriched").and_then(|field| {
        let name = &field.scalar(check, "a name, such as enriched")?.text;
        names::check_identifier(check, &Field { key_position: field.node.position, ..field.clone() }, "step", name);
        if let Some(line) = first_lines.get(name) {
            field.mistake(check, format!("the step in line {line} is named {} too", quoted(name)), "use another name");
        } else if lookups.contains(&name.as_str()) {
            field.mistake(check, format!("a lookup is named {} too", quoted(name)), "use another name");
        }
        first_lines.entry(name.clone()).or_insert(field.node.position.line);
        Some(name.clone())
    });
    let query = section.require(check, "sql", SQL_EXAMPLE).and_then(|field| sql(check, &field, SQL_EXAMPLE));
    Some(Step { name: name?, sql: query?, position: item.node.position })
}

/// The query or expression at `field`. `example` shows a person what belongs there.
pub(super) fn sql(check: &mut Check, field: &Field<'_>, example: &str) -> Option<Sql> {
    let scalar = field.scalar(check, example)?;
    if scalar.text.trim().is_empty() {
        field.mistake(check, "the SQL is empty", format!("write {example}"));
        return None;
    }
    if scalar.text.len() > caps::SQL_MAX_BYTES {
        let message = format!("the SQL has {} bytes, more than the {} allowed", scalar.text.len(), caps::SQL_MAX_BYTES);
        field.mistake(check, message, "split it into steps, or move long lists into a lookup");
        return None;
    }
    Some(Sql { text: scalar.text.clone(), key: field.key.clone(), lines: scalar.lines.clone() })
}
