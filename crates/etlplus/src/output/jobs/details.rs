//! Everything about one job.

use std::fmt::Write;
use std::time::Duration;

use etlplus_api::{AttemptInfo, AttemptOutcome, JobMonitoringData, JobStatus};
use etlplus_core::progress::grouped;

use super::lines::{failure_lines, headline, log_line};
use super::{reasons, time};
use crate::output::{printable, units};

/// The most lines of its log that are shown; `etlplus logs` has them all.
const LOG_LINES_MAX: usize = 10;

/// Everything about one job, with its attempts where there were several.
pub(crate) fn details(job: &JobMonitoringData, attempts: &[AttemptInfo]) -> String {
    let mut text = format!("{}\n", headline(job));
    if let Some(failure) = failure_lines(job) {
        let _ = writeln!(text, "{failure}");
    }
    let _ = write!(text, "\n{}{}\n{}", facts(job), treatment(job), rows(job));
    let resources = resources(job);
    if !resources.is_empty() {
        let _ = writeln!(text, "  {resources}");
    }
    if attempts.len() > 1 {
        text.push_str("\n  Attempts:\n");
        attempts.iter().for_each(|attempt| text.push_str(&attempt_line(attempt)));
    }
    if !job.rejects.is_empty() {
        let _ = write!(text, "\n  Rejected, by field and rule:\n{}", reasons(&job.rejects));
        let _ = writeln!(text, "    `etlplus rejects {}` shows the rows", job.job_id);
    }
    if !job.recent_logs.is_empty() {
        text.push_str("\n  The last lines of its log:\n");
        let cut = job.recent_logs.len().saturating_sub(LOG_LINES_MAX);
        for message in &job.recent_logs[cut..] {
            let _ = writeln!(text, "    {}", log_line(message));
        }
    }
    if !job.live && !job.status.is_terminal() {
        text.push_str("\n  The server has no live view now; these are the last readings that were recorded.\n");
    }
    text
}

/// What it is, what it does, and when.
fn facts(job: &JobMonitoringData) -> String {
    let step = if job.status.is_terminal() { None } else { Some(printable(&job.current_step)) };
    let progress =
        job.progress_percent.filter(|_| matches!(job.status, JobStatus::Running | JobStatus::Paused)).map(|percent| {
            match job.eta {
                Some(ms) => {
                    format!("{}, about {} to go", units::percent(percent), units::duration(Duration::from_millis(ms)))
                }
                None => units::percent(percent),
            }
        });
    let facts = [
        ("job", Some(printable(&job.job_id))),
        ("kind", Some(job.job_type.as_str().to_owned())),
        ("tags", (!job.tags.is_empty()).then(|| printable(&job.tags.join(", ")))),
        ("attempt", Some(attempt_of(job))),
        ("step", step),
        ("progress", progress),
        ("submitted", Some(time(job.submitted_at))),
        ("started", job.start_time.map(time)),
        ("ended", job.end_time.map(time)),
        ("next try", job.retry_at.map(time)),
        ("not before", job.not_before.map(time)),
        ("target", job.target.as_ref().map(|target| printable(&target.location))),
    ];
    fact_lines(facts)
}

/// How the queue treats it, and what it was given. What is as it is for every job is left out.
fn treatment(job: &JobMonitoringData) -> String {
    let policy = job.policy.as_ref();
    let timeout = policy.and_then(|policy| Duration::try_from_secs_f64(policy.timeout?).ok());
    let concurrency = policy.and_then(|policy| policy.concurrency);
    let origin = job.origin.as_ref();
    let parameters = origin.filter(|origin| !origin.parameters.is_empty()).map(|origin| {
        let parameter = |(name, value): (&String, &String)| format!("{name}={value}");
        printable(&origin.parameters.iter().map(parameter).collect::<Vec<_>>().join(", "))
    });
    fact_lines([
        ("priority", policy.filter(|policy| policy.priority != 0).map(|policy| policy.priority.to_string())),
        ("timeout", timeout.map(|timeout| format!("{} for an attempt", units::duration(timeout)))),
        ("at once", concurrency.map(|jobs| units::count(jobs.into(), "job") + " of this pipeline at most")),
        ("parameters", parameters),
        ("run clock", origin.map(|origin| time(origin.as_of))),
    ])
}

fn fact_lines(facts: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    let mut text = String::new();
    for (name, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:<12}{value}");
        }
    }
    text
}

/// `2`, or `2 of 3` where it is tried again by itself.
fn attempt_of(job: &JobMonitoringData) -> String {
    match &job.policy {
        Some(policy) if policy.max_attempts > 1 => format!("{} of {}", job.attempt, policy.max_attempts),
        _ => job.attempt.to_string(),
    }
}

/// `1  2026-01-01T00:00:00Z  failed after 2.00 s: the disk is full`.
fn attempt_line(attempt: &AttemptInfo) -> String {
    let outcome = match attempt.outcome {
        Some(AttemptOutcome::Completed) => "completed",
        Some(AttemptOutcome::Failed) => "failed",
        Some(AttemptOutcome::Cancelled) => "cancelled",
        None => "runs",
    };
    let span = attempt.end_time.and_then(|end| (end - attempt.start_time).to_std().ok());
    let span = span.map(|span| format!(" after {}", units::duration(span))).unwrap_or_default();
    let why = attempt.failure.as_ref().map(|failure| format!(": {}", printable(&failure.message)));
    let (number, began) = (attempt.attempt, time(attempt.start_time));
    format!("    {number}  {began}  {outcome}{span}{}\n", why.unwrap_or_default())
}

/// One line for each stage that rows go through.
fn rows(job: &JobMonitoringData) -> String {
    let metrics = &job.metrics;
    let read = match metrics.bytes_total {
        Some(total) => format!("{} of {}", units::bytes(metrics.bytes_read), units::bytes(total)),
        None => units::bytes(metrics.bytes_read),
    };
    let share = (metrics.records_failed > 0)
        .then(|| units::percent(metrics.records_failed as f64 / metrics.records_processed.max(1) as f64 * 100.0));
    // Without a target in place, the rows that were handed to it are gone: to call them loaded would be a lie.
    let loaded = match (&job.target, job.status) {
        (Some(target), _) => target.rows,
        (None, JobStatus::Failed | JobStatus::Cancelled) => 0,
        (None, _) => metrics.rows_loaded,
    };
    let stages = [
        ("read", metrics.records_processed, Some(read)),
        ("rejected", metrics.records_failed, share),
        ("passed", metrics.records_successful, None),
        ("transformed", metrics.rows_transformed, None),
        ("loaded", loaded, job.target.as_ref().and_then(|target| target.bytes).map(units::bytes)),
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

fn resources(job: &JobMonitoringData) -> String {
    let metrics = &job.metrics;
    let is_running = job.status == JobStatus::Running;
    let parts = [
        metrics.processing_rate.map(units::rate),
        metrics.memory_usage.filter(|_| is_running).map(|bytes| format!("{} memory", units::bytes(bytes))),
        metrics.memory_peak.map(|bytes| format!("{} memory at most", units::bytes(bytes))),
        metrics.cpu_usage.map(|cores| format!("{cores:.1} cores")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use etlplus_api::{FailureInfo, JobLogMessage, JobOrigin, LogLevel, PolicyInfo, RejectSummary, TargetInfo};

    use super::super::examples::{at, job, plain};
    use super::*;

    #[test]
    fn a_running_job_is_shown_with_its_readings() {
        let mut job = job();
        job.rejects = vec![RejectSummary {
            field: Some("amount".to_owned()),
            rule: "min".to_owned(),
            rows: 12,
            samples: Vec::new(),
        }];
        job.recent_logs = vec![JobLogMessage {
            job_id: job.job_id.clone(),
            pipeline: job.pipeline.clone(),
            attempt: 1,
            line: 1,
            timestamp: at(2),
            level: LogLevel::Warn,
            step: None,
            fields: Default::default(),
            message: "odd \u{1b}[2J row".to_owned(),
        }];
        let expected = "\
orders RUNNING for 2.50 s

  job         01890a5d-ac96-774b-bcce-b302099a8057
  kind        FULL_ETL
  tags        shop
  attempt     1
  step        Extract: 10,000 rows
  progress    50.0 %, about 12.3 s to go
  submitted   2026-01-01T00:00:00Z
  started     2026-01-01T00:00:01Z

  read        10,000 rows  1.0 MiB of 2.0 MiB
  rejected        12 rows  0.1 %
  passed       9,988 rows
  transformed  9,000 rows
  loaded       8,000 rows
  4,000 rows/s, 100.0 MiB memory, 120.0 MiB memory at most, 1.8 cores

  Rejected, by field and rule:
    12  amount min  \n    `etlplus rejects 01890a5d-ac96-774b-bcce-b302099a8057` shows the rows

  The last lines of its log:
    2026-01-01T00:00:02.000Z WARN  odd \\u{1b}[2J row
";
        assert_eq!(plain(&details(&job, &[])), expected);
    }

    #[test]
    fn what_a_job_was_given_and_its_attempts_are_shown() {
        let mut job = job();
        job.attempt = 2;
        job.not_before = Some(at(30));
        job.policy = Some(PolicyInfo { priority: -5, timeout: Some(90.0), max_attempts: 3, concurrency: Some(1) });
        let parameters = [("country", "DE"), ("since", "2026\u{1b}")];
        job.origin = Some(JobOrigin {
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            as_of: at(3),
            folder: "/data".to_owned(),
        });
        let failure = FailureInfo {
            kind: "transient".to_owned(),
            code: "disk_full".to_owned(),
            message: "the disk is full".to_owned(),
            remedy: "make room".to_owned(),
        };
        let attempts = [
            AttemptInfo {
                attempt: 1,
                start_time: at(1),
                end_time: Some(at(3)),
                outcome: Some(AttemptOutcome::Failed),
                failure: Some(failure),
            },
            AttemptInfo { attempt: 2, start_time: at(4), end_time: None, outcome: None, failure: None },
        ];
        let shown = plain(&details(&job, &attempts));
        for part in [
            "  attempt     2 of 3\n",
            "  not before  2026-01-01T00:00:30Z\n  priority    -5\n  timeout     1 min 30 s for an attempt\n",
            "  at once     1 job of this pipeline at most\n  parameters  country=DE, since=2026\\u{1b}\n",
            "  run clock   2026-01-01T00:00:03Z\n",
            "  Attempts:\n    1  2026-01-01T00:00:01Z  failed after 2.00 s: the disk is full\n",
            "    2  2026-01-01T00:00:04Z  runs\n",
        ] {
            assert!(shown.contains(part), "{part:?} is missing in {shown}");
        }
        assert!(!plain(&details(&job, &attempts[..1])).contains("Attempts"));
    }

    #[test]
    fn readings_that_are_old_are_shown_as_such_and_only_the_last_lines_are_shown() {
        let mut job = job();
        job.live = false;
        job.recent_logs = (1..=12)
            .map(|line| JobLogMessage {
                job_id: job.job_id.clone(),
                pipeline: job.pipeline.clone(),
                attempt: 1,
                line,
                timestamp: at(2),
                level: LogLevel::Info,
                step: None,
                fields: Default::default(),
                message: format!("line {line}"),
            })
            .collect();
        let shown = plain(&details(&job, &[]));
        assert!(shown.contains("the last readings that were recorded"), "{shown}");
        assert!(!shown.contains(" line 2\n") && shown.contains(" line 3\n") && shown.contains(" line 12\n"), "{shown}");
        job.status = JobStatus::Completed;
        assert!(!plain(&details(&job, &[])).contains("the last readings"), "those of an ended job are final");
    }

    #[test]
    fn an_ended_job_says_what_became_of_it() {
        let mut job = job();
        job.status = JobStatus::Failed;
        job.end_time = Some(at(4));
        job.failure = Some(FailureInfo {
            kind: "bad_data".to_owned(),
            code: "too_many_rejects".to_owned(),
            message: "12 of 10,000 rows were rejected".to_owned(),
            remedy: "look at them".to_owned(),
        });
        let shown = plain(&details(&job, &[]));
        let parts = [
            "orders FAILED in 2.50 s\nerror[too_many_rejects]: 12 of 10,000 rows were rejected\n  = help: look at them\n",
            "  ended       2026-01-01T00:00:04Z\n",
            "  loaded           0 rows\n",
        ];
        for part in parts {
            assert!(shown.contains(part), "{part:?} is missing in {shown}");
        }
        assert!(!shown.contains("step"), "{shown}");

        job.status = JobStatus::Completed;
        job.failure = None;
        job.target = Some(TargetInfo { location: "/data/out.csv".to_owned(), rows: 9_000, bytes: Some(2048) });
        let shown = plain(&details(&job, &[]));
        assert!(
            shown.contains("orders COMPLETED in 2.50 s\n") && shown.contains("  loaded       9,000 rows  2.0 KiB\n"),
            "{shown}"
        );
        assert!(shown.contains("  target      /data/out.csv\n"), "{shown}");
    }
}
