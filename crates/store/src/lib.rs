//! The store: everything that was recorded, on disk. It implements the ports [`Ledger`](etlplus_core::ports::Ledger),
//! [`History`](etlplus_core::ports::History), [`Pipelines`](etlplus_core::ports::Pipelines),
//! [`Schedules`](etlplus_core::ports::Schedules), [`Alerts`](etlplus_core::ports::Alerts),
//! [`SettingsStore`](etlplus_core::ports::SettingsStore), [`Tokens`](etlplus_core::ports::Tokens) and
//! [`Retention`](etlplus_core::ports::Retention).
//!
//! Record, then tell: one writer task holds the only connection that writes and the bus's only publisher. It takes what
//! queued during the last commit as one batch, commits it, publishes its facts in their order, and then answers.

mod sqlite;

pub use sqlite::{
    ALERTS_MAX, CHUNK_BYTES_MAX, CHUNK_LINES_MAX, FIRING_MAX, FatalError, OpenError, Opened, SAMPLES_PER_JOB_MAX,
    Store, Writer,
};
