//! The job manager over a real store, with scripted runners in real processes.

mod attempts;
mod housekeeping;
mod limits;
mod pauses;
mod queue;
mod restarts;
mod retries;
mod schedules;
mod support;
mod telemetry;
