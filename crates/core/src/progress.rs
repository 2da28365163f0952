//! Readings of a running job. What is counted is stored; what follows from it (rate, percent, ETA) is a function.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a running job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Stage {
    /// Opening files, reading lookups, planning SQL.
    Prepare,
    /// Reading, checking, transforming and loading, all at once, as a stream.
    Stream,
    /// The whole input is read; transforms that need all of it (sorts, aggregates) and the target go on.
    Finish,
    /// Making the target durable and putting it in place.
    Commit,
}

impl Stage {
    /// The stage's word, as log lines have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Stream => "stream",
            Self::Finish => "finish",
            Self::Commit => "commit",
        }
    }
}

/// Live counters of one job, written by the engine once per batch and read by whoever shows them.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes of the source files; 0 until they are known.
    pub bytes_total: AtomicU64,
    /// Bytes of the source read so far.
    pub bytes_read: AtomicU64,
    /// Rows of the source that can be known before reading (Parquet says), plus one; 0 where unknown.
    rows_total_plus_one: AtomicU64,
    /// Rows that passed all checks.
    pub records_successful: AtomicU64,
    /// Rows that were rejected.
    pub records_failed: AtomicU64,
    /// Rows that an incremental load passed over, since an earlier one has read them.
    pub rows_skipped: AtomicU64,
    /// Rows that came out of the transforms.
    pub rows_transformed: AtomicU64,
    /// Rows handed to the target.
    pub rows_loaded: AtomicU64,
    stage: AtomicU8,
}

impl Counters {
    /// Adds to a counter. Readings need no order among counters, so the cheapest ordering does.
    pub fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    /// Says how many rows the source has, where the format tells before reading.
    pub fn set_rows_total(&self, rows: u64) {
        self.rows_total_plus_one.store(rows.saturating_add(1), Ordering::Relaxed);
    }

    /// Moves on to `stage`; never back.
    pub fn enter(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::Relaxed);
    }

    /// What the job is doing.
    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Prepare,
            1 => Stage::Stream,
            2 => Stage::Finish,
            _ => Stage::Commit,
        }
    }

    /// A reading of all counters.
    pub fn read(&self) -> Progress {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            stage: self.stage(),
            bytes_total: get(&self.bytes_total),
            bytes_read: get(&self.bytes_read),
            rows_total: get(&self.rows_total_plus_one).checked_sub(1),
            records_successful: get(&self.records_successful),
            records_failed: get(&self.records_failed),
            rows_skipped: get(&self.rows_skipped),
            rows_transformed: get(&self.rows_transformed),
            rows_loaded: get(&self.rows_loaded),
            usage: None,
        }
    }
}

/// What the process of an attempt took from its start to the reading, as the operating system counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Processor time of all threads, in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory at the reading, in bytes.
    pub memory_bytes: u64,
    /// The most resident memory so far, in bytes.
    pub memory_peak_bytes: u64,
    /// Bytes read from files and pipes, from the page cache as well; `None` where the system does not tell.
    pub read_bytes: Option<u64>,
    /// Bytes written to files and pipes; `None` where the system does not tell.
    pub written_bytes: Option<u64>,
}

/// A reading of a job's counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What the job is doing.
    pub stage: Stage,
    /// Bytes of the source files; 0 until they are known.
    pub bytes_total: u64,
    /// Bytes of the source read so far.
    pub bytes_read: u64,
    /// Rows of the source, where the format tells before reading.
    pub rows_total: Option<u64>,
    /// Rows that passed all checks.
    pub records_successful: u64,
    /// Rows that were rejected.
    pub records_failed: u64,
    /// Rows that an incremental load passed over, since an earlier one has read them.
    #[serde(default)]
    pub rows_skipped: u64,
    /// Rows that came out of the transforms.
    pub rows_transformed: u64,
    /// Rows handed to the target.
    pub rows_loaded: u64,
    /// What the attempt's process took; `None` where the job has no process of its own.
    #[serde(default)]
    pub usage: Option<Usage>,
}

impl Progress {
    /// Rows that were checked: passed plus rejected, by construction.
    pub fn records_processed(&self) -> u64 {
        self.records_successful + self.records_failed
    }

    /// Share of the source's bytes read, 0 to 100. `None` before the sizes are known, and once all is read while the
    /// job still works: how far a sort or an aggregate has come is not known, so nothing is claimed.
    pub fn percent(&self) -> Option<f64> {
        match self.stage {
            Stage::Stream if self.bytes_total > 0 => {
                Some((self.bytes_read as f64 / self.bytes_total as f64 * 100.0).min(100.0))
            }
            Stage::Commit => Some(100.0),
            _ => None,
        }
    }

    /// Share of the checked rows that were rejected, 0 to 100; `None` before the first row.
    pub fn reject_percent(&self) -> Option<f64> {
        let checked = self.records_processed();
        (checked > 0).then(|| self.records_failed as f64 / checked as f64 * 100.0)
    }

    /// What the job is doing, for people: `Load: 4,500 rows`.
    pub fn current_step(&self) -> String {
        match self.stage {
            Stage::Prepare => "Prepare".to_owned(),
            Stage::Stream => match self.rows_total {
                Some(total) => {
                    format!("Extract: {} of {} rows", grouped(self.records_processed()), grouped(total))
                }
                None => format!("Extract: {} rows", grouped(self.records_processed())),
            },
            Stage::Finish if self.rows_loaded == 0 => {
                format!("Transform: {} rows", grouped(self.records_successful))
            }
            Stage::Finish => format!("Load: {} rows", grouped(self.rows_loaded)),
            Stage::Commit => "Commit".to_owned(),
        }
    }
}

/// A whole number with its thousands set apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far back a rate looks.
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// A rate over less than this says more about start-up than about the job.
const RATE_LEAST_SPAN: Duration = Duration::from_millis(500);

/// Recent rates, from readings and their times since the job's start. Holds the readings of the last ten seconds, and one
/// older, so that a rate can be given after a silence.
#[derive(Debug, Default)]
pub struct RateMeter {
    readings: VecDeque<(Duration, Progress)>,
}

impl RateMeter {
    /// Takes a reading made `at` after the job's start. Times must not go back; a reading from the past is ignored.
    pub fn observe(&mut self, at: Duration, progress: Progress) {
        if self.readings.back().is_some_and(|(last, _)| *last > at) {
            return;
        }
        self.readings.push_back((at, progress));
        while self.readings.get(1).is_some_and(|(second, _)| at - *second >= RATE_WINDOW) {
            self.readings.pop_front();
        }
    }

    /// Checked rows per second over the last ten seconds; `None` while too little was seen.
    pub fn rows_per_second(&self) -> Option<f64> {
        self.per_second(|progress| progress.records_processed())
    }

    /// Processor cores in use over the last ten seconds, 1.0 being one core that is busy; `None` while too little was
    /// seen, or where the readings do not tell.
    pub fn cores(&self) -> Option<f64> {
        let is_known = self.readings.iter().all(|(_, progress)| progress.usage.is_some());
        let cpu_ms = |progress: &Progress| progress.usage.map_or(0, |usage| usage.cpu_ms);
        is_known.then(|| self.per_second(cpu_ms)).flatten().map(|ms_per_second| ms_per_second / 1000.0)
    }

    /// Time until the source is read, by the recent rate of bytes; `None` where nothing honest can be said.
    pub fn eta(&self) -> Option<Duration> {
        let (_, last) = self.readings.back()?;
        if last.stage != Stage::Stream || last.bytes_total == 0 {
            return None;
        }
        let rate = self.per_second(|progress| progress.bytes_read).filter(|rate| *rate > 0.0)?;
        let seconds = last.bytes_total.saturating_sub(last.bytes_read) as f64 / rate;
        Duration::try_from_secs_f64(seconds).ok()
    }

    fn per_second(&self, count: impl Fn(&Progress) -> u64) -> Option<f64> {
        let ((start, first), (end, last)) = (self.readings.front()?, self.readings.back()?);
        let span = *end - *start;
        (span >= RATE_LEAST_SPAN).then(|| count(last).saturating_sub(count(first)) as f64 / span.as_secs_f64())
    }
}
