//! What fits in a line or two: how a job stands, a line of its log, a connection that is gone.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use etlplus_api::{JobLogMessage, JobMonitoringData, JobStatus, LogLevel};
use etlplus_core::progress::grouped;

use super::{status_text, style_of, time};
use crate::output::style::{ERROR, FAINT, HELP, STRONG, WARN};
use crate::output::{printable, units};

/// `2026-01-31T12:34:56.789Z WARN  message`.
pub(crate) fn log_line(message: &JobLogMessage) -> String {
    let JobLogMessage { timestamp, level, message, .. } = message;
    let time = timestamp.to_rfc3339_opts(SecondsFormat::Millis, true);
    let style = match level {
        LogLevel::Debug => FAINT,
        LogLevel::Info => HELP,
        LogLevel::Warn => WARN,
        LogLevel::Error => ERROR,
    };
    format!("{FAINT}{time}{FAINT:#} {style}{:<5}{style:#} {}", level.as_str(), printable(message))
}

/// `orders COMPLETED in 2.50 s`, or `orders RUNNING for 2.50 s`.
pub(super) fn headline(job: &JobMonitoringData) -> String {
    let style = style_of(job.status);
    let word = match job.status {
        JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled => Some("in"),
        JobStatus::Running => Some("for"),
        JobStatus::Pending | JobStatus::Paused => None,
    };
    let span = word.zip(job.execution_time);
    let span = span.map(|(word, ms)| format!(" {word} {}", units::duration(Duration::from_millis(ms))));
    let (name, status) = (printable(&job.pipeline), status_text(job));
    format!("{STRONG}{name}{STRONG:#} {style}{status}{style:#}{}", span.unwrap_or_default())
}

/// Why it failed and what to do, in two lines.
pub(super) fn failure_lines(job: &JobMonitoringData) -> Option<String> {
    match (&job.failure, &job.error_message) {
        (Some(failure), _) => {
            let (message, remedy) = (printable(&failure.message), printable(&failure.remedy));
            let code = printable(&failure.code);
            Some(format!("{ERROR}error[{code}]{ERROR:#}: {message}\n  {HELP}= help:{HELP:#} {remedy}"))
        }
        (None, Some(message)) => Some(format!("{ERROR}error{ERROR:#}: {}", printable(message))),
        (None, None) => None,
    }
}

/// How a job has ended, with its counts, and why it failed.
pub(crate) fn ended(job: &JobMonitoringData) -> String {
    let failure = failure_lines(job).map(|lines| format!("\n{lines}")).unwrap_or_default();
    format!("{}, {}{failure}", headline(job), counts(job))
}

/// A line for a job whose status has changed: when, which, what. Why it failed stands below. Where nobody has said when
/// (`moved_at`), it is the last time that is known of the job.
pub(crate) fn transition(job: &JobMonitoringData, moved_at: Option<DateTime<Utc>>) -> String {
    let known_at = match job.status {
        JobStatus::Pending => Some(job.submitted_at),
        JobStatus::Running | JobStatus::Paused => job.start_time,
        JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled => job.end_time,
    };
    let at = time(moved_at.or(known_at).unwrap_or(job.submitted_at));
    let (id, headline) = (printable(&job.job_id), headline(job));
    let attempt = if job.attempt > 1 { format!(", attempt {}", job.attempt) } else { String::new() };
    let retry = job.retry_at.map(|at| format!(", tried again at {}", time(at))).unwrap_or_default();
    let counts = if job.status.is_terminal() { format!(", {}", counts(job)) } else { String::new() };
    let failure = failure_lines(job).map(|lines| format!("\n{lines}")).unwrap_or_default();
    format!("{FAINT}{at}{FAINT:#} {id} {headline}{attempt}{retry}{counts}{failure}")
}

/// That a connection is gone, and when it is tried again.
pub(crate) fn disconnected(reason: &str, retry_in: Duration) -> String {
    let wait = units::duration(retry_in);
    format!("{WARN}disconnected{WARN:#}: {}; trying again in {wait}", printable(reason))
}

fn counts(job: &JobMonitoringData) -> String {
    let metrics = &job.metrics;
    format!("{}, {} rejected", units::count(metrics.records_processed, "row"), grouped(metrics.records_failed))
}

#[cfg(test)]
mod tests {
    use etlplus_api::FailureInfo;

    use super::super::examples::{at, job, plain};
    use super::*;

    #[test]
    fn a_change_of_status_is_a_line() {
        let mut job = job();
        assert_eq!(
            plain(&transition(&job, None)),
            "2026-01-01T00:00:01Z 01890a5d-ac96-774b-bcce-b302099a8057 orders RUNNING for 2.50 s"
        );
        job.status = JobStatus::Paused;
        assert!(plain(&transition(&job, Some(at(30)))).starts_with("2026-01-01T00:00:30Z "));
        job.status = JobStatus::Pending;
        job.attempt = 2;
        job.retry_at = Some(at(60));
        job.error_message = Some("the disk is full".to_owned());
        assert_eq!(
            plain(&transition(&job, None)),
            "2026-01-01T00:00:00Z 01890a5d-ac96-774b-bcce-b302099a8057 orders PENDING, attempt 2, tried again at \
             2026-01-01T00:01:00Z\nerror: the disk is full"
        );
    }

    #[test]
    fn an_end_says_why() {
        let mut job = job();
        job.status = JobStatus::Failed;
        job.end_time = Some(at(4));
        job.failure = Some(FailureInfo {
            kind: "bug".to_owned(),
            code: "internal_error".to_owned(),
            message: "it \u{1b}[2J broke".to_owned(),
            remedy: "report it".to_owned(),
        });
        let end = "orders FAILED in 2.50 s, 10,000 rows, 12 rejected\n\
             error[internal_error]: it \\u{1b}[2J broke\n  = help: report it";
        assert_eq!(plain(&ended(&job)), end);
        assert_eq!(
            plain(&transition(&job, None)),
            format!("2026-01-01T00:00:04Z 01890a5d-ac96-774b-bcce-b302099a8057 {end}")
        );
    }

    #[test]
    fn a_gone_connection_says_when_it_is_tried_again() {
        let text = plain(&disconnected("it hung\nup", Duration::from_millis(250)));
        assert_eq!(text, "disconnected: it hung\\nup; trying again in 0.25 s");
    }
}
