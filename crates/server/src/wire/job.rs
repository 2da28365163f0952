//! A job as it is shown.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use etlplus_api::{JobLogMessage, JobMetrics, JobMonitoringData, JobOrigin, PolicyInfo, TargetInfo};
use etlplus_core::job::{HeldRunner, JobDefinition, JobHeader, JobPolicy, JobState, JobStatus, Stop, Wait};
use etlplus_core::ports::{AttemptReport, JobRecord, Reading};
use etlplus_core::progress::grouped;
use etlplus_monitor::LiveJob;

use super::metrics::{final_progress, milliseconds, of_sample, of_state, started_at};
use super::words::{failure, job_type};
use super::{status, summaries};

/// An active job by the live view.
pub(crate) fn of_live(job: &LiveJob, recent_logs: Vec<JobLogMessage>, now: DateTime<Utc>) -> JobMonitoringData {
    JobMonitoringData { recent_logs, live: true, ..data(&job.header, &job.state, job.reading.as_ref(), None, now) }
}

/// A job by the store, with its newest reading, where there is one of the attempt that runs.
pub(crate) fn of_record(
    record: &JobRecord,
    reading: Option<&Reading>,
    recent_logs: Vec<JobLogMessage>,
    now: DateTime<Utc>,
) -> JobMonitoringData {
    let has_runner = matches!(record.state.status(), JobStatus::Running | JobStatus::Paused);
    let is_current = |reading: &&Reading| has_runner && reading.sample.attempt == record.state.attempt();
    let reading = reading.filter(is_current);
    let shown = data(&record.header, &record.state, reading, record.report.as_ref(), now);
    JobMonitoringData { policy: Some(policy(&record.policy)), recent_logs, ..shown }
}

/// How a job is treated.
pub(crate) fn policy(policy: &JobPolicy) -> PolicyInfo {
    PolicyInfo {
        priority: policy.priority,
        timeout: policy.timeout.map(|timeout| timeout.as_secs_f64()),
        max_attempts: policy.retry.max_attempts.get(),
        concurrency: policy.concurrency.map(NonZeroU32::get),
    }
}

/// What a job's attempts are made from.
pub(crate) fn origin(definition: JobDefinition) -> JobOrigin {
    let JobDefinition { folder, parameters, as_of, .. } = definition;
    JobOrigin { parameters, as_of, folder: folder.display().to_string() }
}

fn data(
    header: &JobHeader,
    state: &JobState,
    reading: Option<&Reading>,
    report: Option<&AttemptReport>,
    now: DateTime<Utc>,
) -> JobMonitoringData {
    let start_time = started_at(state);
    let ended = of_state(state);
    let execution_time = match &ended {
        Some(ended) => ended.execution_time,
        None => state.execution_time(now).map(milliseconds),
    };
    let metrics = reading.map(|reading| of_sample(&reading.sample, start_time)).or(ended).unwrap_or_default();
    let target = report.and_then(|report| report.target.as_ref()).filter(|_| state.status() == JobStatus::Completed);
    let rejects = match (reading, report) {
        (Some(reading), _) => summaries(&reading.rejects),
        (None, Some(report)) => summaries(&report.rejects),
        (None, None) => Vec::new(),
    };
    JobMonitoringData {
        job_id: header.id.to_string(),
        pipeline: header.pipeline.clone(),
        job_type: job_type(header.job_type),
        tags: header.tags.clone(),
        status: status(state.status()),
        attempt: state.attempt().get(),
        stopping: is_stopping(state),
        progress_percent: percent(state, reading),
        current_step: step(state, reading),
        eta: reading.and_then(|reading| reading.eta).map(milliseconds),
        submitted_at: header.submitted_at,
        start_time,
        end_time: end_time(state),
        not_before: not_before(state),
        retry_at: retry_at(state),
        execution_time,
        metrics: JobMetrics { execution_time, ..metrics },
        error_message: state.failure().map(ToString::to_string),
        failure: state.failure().map(failure),
        rejects,
        target: target.map(|target| TargetInfo {
            location: target.location.clone(),
            rows: target.rows,
            bytes: target.bytes,
        }),
        policy: None,
        origin: None,
        recent_logs: Vec::new(),
        live: false,
    }
}

pub(super) fn is_stopping(state: &JobState) -> bool {
    matches!(state, JobState::Running { stop: Some(_), .. } | JobState::Paused { runner: HeldRunner::Stopping, .. })
}

pub(super) fn end_time(state: &JobState) -> Option<DateTime<Utc>> {
    state.status().is_terminal().then(|| state.since())
}

fn not_before(state: &JobState) -> Option<DateTime<Utc>> {
    match state {
        JobState::Pending { wait: Wait::Delay { not_before }, .. } => Some(*not_before),
        _ => None,
    }
}

pub(super) fn retry_at(state: &JobState) -> Option<DateTime<Utc>> {
    match state {
        JobState::Pending { wait: Wait::Retry { retry_at, .. }, .. } => Some(*retry_at),
        _ => None,
    }
}

/// A job that waits has done nothing of its next attempt, and one that completed has done all; between them the last
/// reading says what it can.
pub(super) fn percent(state: &JobState, reading: Option<&Reading>) -> Option<f64> {
    match state {
        JobState::Pending { .. } => Some(0.0),
        JobState::Completed { .. } => Some(100.0),
        _ => match reading {
            Some(reading) => reading.sample.progress.percent(),
            None => final_progress(state).and_then(|progress| progress.percent()),
        },
    }
}

/// What the job does, for people.
pub(super) fn step(state: &JobState, reading: Option<&Reading>) -> String {
    match state {
        JobState::Pending { wait: Wait::Slot, .. } => "Queued".to_owned(),
        JobState::Pending { wait: Wait::Delay { not_before }, .. } => {
            format!("Waits until {}", not_before.format("%F %T UTC"))
        }
        JobState::Pending { wait: Wait::Retry { .. }, .. } => "Waits to be tried again".to_owned(),
        JobState::Running { stop: Some(Stop::Cancel), .. } | JobState::Paused { runner: HeldRunner::Stopping, .. } => {
            "Stopping: cancelled".to_owned()
        }
        JobState::Running { stop: Some(Stop::Abort { failure }), .. } => format!("Stopping: {}", failure.message),
        JobState::Running { stop: None, .. } => match reading {
            Some(reading) => reading.sample.progress.current_step(),
            None => "Starting".to_owned(),
        },
        JobState::Paused { .. } => "Paused".to_owned(),
        JobState::Completed { progress, .. } => format!("Completed: {} rows loaded", grouped(progress.rows_loaded)),
        JobState::Failed { .. } => "Failed".to_owned(),
        JobState::Cancelled { .. } => "Cancelled".to_owned(),
    }
}
