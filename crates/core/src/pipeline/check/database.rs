//! SQLite and PostgreSQL, as sources and as targets.

use super::field::{Field, Section};
use super::{Check, Fault, names, path, postgres_url, quoted, transforms};
use crate::pipeline::{
    DatabaseRows, PathTemplate, Place, PostgresServer, PostgresSource, Sql, SqliteSource, TableName, caps,
};
use crate::settings::{SecretRef, secret_reference};

const SQLITE_PATH: &str = "shop.db";
const URL_EXAMPLE: &str = "postgres://etl@db.example/shop";
const QUERY_EXAMPLE: &str = "a query in the database's own SQL, such as SELECT id, amount FROM orders";

/// Which database: names mean different things.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Database {
    Sqlite,
    Postgres,
}

/// The options of `source.sqlite`.
pub(super) fn sqlite_source(check: &mut Check, section: &Section<'_>) -> Option<SqliteSource> {
    let path = sqlite_path(check, section);
    let rows = rows(check, section, Database::Sqlite);
    Some(SqliteSource { path: path?, rows: rows? })
}

/// The options of `source.postgres`.
pub(super) fn postgres_source(check: &mut Check, section: &Section<'_>) -> Option<PostgresSource> {
    let server = server(check, section);
    let rows = rows(check, section, Database::Postgres);
    Some(PostgresSource { server: server?, rows: rows? })
}

/// The options of `target.sqlite`.
pub(super) fn sqlite_place(check: &mut Check, section: &Section<'_>) -> Option<Place> {
    let path = sqlite_path(check, section);
    let table = target_table(check, section, Database::Sqlite);
    Some(Place::Sqlite { path: path?, table: table? })
}

/// The options of `target.postgres`.
pub(super) fn postgres_place(check: &mut Check, section: &Section<'_>) -> Option<Place> {
    let server = server(check, section);
    let table = target_table(check, section, Database::Postgres);
    Some(Place::Postgres { server: server?, table: table? })
}

fn sqlite_path(check: &mut Check, section: &Section<'_>) -> Option<PathTemplate> {
    let field = section.require(check, "path", SQLITE_PATH)?;
    path::template(check, &field, SQLITE_PATH)
}

fn server(check: &mut Check, section: &Section<'_>) -> Option<PostgresServer> {
    let url = section.require(check, "url", URL_EXAMPLE).and_then(|field| {
        let scalar = field.scalar(check, URL_EXAMPLE)?;
        postgres_url::check(&scalar.text).map_err(|fault| field.fault(check, fault)).ok()?;
        Some((scalar.text.clone(), field))
    });
    let password = match section.get("password") {
        Some(field) => password(check, &field).map(Some),
        None => Some(None),
    };
    let (url, field) = url?;
    Some(PostgresServer { url, password: password?, key: field.key, position: field.node.position })
}

fn password(check: &mut Check, field: &Field<'_>) -> Option<SecretRef> {
    let text = &field.scalar(check, "${NAME} for an environment variable, or ${file:/path} for a file")?.text;
    secret_reference(text).map_err(|fault| field.fault(check, fault)).ok()
}

/// What is read: exactly one of `table` and `query`.
fn rows(check: &mut Check, section: &Section<'_>, database: Database) -> Option<DatabaseRows> {
    let (name, field) =
        section.require_one(check, &["table", "query"], "table: orders, or query: SELECT * FROM orders")?;
    match name {
        "table" => table(check, &field, database).map(DatabaseRows::Table),
        _ => {
            let query = transforms::sql(check, &field, QUERY_EXAMPLE)?;
            refuse_parameters(check, &query);
            Some(DatabaseRows::Query(query))
        }
    }
}

/// A database would take `$name` for a parameter of its own, which nobody gives, and SQLite for a null without a word.
fn refuse_parameters(check: &mut Check, query: &Sql) {
    for (at, _) in query.text.match_indices('$') {
        let (before, after) = (&query.text[..at], &query.text[at + 1..]);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        // $name$ opens a text in PostgreSQL, and closes one.
        if check.parameter(&after[..end]).is_err() || after[end..].starts_with('$') {
            continue;
        }
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let message = format!("${} is a parameter, and a query of a database's own takes none", &after[..end]);
        check.mistake(
            query.position(line, column),
            &query.key,
            message,
            "read all rows, and filter them in transforms",
        );
    }
}

fn target_table(check: &mut Check, section: &Section<'_>, database: Database) -> Option<TableName> {
    let field = section.require(check, "table", "orders")?;
    let name = table(check, &field, database)?;
    let reserved = match database {
        Database::Sqlite => ["etlplus_", "sqlite_"].as_slice(),
        Database::Postgres => ["etlplus_", "pg_"].as_slice(),
    };
    // SQLite finds tables whatever the case of their letters.
    let lower = name.table.to_ascii_lowercase();
    if let Some(prefix) = reserved.iter().find(|prefix| lower.starts_with(*prefix)) {
        let whose = if *prefix == "etlplus_" { "the records of loads" } else { "the database itself" };
        field.mistake(check, format!("names that begin with {prefix} are reserved for {whose}"), "use another name");
        return None;
    }
    Some(name)
}

fn table(check: &mut Check, field: &Field<'_>, database: Database) -> Option<TableName> {
    let text = &field.scalar(check, "the name of a table, such as orders")?.text;
    parse_table(text, database)
        .map(|(schema, table)| TableName { schema, table, position: field.node.position })
        .map_err(|fault| field.fault(check, fault))
        .ok()
}

/// `table` or `schema.table`, each with or without double quotes around it.
fn parse_table(text: &str, database: Database) -> Result<(Option<String>, String), Fault> {
    const QUOTES: &str = "put double quotes around a name with a dot, a quote or a space at its end: '\"a.b\"'";
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let part = match rest.strip_prefix('"') {
            Some(inside) => quoted_part(inside),
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                Some((rest[..end].to_owned(), &rest[end..]))
            }
        };
        let no_name = || Fault::new(format!("{} is no name of a table", quoted(text)), QUOTES);
        let (part, after) = part.ok_or_else(no_name)?;
        let is_plain = !rest.starts_with('"');
        if is_plain && (part.contains(['"', '\'', '`', '[']) || part.trim() != part) {
            return Err(no_name());
        }
        check_length(&part, database)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None if after.is_empty() => break,
            None => return Err(no_name()),
        }
    }
    match (<[String; 1]>::try_from(parts), database) {
        (Ok([table]), _) => Ok((None, table)),
        (Err(_), Database::Sqlite) => {
            let message = format!("{} names a schema, and an SQLite database has none", quoted(text));
            Err(Fault::new(message, "write the table's name alone; a name with a dot in it has quotes: '\"a.b\"'"))
        }
        (Err(parts), Database::Postgres) => match <[String; 2]>::try_from(parts) {
            Ok([schema, table]) => Ok((Some(schema), table)),
            Err(_) => {
                let message = format!("{} has more parts than a schema and a table", quoted(text));
                Err(Fault::new(message, format!("write schema.table; {QUOTES}")))
            }
        },
    }
}

/// The name up to its closing quote, and what follows; a quote is doubled inside.
fn quoted_part(inside: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = inside;
    loop {
        let end = rest.find('"')?;
        name += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

fn check_length(name: &str, database: Database) -> Result<(), Fault> {
    if !names::is_label(name, caps::TABLE_NAME_MAX_CHARS) {
        let remedy = format!("use 1 to {} characters, none of them a control character", caps::TABLE_NAME_MAX_CHARS);
        return Err(Fault::new(format!("{} is no name of a table", quoted(name)), remedy));
    }
    if database == Database::Postgres && name.len() > caps::POSTGRES_NAME_MAX_BYTES {
        let most = caps::POSTGRES_NAME_MAX_BYTES;
        let message = format!("{} has more than the {most} bytes of a name in PostgreSQL", quoted(name));
        return Err(Fault::new(message, "shorten it"));
    }
    Ok(())
}
