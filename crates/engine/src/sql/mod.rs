//! SQL: from the text in a pipeline file to a plan, and from an error back to its place in the file.

mod bind;
mod mistakes;
mod order;
mod query;

pub(crate) use mistakes::sql_mistake;
pub(crate) use order::lookup_order;
pub(crate) use query::{Query, scans_of_input};
