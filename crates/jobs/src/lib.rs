//! The job manager: a queue, a runner process for each attempt, and what becomes of them.
//!
//! [`Jobs`] is the handle; behind it one task owns every job that has not ended. Each attempt has a supervisor, which
//! watches one runner: a child process of the same program ([`runner`]) that moves the rows. Moves of jobs are decided by
//! [`etlplus_core::job::JobState::apply`] and recorded through the ledger before anything follows from them.

mod attempt;
mod inspect;
mod jobs;
mod manager;
mod options;
mod program;
mod protocol;
pub mod runner;
mod supervisor;

pub use inspect::InspectError;
pub use jobs::{CommandError, Jobs, SubmitError};
pub use manager::Manager;
pub use options::{Options, RunnerProgram};
