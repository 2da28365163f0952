//! PostgreSQL, both ways: rows come and go as COPY BINARY, which is made from and read into columns here.

mod catalog;
mod column;
mod connect;
mod copy_in;
mod copy_out;
mod decode;
mod differences;
mod encode;
mod failure;
mod loads;
mod numeric;
mod query;
mod reader;
mod secret;
mod source;
mod staged;
mod straight;
mod target;
mod types;

pub(crate) use source::{newest, open};
pub(crate) use target::PostgresTarget;

/// A name as SQL has it, whatever characters it has.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it. The sessions say `standard_conforming_strings`, so that a backslash is one.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Names as a list of SQL.
fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}
