//! Frames of the live channel.

use chrono::{DateTime, Utc};
use etlplus_api::{
    Frame, JobLogMessage, JobMetrics, JobMetricsUpdate, JobProgressUpdate, JobStatusUpdate, LogRow, Position,
    ServerMessage,
};
use etlplus_core::ids::Offset;
use etlplus_core::job::{Cause, JobFact, JobHeader};
use etlplus_core::log::FieldValue;
use etlplus_core::ports::{Fact, LogPosition, Reading, Recorded, StoredLine};
use etlplus_monitor::LiveJob;

use super::job::{end_time, is_stopping, percent, retry_at, step};
use super::metrics::{milliseconds, of_sample, of_state, started_at};
use super::notices::{of_alert, of_settings};
use super::words::{failure, job_type};
use super::{level, status, summaries};

/// A place in the log.
pub(crate) fn position(place: LogPosition) -> Position {
    Position { epoch: place.epoch.to_string(), offset: place.offset.get() }
}

/// The frame of a fact of the log `epoch`, made from the fact alone.
pub(crate) fn fact(epoch: &str, recorded: &Recorded) -> Frame {
    let at = |offset: Offset| Position { epoch: epoch.to_owned(), offset: offset.get() };
    let (message, timestamp) = match &recorded.fact {
        Fact::Job { job, fact } => (ServerMessage::JobStatusUpdate(status_update(job, fact)), fact.state.since()),
        Fact::Log { job, attempt, line } => (ServerMessage::JobLogMessage(log_line(job, attempt.get(), line)), line.at),
        Fact::Alert(alert) => (ServerMessage::SystemNotification(of_alert(alert)), alert.at),
        Fact::Settings(change) => (ServerMessage::SystemNotification(of_settings(change)), change.at),
    };
    Frame { message, timestamp, position: Some(at(recorded.offset)), id: None }
}

/// A log line; `None` for a fact of another kind.
pub(crate) fn log_message(fact: &Fact) -> Option<JobLogMessage> {
    match fact {
        Fact::Log { job, attempt, line } => Some(log_line(job, attempt.get(), line)),
        Fact::Job { .. } | Fact::Alert(_) | Fact::Settings(_) => None,
    }
}

/// A log line of the store, with its place.
pub(crate) fn log_row(job: &JobHeader, stored: &StoredLine) -> LogRow {
    LogRow { offset: stored.offset.get(), message: log_line(job, stored.attempt.get(), &stored.line) }
}

fn log_line(job: &JobHeader, attempt: u32, line: &etlplus_core::LogLine) -> JobLogMessage {
    JobLogMessage {
        job_id: job.id.to_string(),
        pipeline: job.pipeline.clone(),
        attempt,
        line: line.line,
        timestamp: line.at,
        level: level(line.level),
        step: line.step.clone(),
        message: line.message.clone(),
        fields: line.fields.iter().map(|(name, value)| (name.clone(), field(value))).collect(),
    }
}

fn field(value: &FieldValue) -> etlplus_api::FieldValue {
    match value {
        FieldValue::Bool(flag) => etlplus_api::FieldValue::Bool(*flag),
        FieldValue::Number(number) => etlplus_api::FieldValue::Number(number.clone()),
        FieldValue::Text(text) => etlplus_api::FieldValue::Text(text.clone()),
    }
}

fn status_update(job: &JobHeader, fact: &JobFact) -> JobStatusUpdate {
    let state = &fact.state;
    let is_start = fact.cause == Cause::Start;
    let begun = is_start.then(|| JobMetrics { execution_time: Some(0), ..JobMetrics::default() });
    JobStatusUpdate {
        job_id: job.id.to_string(),
        pipeline: job.pipeline.clone(),
        job_type: job_type(job.job_type),
        tags: job.tags.clone(),
        status: status(state.status()),
        previous_status: fact.from.map(status),
        cause: fact.cause.to_string(),
        attempt: state.attempt().get(),
        stopping: is_stopping(state),
        progress_percent: if is_start { Some(0.0) } else { percent(state, None) },
        current_step: step(state, None),
        error_message: state.failure().map(ToString::to_string),
        failure: state.failure().map(failure),
        retry_at: retry_at(state),
        submitted_at: job.submitted_at,
        start_time: started_at(state),
        end_time: end_time(state),
        metrics: begun.or_else(|| of_state(state)),
    }
}

/// How far a running job is, by its newest reading.
pub(crate) fn sample_progress(job: &LiveJob, reading: &Reading) -> Frame {
    let progress = &reading.sample.progress;
    let update = JobProgressUpdate {
        job_id: job.header.id.to_string(),
        pipeline: job.header.pipeline.clone(),
        attempt: reading.sample.attempt.get(),
        progress_percent: percent(&job.state, Some(reading)),
        current_step: step(&job.state, Some(reading)),
        eta: reading.eta.map(milliseconds),
        records_processed: progress.records_processed(),
        records_successful: progress.records_successful,
        records_failed: progress.records_failed,
        rejects: summaries(&reading.rejects),
    };
    sample(ServerMessage::JobProgressUpdate(update), reading.sample.at)
}

/// What a running job takes, by its newest reading.
pub(crate) fn sample_metrics(job: &LiveJob, reading: &Reading) -> Frame {
    let update = JobMetricsUpdate {
        job_id: job.header.id.to_string(),
        pipeline: job.header.pipeline.clone(),
        attempt: reading.sample.attempt.get(),
        metrics: of_sample(&reading.sample, started_at(&job.state)),
    };
    sample(ServerMessage::JobMetricsUpdate(update), reading.sample.at)
}

fn sample(message: ServerMessage, timestamp: DateTime<Utc>) -> Frame {
    Frame { message, timestamp, position: None, id: None }
}
