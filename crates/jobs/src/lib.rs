//! The job manager: a queue, a runner process for each attempt, and what becomes of them.
//!
//! [`Jobs`] is the handle; behind it one task owns every job that has not ended. A second task makes jobs by the pipelines'
//! schedules, and a third forgets what is old. Each attempt has a supervisor, which watches one runner: a child process of
//! the same program ([`runner`]) that moves the rows. Moves of jobs are decided by
//! [`etlplus_core::job::JobState::apply`] and recorded through the ledger before anything follows from them.

mod attempt;
mod housekeeping;
mod inspect;
mod jobs;
mod manager;
mod options;
mod parts;
mod program;
mod protocol;
mod room;
pub mod runner;
mod scheduler;
mod submit;
mod supervisor;
mod telemetry;

pub use inspect::InspectError;
pub use jobs::{CommandError, Jobs};
pub use manager::Manager;
pub use options::{Options, RunnerProgram};
pub use parts::Parts;
pub use room::QueueFull;
pub use scheduler::ScheduleInfo;
pub use submit::{Submission, SubmitError, Submitted};
