//! The one place where domain types become wire types. What is shown of a fact is made from the fact alone, so that it
//! reads the same live and replayed.

mod access;
mod alerts;
mod events;
mod frames;
mod job;
mod metrics;
mod notices;
mod pipelines;
mod rejects;
mod schedules;
mod settings;
mod words;

pub(crate) use access::{core_role, role, token};
pub(crate) use alerts::{alert, alert_entry, channel};
pub(crate) use events::{attempts, event};
pub(crate) use frames::{fact, log_message, log_row, position, sample_metrics, sample_progress};
pub(crate) use job::{of_live, of_record, origin, policy};
pub(crate) use metrics::{of_sample, of_state, started_at};
pub(crate) use pipelines::{info, mistake, stage};
pub(crate) use rejects::{row, summaries};
pub(crate) use schedules::schedule;
pub(crate) use settings::config;
pub(crate) use words::{core_level, core_status, core_type, level, status};
