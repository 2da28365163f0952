//! Sources and targets: what comes in becomes typed columns and rejects, and what goes out appears whole or not at all.
//!
//! Knows Arrow, Parquet and the databases' protocols, and nothing of the query engine, so that it builds and is tested, and
//! fuzzed, in a moment. A connector is one folder, with one arm in [`source::open`] or [`target::of`].

mod check;
mod failure;
mod infer;
mod intake;
mod memory;
mod postgres;
pub mod rejects;
pub mod source;
mod sqlite;
pub mod target;

pub use check::{CheckPlan, ColumnPlan, Reference, ReferenceKeys, RowPredicate, TYPE_KEY, column_type, is_comparable};
pub use failure::{arrow_failure, first_line, io_failure};
pub use infer::{Inferred, InferredColumn, infer};
pub use intake::{Intake, Rows};
pub use memory::{Memory, Reservation};
pub use rejects::RejectFile;
