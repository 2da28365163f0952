//! What became of a job: for people and for programs.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use etlplus_core::pipeline::JobSpec;
use etlplus_core::ports::{Outcome, RunReport, TargetReport};
use etlplus_core::progress::grouped;
use etlplus_core::reject::RejectSummary;
use etlplus_core::{Failure, Progress};
use serde::Serialize;

use super::style::{ERROR, GOOD, STRONG, WARN};
use super::{failure_text, printable, rejects, units};
use crate::usage::Usage;

/// A job that has ended.
pub(crate) struct Ended<'a> {
    /// What it was.
    pub(crate) job: &'a JobSpec,
    /// How it ended.
    pub(crate) report: &'a RunReport,
    /// What it took.
    pub(crate) usage: Usage,
}

/// The answer of `run --output json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary<'a> {
    job_id: String,
    pipeline: &'a str,
    status: &'static str,
    failure: Option<&'a Failure>,
    progress: Progress,
    records_processed: u64,
    rejects: &'a [RejectSummary],
    reject_file: Option<&'a PathBuf>,
    target: Option<&'a TargetReport>,
    /// Milliseconds.
    execution_time: u64,
    /// Checked rows per second.
    processing_rate: Option<f64>,
    peak_memory_bytes: Option<u64>,
    cpu_seconds: f64,
}

impl<'a> Ended<'a> {
    /// For programs.
    pub(crate) fn json(&self) -> Summary<'a> {
        let report = self.report;
        Summary {
            job_id: self.job.id().to_string(),
            pipeline: &self.job.pipeline().name,
            status: self.status(),
            failure: self.failure(),
            progress: Progress { rows_loaded: self.rows_loaded(), ..report.progress },
            records_processed: report.progress.records_processed(),
            rejects: &report.rejects,
            reject_file: report.reject_file.as_ref(),
            target: self.target(),
            execution_time: u64::try_from(self.usage.time.as_millis()).unwrap_or(u64::MAX),
            processing_rate: processing_rate(&report.progress, self.usage.time),
            peak_memory_bytes: self.usage.peak_memory_bytes,
            cpu_seconds: self.usage.cpu.as_secs_f64(),
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let style = match self.report.outcome {
            Outcome::Completed(_) => GOOD,
            Outcome::Failed(_) => ERROR,
            Outcome::Cancelled => WARN,
        };
        let name = &self.job.pipeline().name;
        let (status, time) = (self.status(), units::duration(self.usage.time));
        let mut text = format!("{STRONG}{name}{STRONG:#} {style}{status}{style:#} in {time}\n");
        if let Some(failure) = self.failure() {
            let _ = writeln!(text, "{}", failure_text(failure));
        }
        let _ = writeln!(text, "\n{}", self.rows());
        let _ = writeln!(text, "  {}", self.resources());
        if !self.report.rejects.is_empty() {
            let _ = write!(text, "\n  Rejected, by field and rule:\n{}", rejects::reasons(&self.report.rejects));
        }
        let _ = write!(text, "\n{}", self.files());
        text
    }

    fn status(&self) -> &'static str {
        match self.report.outcome {
            Outcome::Completed(_) => "COMPLETED",
            Outcome::Failed(_) => "FAILED",
            Outcome::Cancelled => "CANCELLED",
        }
    }

    fn failure(&self) -> Option<&'a Failure> {
        match &self.report.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Completed(_) | Outcome::Cancelled => None,
        }
    }

    /// Without a target in place, the rows that were handed to it are gone: to call them loaded would be a lie.
    fn rows_loaded(&self) -> u64 {
        self.target().map_or(0, |target| target.rows)
    }

    fn target(&self) -> Option<&'a TargetReport> {
        match &self.report.outcome {
            Outcome::Completed(target) => Some(target),
            Outcome::Failed(_) | Outcome::Cancelled => None,
        }
    }

    /// One line for each stage that rows go through.
    fn rows(&self) -> String {
        let progress = &self.report.progress;
        let share = progress.reject_percent().filter(|share| *share > 0.0).map(units::percent);
        let loaded_note = self.target().and_then(|target| target.bytes).map(units::bytes);
        let stages = [
            ("read", progress.records_processed(), Some(units::bytes(progress.bytes_read))),
            ("rejected", progress.records_failed, share),
            ("passed", progress.records_successful, None),
            ("transformed", progress.rows_transformed, None),
            ("loaded", self.rows_loaded(), loaded_note),
        ];
        let width = stages.iter().map(|(_, rows, _)| grouped(*rows).len()).max().unwrap_or(0);
        let mut text = String::new();
        for (stage, rows, note) in stages {
            let noun = if rows == 1 { "row " } else { "rows" };
            let line = format!("  {stage:<12}{:>width$} {noun}  {}", grouped(rows), note.unwrap_or_default());
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    fn resources(&self) -> String {
        let Usage { time, cpu, peak_memory_bytes } = self.usage;
        let mut parts = Vec::new();
        if let Some(rate) = processing_rate(&self.report.progress, time) {
            parts.push(units::rate(rate));
        }
        if let Some(bytes) = peak_memory_bytes {
            parts.push(format!("{} memory at most", units::bytes(bytes)));
        }
        parts.push(format!("{} of CPU time", units::duration(cpu)));
        parts.join(", ")
    }

    fn files(&self) -> String {
        let shown = |path: &PathBuf| printable(&path.display().to_string());
        let mut text = match self.target() {
            Some(target) => format!("  target   {}\n", printable(&target.location)),
            None => {
                let path = self.job.pipeline().target.place.path().map(|path| self.job.path(path));
                let is_there = path.is_none_or(|path| path.exists());
                let state = if is_there { "as it was" } else { "not written" };
                format!("  target   {} ({state})\n", printable(&self.job.target_name()))
            }
        };
        if let Some(path) = &self.report.reject_file {
            let _ = writeln!(text, "  rejects  {}", shown(path));
        }
        let _ = write!(text, "  job      {}", self.job.id());
        text
    }
}

/// Checked rows per second over the whole job; `None` where there were none, or no time passed.
fn processing_rate(progress: &Progress, time: Duration) -> Option<f64> {
    let rows = progress.records_processed();
    (rows > 0 && !time.is_zero()).then(|| rows as f64 / time.as_secs_f64())
}
