//! The one place where domain types become wire types. What is shown of a fact is made from the fact alone, so that it
//! reads the same live and replayed.

mod frames;
mod job;
mod metrics;
mod pipelines;
mod rejects;
mod words;

pub(crate) use frames::{fact, log_message, log_row, position, sample_metrics, sample_progress};
pub(crate) use job::{of_live, of_record};
pub(crate) use metrics::{of_sample, of_state, started_at};
pub(crate) use pipelines::{info, mistake, stage};
pub(crate) use rejects::{row, summaries};
pub(crate) use words::{core_level, core_status, core_type, level, status};
