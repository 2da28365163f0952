//! The life of a job: its states, what can happen to it, and which moves are legal. `docs/job-states.md` draws it.

mod definition;
mod input;
mod moves;
mod policy;
mod state;

pub use definition::{JobDefinition, JobHeader, JobType};
pub use input::{Cause, JobInput};
pub use moves::{IllegalMove, JobFact, Step};
pub use policy::{JobPolicy, RetryPolicy};
pub use state::{AttemptRun, HeldRunner, JobState, JobStatus, Stop, Wait};
