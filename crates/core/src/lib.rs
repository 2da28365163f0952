//! Words and decisions of ETL Plus: what a pipeline, a job, a value, a failure and a reading are, and which moves are
//! legal. Nothing here does I/O, knows an async runtime, or reads a clock: callers hand in bytes and times, and act on
//! what comes back.

pub mod access;
pub mod duration;
pub mod failure;
pub mod ids;
pub mod job;
pub mod log;
pub mod mistake;
pub mod pipeline;
pub mod ports;
pub mod progress;
pub mod reject;
pub mod settings;
mod size;
mod tree;
pub mod value;

pub use failure::{Failure, FailureKind};
pub use log::{LogLevel, LogLine};
pub use mistake::{Mistake, Position};
pub use progress::{Counters, Progress, Usage};
pub use reject::{BrokenRule, Reject, RejectSummary};
pub use value::{Type, Value};
