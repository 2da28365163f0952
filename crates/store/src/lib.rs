//! The store: everything that was recorded, on disk. It implements the ports [`Ledger`](etlplus_core::ports::Ledger),
//! [`History`](etlplus_core::ports::History) and [`Pipelines`](etlplus_core::ports::Pipelines).
//!
//! Record, then tell: one writer task holds the only connection that writes and the bus's only publisher. It takes what
//! queued during the last commit as one batch, commits it, publishes its facts in their order, and then answers.

mod sqlite;

pub use sqlite::{FatalError, OpenError, Opened, SAMPLES_PER_JOB_MAX, Store, Writer};
