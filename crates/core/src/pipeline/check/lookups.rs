//! `lookups`: tables that SQL can join.

use super::field::{Field, Section};
use super::{Check, names, source, transforms};
use crate::pipeline::{Lookup, LookupOrigin, caps, keys};
use crate::value::Type;

/// A lookup as the rule `references` sees it.
pub(super) struct KnownLookup {
    pub(super) name: String,
    /// The columns that the file declares; empty where only its rows can tell.
    pub(super) columns: Vec<(String, Type)>,
}

/// The lookups. From here on, rules can refer to them, also to those whose declarations have mistakes.
pub(super) fn read(check: &mut Check, top: &Section<'_>) -> Option<Vec<Lookup>> {
    let (known, lookups) = read_all(check, top);
    check.lookups = Some(known);
    lookups
}

fn read_all(check: &mut Check, top: &Section<'_>) -> (Vec<KnownLookup>, Option<Vec<Lookup>>) {
    let Some(field) = top.get("lookups") else { return (Vec::new(), Some(Vec::new())) };
    let example =
        "a map of names to tables, such as countries: { csv: { path: countries.csv }, schema: { code: string } }";
    let Some(entries) = field.entries(check, caps::LOOKUPS_MAX, example) else { return (Vec::new(), None) };
    let mut known = Vec::with_capacity(entries.len());
    let mut lookups = Vec::with_capacity(entries.len());
    for (name, field) in entries {
        names::check_identifier(check, &field, "lookup", name);
        let position = field.key_position;
        let origin = origin(check, &field);
        let columns = match &origin {
            Some(LookupOrigin::Source(source)) => {
                source.columns.iter().map(|column| (column.name.clone(), column.ty)).collect()
            }
            Some(LookupOrigin::Sql(_)) | None => Vec::new(),
        };
        known.push(KnownLookup { name: name.to_owned(), columns });
        lookups.push(origin.map(|origin| Lookup { name: name.to_owned(), origin, position }));
    }
    (known, lookups.into_iter().collect())
}

fn origin(check: &mut Check, field: &Field<'_>) -> Option<LookupOrigin> {
    let section = Section::open(check, field, keys::LOOKUP)?;
    let choices = ["sql", "csv", "ndjson", "parquet", "sqlite", "postgres"];
    let Some(sql) = section.get("sql") else {
        section.require_one(
            check,
            &choices,
            "csv: { path: countries.csv } with a schema, or sql: SELECT * FROM countries",
        )?;
        return source::read(check, &section, &section).map(LookupOrigin::Source);
    };
    section.require_one(check, &choices, "sql: SELECT * FROM countries");
    if let Some(schema) = section.get("schema") {
        let remedy = "remove the schema, or the sql";
        check.mistake(schema.key_position, &schema.key, "the query decides the columns of this lookup", remedy);
    }
    transforms::sql(check, &sql, "a query, such as SELECT * FROM countries").map(LookupOrigin::Sql)
}
