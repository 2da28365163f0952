//! One client that watches all jobs.

use std::io;
use std::rc::Rc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::jobs::{Life, Seen};
use crate::socket::Socket;

const STATUS: &[u8] = br#"{"type":"job_status_update""#;
const LOG: &[u8] = br#"{"type":"job_log_message""#;
/// An alert, which is a fact, or a word of the server's own, which is none and has no offset. A busy machine is alerted of.
const NOTICE: &[u8] = br#"{"type":"system_notification""#;
/// What a debug log says of a row that was rejected.
const REJECTED: &str = r#""message":"rejected "#;

/// What a client got.
#[derive(Default)]
pub struct Watched {
    /// Facts.
    pub facts: u64,
    /// Whether the offset of each was one more than that of the one before.
    pub is_whole: bool,
    /// Log lines about rejected rows.
    pub rejected: u64,
    /// The facts themselves, where they were to be kept.
    pub kept: Vec<Raw>,
    last_offset: Option<u64>,
    ended_jobs: usize,
}

/// A fact as it came. It is read after the last one, so that reading it keeps no client from its turn.
pub struct Raw {
    at: DateTime<Utc>,
    text: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusFrame {
    data: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    job_id: String,
    status: String,
}

#[derive(Deserialize)]
struct Dated {
    timestamp: DateTime<Utc>,
}

/// Reads until `jobs` jobs have ended. The first client tells the submitters what it sees.
pub async fn watch(mut socket: Socket, jobs: usize, keeps: bool, seen: Option<Rc<Seen>>) -> io::Result<Watched> {
    let mut watched = Watched { is_whole: true, ..Watched::default() };
    while watched.ended_jobs < jobs {
        let mut outcome = Ok(());
        let read = socket.read(|text| {
            if let Err(error) = watched.take(text, keeps, seen.as_deref()) {
                outcome = Err(error);
            }
        });
        read.await?;
        outcome?;
    }
    Ok(watched)
}

impl Watched {
    fn take(&mut self, text: &[u8], keeps: bool, seen: Option<&Seen>) -> io::Result<()> {
        let is_status = text.starts_with(STATUS);
        let is_alert = text.starts_with(NOTICE) && offset(text).is_some();
        if !is_status && !is_alert && !text.starts_with(LOG) {
            return Ok(());
        }
        let (at, now) = (Utc::now(), Instant::now());
        let offset = offset(text);
        self.is_whole &=
            offset.is_some() && (self.last_offset.is_none() || self.last_offset.map(|last| last + 1) == offset);
        self.last_offset = offset;
        if is_alert {
            return Ok(());
        }
        self.facts += 1;
        if is_status {
            let StatusFrame { data } = serde_json::from_slice(text)?;
            self.ended_jobs += usize::from(is_end(&data.status));
            if let Some(seen) = seen {
                note(seen, data, text, now);
            }
        } else {
            self.rejected += u64::from(std::str::from_utf8(text).is_ok_and(|text| text.contains(REJECTED)));
        }
        if keeps {
            self.kept.push(Raw { at, text: text.to_vec() });
        }
        Ok(())
    }
}

fn note(seen: &Seen, change: Status, text: &[u8], now: Instant) {
    let mut jobs = seen.jobs.borrow_mut();
    let life: &mut Life = jobs.entry(change.job_id).or_default();
    match change.status.as_str() {
        "PENDING" => life.pending = Some(now),
        status if is_end(status) => {
            life.ended = Some(now);
            life.failed = (status != "COMPLETED").then(|| String::from_utf8_lossy(text).into_owned());
            seen.changed.notify_waiters();
        }
        _ => {}
    }
}

fn is_end(status: &str) -> bool {
    matches!(status, "COMPLETED" | "FAILED" | "CANCELLED")
}

/// The offset is the last thing in the frame of a fact.
fn offset(text: &[u8]) -> Option<u64> {
    let (_, number) = std::str::from_utf8(text).ok()?.strip_suffix('}')?.rsplit_once(r#""offset":"#)?;
    number.parse().ok()
}

impl Raw {
    /// Whether it is a log line, and how many milliseconds old it was when it came.
    pub fn age(&self) -> io::Result<(bool, f64)> {
        let Dated { timestamp } = serde_json::from_slice(&self.text)?;
        let age = (self.at - timestamp).num_microseconds().unwrap_or(i64::MAX);
        Ok((self.text.starts_with(LOG), age as f64 / 1e3))
    }
}
