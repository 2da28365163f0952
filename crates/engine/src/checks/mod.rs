//! What rows have to keep that takes a query engine to judge: SQL over their columns, and values that lookups have.

mod combined;
mod predicates;
mod references;
mod unique;

pub(crate) use combined::combining_step;
pub(crate) use predicates::{predicate_mistakes, require_predicates};
pub(crate) use references::{load_references, reference_mistakes};
pub(crate) use unique::{UniqueInTarget, unique_in_target};
