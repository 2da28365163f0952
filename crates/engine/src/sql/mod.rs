//! SQL: from the text in a pipeline file to a plan, and from an error back to its place in the file.

mod bind;
mod checked;
mod condition;
mod functions;
mod joins;
mod mistakes;
mod order;
mod query;
mod sums;

pub(crate) use checked::CheckedArithmetic;
pub(crate) use condition::plan_condition;
pub(crate) use functions::functions;
pub(crate) use joins::physical_rules;
pub(crate) use mistakes::sql_mistake;
pub(crate) use order::lookup_order;
pub(crate) use query::{Query, scans_of_input};
pub(crate) use sums::CheckedSums;
