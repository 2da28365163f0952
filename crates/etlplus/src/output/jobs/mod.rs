//! What a server says about its jobs and about itself, for people.

mod alerts;
mod details;
mod grid;
mod lines;
mod live;
mod server;
mod settings;
mod tables;

pub(crate) use alerts::{alerts, channels, notice};
pub(crate) use details::details;
pub(crate) use lines::{disconnected, ended, log_line, transition};
pub(crate) use live::live_lines;
pub(crate) use server::{connections, health, schedules, tokens};
pub(crate) use settings::{changed_settings, settings};
pub(crate) use tables::{list, pipelines, rejected};

use anstyle::Style;
use chrono::{DateTime, SecondsFormat, Utc};
use etlplus_api::{JobMonitoringData, JobStatus};
use etlplus_core::reject::{RejectSample, RejectSummary};

use super::style::{ERROR, FAINT, GOOD, HELP, WARN};

/// What stands for what is not known.
const UNKNOWN: &str = "-";

/// How a status is shown.
fn style_of(status: JobStatus) -> Style {
    match status {
        JobStatus::Pending | JobStatus::Paused => FAINT,
        JobStatus::Running => HELP,
        JobStatus::Completed => GOOD,
        JobStatus::Failed => ERROR,
        JobStatus::Cancelled => WARN,
    }
}

/// `RUNNING`, or `RUNNING, stopping`.
fn status_text(job: &JobMonitoringData) -> String {
    let stopping = if job.stopping { ", stopping" } else { "" };
    format!("{}{stopping}", job.status.as_str())
}

/// `2026-01-31T12:34:56Z`.
fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Broken rules in the words of the core, whose summary is shown the same for a local run and for a job of a server.
fn reasons(summaries: &[etlplus_api::RejectSummary]) -> String {
    let sample = |sample: &etlplus_api::RejectSample| RejectSample {
        file: sample.file.clone(),
        line: sample.line,
        row: sample.row,
        value: sample.value.clone(),
        message: sample.message.clone(),
    };
    let summary = |summary: &etlplus_api::RejectSummary| RejectSummary {
        field: summary.field.clone(),
        rule: summary.rule.clone(),
        rows: summary.rows,
        samples: summary.samples.iter().map(sample).collect(),
    };
    super::rejects::reasons(&summaries.iter().map(summary).collect::<Vec<_>>())
}

#[cfg(test)]
pub(crate) mod examples {
    use etlplus_api::{JobMetrics, JobType};

    use super::*;

    /// `2026-01-01T00:00:00Z` and `seconds` later.
    pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0).expect("it is a time")
    }

    /// A running job in its middle.
    pub(crate) fn job() -> JobMonitoringData {
        JobMonitoringData {
            job_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            pipeline: "orders".to_owned(),
            job_type: JobType::FullEtl,
            tags: vec!["shop".to_owned()],
            status: JobStatus::Running,
            attempt: 1,
            stopping: false,
            progress_percent: Some(50.0),
            current_step: "Extract: 10,000 rows".to_owned(),
            eta: Some(12_340),
            submitted_at: at(0),
            start_time: Some(at(1)),
            end_time: None,
            retry_at: None,
            execution_time: Some(2_500),
            metrics: JobMetrics {
                records_processed: 10_000,
                records_successful: 9_988,
                records_failed: 12,
                rows_transformed: 9_000,
                rows_loaded: 8_000,
                bytes_total: Some(2 << 20),
                bytes_read: 1 << 20,
                processing_rate: Some(4_000.0),
                memory_usage: Some(100 << 20),
                memory_peak: Some(120 << 20),
                cpu_usage: Some(1.8),
                execution_time: Some(2_500),
                ..JobMetrics::default()
            },
            error_message: None,
            failure: None,
            rejects: Vec::new(),
            target: None,
            recent_logs: Vec::new(),
            live: true,
            not_before: None,
            policy: None,
            origin: None,
        }
    }

    /// `text` without its styles.
    pub(crate) fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }
}
