//! What people read of an alert: what happened, where, when, the last log lines, and what to do. Pure text.
//!
//! Names, failures and log lines may come from data files. All of them are brought into one line, so that none can end
//! a header of a mail or pretend to be another line.

use std::fmt::Write;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use etlplus_core::ids::AttemptNumber;
use etlplus_core::log::{CUT_MARK, LogLine};
use etlplus_core::ports::{Alert, AlertRule, AlertStatus, JobRecord};
use serde_json::json;

/// The most bytes of a mail's text, and of a webhook's body. The limits below keep both within it.
pub const MESSAGE_MAX_BYTES: usize = 64 << 10;
/// The last log lines that are shown: enough to see what a job was at.
pub const LINES_MAX: usize = 20;
const LINE_MAX_BYTES: usize = 768;
const TEXT_MAX_BYTES: usize = 4 << 10;
const NAME_MAX_BYTES: usize = 200;
const LABELS_MAX: usize = 16;

/// An alert as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Tells a second copy of the message: the same for each try.
    pub key: String,
    /// The alert.
    pub alert: Arc<Alert>,
    /// One line that says what it is about.
    pub subject: String,
    /// The whole, for people.
    pub body: String,
    job: Option<Job>,
    /// Brought into one line each and cut.
    lines: Vec<LogLine>,
}

/// What is said of the alert's job.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    id: String,
    status_path: String,
    /// Only where the job has not moved since the alert.
    attempt: Option<AttemptNumber>,
    failure_code: Option<String>,
}

impl Message {
    /// The message for `alert`. `job` and the last `lines` are those of its job, where it has one; lines that were said
    /// after the alert are left out.
    pub fn new(key: String, alert: Arc<Alert>, job: Option<&JobRecord>, lines: Vec<LogLine>) -> Self {
        let unmoved = job.filter(|record| record.state.since() <= alert.at);
        let job = alert.job.map(|id| Job {
            id: id.to_string(),
            status_path: format!("/api/jobs/{id}/status"),
            attempt: unmoved.map(|record| record.state.attempt()),
            failure_code: unmoved.and_then(|record| record.state.failure()).map(|why| short(&why.code, NAME_MAX_BYTES)),
        });
        let mut lines: Vec<LogLine> = lines.into_iter().filter(|line| line.at <= alert.at).collect();
        lines.drain(..lines.len().saturating_sub(LINES_MAX));
        for line in &mut lines {
            line.message = short(&line.message, LINE_MAX_BYTES);
        }
        let subject = subject(&alert);
        let mut message = Self { key, alert, subject, body: String::new(), job, lines };
        message.body = message.text();
        message
    }

    /// The body of a webhook: JSON with `type`, `timestamp` and `data`, of at most [`MESSAGE_MAX_BYTES`].
    pub fn webhook_body(&self) -> String {
        let alert = &self.alert;
        let kind = match (alert.rule, alert.status) {
            (AlertRule::Test, _) => "alert.test",
            (_, AlertStatus::Firing) => "alert.firing",
            (_, AlertStatus::Resolved) => "alert.resolved",
        };
        let labels: serde_json::Map<_, _> = self.labels().map(|(key, value)| (key, value.into())).collect();
        let job = self.job.as_ref().map(|job| {
            json!({
                "id": job.id,
                "attempt": job.attempt,
                "failureCode": job.failure_code,
                "statusPath": job.status_path,
            })
        });
        let lines =
            self.lines.iter().map(|line| json!({ "at": time(line.at), "level": line.level, "message": line.message }));
        json!({
            "type": kind,
            "timestamp": time(alert.at),
            "data": {
                "rule": alert.rule,
                "status": alert.status,
                "fingerprint": alert.fingerprint(),
                "labels": labels,
                "subject": self.subject,
                "message": short(&alert.message, TEXT_MAX_BYTES),
                "remedy": short(&alert.remedy, TEXT_MAX_BYTES),
                "job": job,
                "logLines": lines.collect::<Vec<_>>(),
            },
        })
        .to_string()
    }

    fn labels(&self) -> impl Iterator<Item = (String, String)> {
        let labels = self.alert.labels.iter().take(LABELS_MAX);
        labels.map(|(key, value)| (short(key, NAME_MAX_BYTES), short(value, NAME_MAX_BYTES)))
    }

    fn text(&self) -> String {
        let alert = &self.alert;
        let mut text = format!("{}.\n", short(&alert.message, TEXT_MAX_BYTES));
        if !alert.remedy.is_empty() {
            let _ = write!(text, "\nWhat to do: {}.\n", short(&alert.remedy, TEXT_MAX_BYTES));
        }
        text.push('\n');
        let mut row = |name: &str, value: &str| {
            let _ = writeln!(text, "{:<12} {value}", format!("{name}:"));
        };
        row("Alert", &format!("{}, {}", alert.rule, alert.status.as_str()));
        row("When", &time(alert.at));
        // An alert about one job may have it as a label too.
        for (key, value) in self.labels().filter(|(key, _)| self.job.is_none() || key != "job") {
            row(&key, &value);
        }
        if let Some(job) = &self.job {
            row("job", &job.id);
            job.attempt.iter().for_each(|attempt| row("attempt", &attempt.to_string()));
            job.failure_code.iter().for_each(|code| row("code", code));
            row("details", &job.status_path);
        }
        if !self.lines.is_empty() {
            text.push_str("\nLast log lines:\n");
            for line in &self.lines {
                let _ = writeln!(text, "  {} {:<5} {}", time(line.at), line.level, line.message);
            }
        }
        text
    }
}

fn subject(alert: &Alert) -> String {
    let label = |key: &str| alert.labels.get(key).map(|value| short(value, NAME_MAX_BYTES)).unwrap_or_default();
    let status = match (alert.rule, alert.status) {
        (AlertRule::Test, _) => "TEST",
        (_, AlertStatus::Firing) => "FIRING",
        (_, AlertStatus::Resolved) => "RESOLVED",
    };
    let what = match alert.rule {
        AlertRule::JobFailed => format!("a job of pipeline {} failed", label("pipeline")),
        AlertRule::JobTimedOut => format!("a job of pipeline {} took too long and was ended", label("pipeline")),
        AlertRule::JobTimeoutNear => format!("a job of pipeline {} runs long", label("pipeline")),
        AlertRule::Memory => "memory is nearly used up".to_owned(),
        AlertRule::Cpu => "the processor is nearly used up".to_owned(),
        AlertRule::Disk => "the disk is nearly full".to_owned(),
        AlertRule::Connections => "the live channel has nearly its most connections".to_owned(),
        AlertRule::ChannelBroken => format!("alerts cannot be sent by channel {}", label("channel")),
        AlertRule::Test => format!("channel {} is tried", label("channel")),
    };
    format!("[{status}] ETL Plus: {what}")
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `text` in one line of at most `max` bytes.
fn short(text: &str, max: usize) -> String {
    // Escaping makes nothing shorter, so that no more of the text can be of use.
    let mut line = one_line(&text[..text.floor_char_boundary(max + 1)]);
    if line.len() > max || text.len() > max {
        line.truncate(line.floor_char_boundary(max - CUT_MARK.len()));
        line.push_str(CUT_MARK);
    }
    line
}

/// `text` with everything escaped that ends a line, moves a cursor, or turns the direction of writing.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_invisible(letter) {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// Separators of lines and paragraphs, and marks that change the direction of what follows.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
