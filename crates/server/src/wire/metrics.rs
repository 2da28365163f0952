//! Counts and readings.

use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_api::JobMetrics;
use etlplus_core::Progress;
use etlplus_core::job::{HeldRunner, JobState, Wait};
use etlplus_core::ports::Sample;

/// The metrics of a reading. `started_at` is when its attempt began, where that is known.
pub(crate) fn of_sample(sample: &Sample, started_at: Option<DateTime<Utc>>) -> JobMetrics {
    let elapsed = |start: DateTime<Utc>| (sample.at - start).to_std().unwrap_or_default();
    JobMetrics {
        processing_rate: sample.rows_per_second,
        cpu_usage: sample.cores,
        execution_time: started_at.map(elapsed).map(milliseconds),
        ..counts(&sample.progress)
    }
}

/// The metrics that a state says of an attempt that has ended; `None` where it is about none.
pub(crate) fn of_state(state: &JobState) -> Option<JobMetrics> {
    let (progress, started_at) = ended_attempt(state)?;
    let took = (state.since() - started_at).to_std().unwrap_or_default();
    let per_second = |amount: f64| (took > Duration::ZERO).then(|| amount / took.as_secs_f64());
    let metrics = progress.map(|progress| JobMetrics {
        processing_rate: per_second(progress.records_processed() as f64),
        cpu_usage: progress.usage.and_then(|usage| per_second(usage.cpu_ms as f64 / 1000.0)),
        ..counts(progress)
    });
    Some(JobMetrics { execution_time: Some(milliseconds(took)), ..metrics.unwrap_or_default() })
}

/// The last reading of an attempt that has ended, and when it began.
fn ended_attempt(state: &JobState) -> Option<(Option<&Progress>, DateTime<Utc>)> {
    match state {
        JobState::Completed { progress, started_at, .. } => Some((Some(progress), *started_at)),
        JobState::Failed { run, .. }
        | JobState::Cancelled { run: Some(run), .. }
        | JobState::Pending { wait: Wait::Retry { run, .. }, .. } => Some((run.progress.as_ref(), run.started_at)),
        JobState::Paused { runner: HeldRunner::Gone { progress, .. }, started_at, .. } => {
            Some((progress.as_ref(), *started_at))
        }
        JobState::Pending { .. }
        | JobState::Running { .. }
        | JobState::Paused { .. }
        | JobState::Cancelled { run: None, .. } => None,
    }
}

/// When the current or last attempt began; `None` where none did.
pub(crate) fn started_at(state: &JobState) -> Option<DateTime<Utc>> {
    match state {
        JobState::Running { started_at, .. } | JobState::Paused { started_at, .. } => Some(*started_at),
        other => ended_attempt(other).map(|(_, started_at)| started_at),
    }
}

/// The last reading that a state holds.
pub(super) fn final_progress(state: &JobState) -> Option<&Progress> {
    ended_attempt(state).and_then(|(progress, _)| progress)
}

fn counts(progress: &Progress) -> JobMetrics {
    let usage = progress.usage.as_ref();
    JobMetrics {
        records_processed: progress.records_processed(),
        records_successful: progress.records_successful,
        records_failed: progress.records_failed,
        rows_transformed: progress.rows_transformed,
        rows_loaded: progress.rows_loaded,
        bytes_total: (progress.bytes_total > 0).then_some(progress.bytes_total),
        bytes_read: progress.bytes_read,
        memory_usage: usage.map(|usage| usage.memory_bytes),
        memory_peak: usage.map(|usage| usage.memory_peak_bytes),
        io_read_bytes: usage.and_then(|usage| usage.read_bytes),
        io_written_bytes: usage.and_then(|usage| usage.written_bytes),
        processing_rate: None,
        cpu_usage: None,
        execution_time: None,
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
