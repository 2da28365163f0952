//! SQLite, both ways.
//!
//! SQLite is typed value by value: what a column declares binds nobody. So a source looks at each value and rejects what is
//! of another kind than the pipeline declares, and a target asks of each column whether it keeps what it is given.

mod database;
mod failure;
mod source;
mod table;
mod target;

pub(crate) use source::{newest, open};
pub(crate) use target::SqliteTarget;
