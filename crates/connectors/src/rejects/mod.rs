//! Reject files: written while a job runs, and read back, perhaps after a person has corrected them.
//!
//! One [`etlplus_core::Reject`] is one JSON object, one CSV record or one Parquet row; the names are the same in each.

mod columns;
mod csv;
mod file;
mod header;
mod ndjson;
mod parquet;
mod read;
mod summary;

pub use file::RejectFile;
pub use read::{ReadReject, RejectReader};
pub use summary::Summaries;
