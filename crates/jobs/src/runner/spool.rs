//! The spool file: log lines as they are said, in the kernel's hands before the job goes on, so that the last words of a
//! runner that is killed are kept.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use etlplus_core::log::{Fields, LogLevel, LogLine, LogSink, Said};

/// Bytes beyond the limit that are kept for how the attempt ends.
const END_BYTES: u64 = 64 << 10;

/// An attempt's log.
#[derive(Debug)]
pub(super) struct Spool {
    level: LogLevel,
    bytes: AtomicU64,
    writing: Mutex<Writing>,
}

#[derive(Debug)]
struct Writing {
    file: File,
    max_bytes: u64,
    lines: u64,
    /// Lines that the limit left out.
    left_out: u64,
    /// Lines that could not be written, and why the last of them could not.
    lost: u64,
    error: Option<io::Error>,
}

impl Spool {
    /// Starts a log of lines at `level` and above, of at most `max_bytes`.
    pub(super) fn create(path: &Path, level: LogLevel, max_bytes: u64) -> io::Result<Self> {
        let file = File::create(path)?;
        let writing = Mutex::new(Writing { file, max_bytes, lines: 0, left_out: 0, lost: 0, error: None });
        Ok(Self { level, bytes: AtomicU64::new(0), writing })
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Says how many lines are missing, if any are, and makes room for how the attempt ends.
    pub(super) fn tell_left_out(&self) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Writing { left_out, lost, max_bytes, .. } = *writing;
        writing.max_bytes = self.bytes() + END_BYTES;
        if left_out > 0 {
            let limit = format!("the log of an attempt holds {max_bytes} bytes (log_max_bytes)");
            let message = format!("{left_out} more lines were left out: {limit}");
            self.write(&mut writing, missing(message, left_out));
        }
        if let Some(error) = writing.error.take() {
            self.write(&mut writing, missing(format!("{lost} lines could not be written: {error}"), lost));
        }
    }

    fn write(&self, writing: &mut Writing, said: Said) {
        let Said { level, step, message, fields } = said;
        let (line, step) = (writing.lines + 1, step.map(str::to_owned));
        let line = LogLine { line, at: Utc::now(), level, step, message, fields }.cut();
        // A line that was torn by a full disk must not take the next one with it.
        let mut bytes = if writing.error.is_some() { vec![b'\n'] } else { Vec::new() };
        let written = serde_json::to_writer(&mut bytes, &line).map_err(io::Error::from).and_then(|()| {
            bytes.push(b'\n');
            writing.file.write_all(&bytes)
        });
        match written {
            Ok(()) => {
                writing.lines += 1;
                self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            // A disk that is full must not end the job for the sake of its log.
            Err(error) => {
                writing.lost += 1;
                writing.error = Some(error);
            }
        }
    }
}

/// A line about lines that are not there.
fn missing(message: String, lines: u64) -> Said {
    let fields = Fields::from([("lines".to_owned(), lines.into())]);
    Said { level: LogLevel::Warn, step: None, message, fields }
}

impl LogSink for Spool {
    fn level(&self) -> LogLevel {
        self.level
    }

    fn say(&self, said: Said) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bytes() >= writing.max_bytes {
            writing.left_out += 1;
        } else {
            self.write(&mut writing, said);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn said(level: LogLevel, message: &str) -> Said {
        Said { level, step: Some("stream"), message: message.to_owned(), fields: Fields::new() }
    }

    fn lines(path: &Path) -> Vec<LogLine> {
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn beyond_its_limit_a_log_says_once_how_much_it_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let spool = Spool::create(&path, LogLevel::Info, 10_000).unwrap();
        for number in 0..1000 {
            spool.say(said(LogLevel::Info, &format!("line {number}")));
        }
        spool.tell_left_out();
        spool.say(said(LogLevel::Error, "the end"));
        let mut lines = lines(&path);
        assert!(std::fs::metadata(&path).unwrap().len() < 11_000);
        assert_eq!(lines.pop().unwrap().message, "the end", "how it ends is kept in any case");
        let (last, kept) = lines.split_last().unwrap();
        assert!(kept.iter().enumerate().all(|(index, line)| line.message == format!("line {index}")));
        assert!(
            last.message.starts_with(&format!("{} more lines were left out", 1000 - kept.len())),
            "{}",
            last.message
        );
        assert_eq!(last.line, lines.len() as u64, "numbers have no holes");
    }

    #[test]
    fn a_log_that_keeps_its_limit_says_nothing_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let spool = Spool::create(&path, LogLevel::Warn, 10_000).unwrap();
        spool.say(said(LogLevel::Warn, "a\nb"));
        spool.tell_left_out();
        assert_eq!(lines(&path).len(), 1, "a line end within a message ends no line of the file");
        assert_eq!(spool.bytes(), std::fs::metadata(&path).unwrap().len());
    }
}
