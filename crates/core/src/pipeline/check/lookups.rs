//! `lookups`: tables that SQL can join.

use super::field::{Field, Section};
use super::{Check, names, source, transforms};
use crate::pipeline::{Lookup, LookupOrigin, caps, keys};

pub(super) fn read(check: &mut Check, top: &Section<'_>) -> Option<Vec<Lookup>> {
    let Some(field) = top.get("lookups") else { return Some(Vec::new()) };
    let example =
        "a map of names to tables, such as countries: { csv: { path: countries.csv }, schema: { code: string } }";
    let entries = field.entries(check, caps::LOOKUPS_MAX, example)?;
    let mut lookups = Vec::with_capacity(entries.len());
    for (name, field) in entries {
        names::check_identifier(check, &field, "lookup", name);
        let position = field.key_position;
        let origin = origin(check, &field);
        lookups.push(origin.map(|origin| Lookup { name: name.to_owned(), origin, position }));
    }
    lookups.into_iter().collect()
}

fn origin(check: &mut Check, field: &Field<'_>) -> Option<LookupOrigin> {
    let section = Section::open(check, field, keys::LOOKUP)?;
    let choices = ["sql", "csv", "ndjson", "parquet"];
    let Some(sql) = section.get("sql") else {
        section.require_one(
            check,
            &choices,
            "csv: { path: countries.csv } with a schema, or sql: SELECT * FROM countries",
        )?;
        return source::read(check, &section, &section).map(LookupOrigin::Files);
    };
    section.require_one(check, &choices, "sql: SELECT * FROM countries");
    if let Some(schema) = section.get("schema") {
        let remedy = "remove the schema, or the sql";
        check.mistake(schema.key_position, &schema.key, "the query decides the columns of this lookup", remedy);
    }
    transforms::sql(check, &sql).map(LookupOrigin::Sql)
}
