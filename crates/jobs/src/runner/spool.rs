//! The spool file: log lines as they are said, in the kernel's hands before the job goes on, so that the last words of a
//! runner that is killed are kept.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use etlplus_core::log::{LogLevel, LogLine, LogSink, cut_message};

/// An attempt's log.
#[derive(Debug)]
pub(super) struct Spool {
    level: LogLevel,
    max_bytes: u64,
    bytes: AtomicU64,
    writing: Mutex<Writing>,
}

#[derive(Debug)]
struct Writing {
    file: File,
    lines: u64,
    left_out: u64,
}

impl Spool {
    /// Starts a log of lines at `level` and above, of at most `max_bytes`.
    pub(super) fn create(path: &Path, level: LogLevel, max_bytes: u64) -> io::Result<Self> {
        let writing = Mutex::new(Writing { file: File::create(path)?, lines: 0, left_out: 0 });
        Ok(Self { level, max_bytes, bytes: AtomicU64::new(0), writing })
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Says how many lines were left out, if any were. The last line of the log.
    pub(super) fn finish(&self) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing.left_out > 0 {
            let message = format!(
                "{} more lines were left out: the log of an attempt holds {} bytes (log_max_bytes)",
                writing.left_out, self.max_bytes
            );
            self.write(&mut writing, LogLevel::Warn, message);
        }
    }

    fn write(&self, writing: &mut Writing, level: LogLevel, message: String) {
        let line = LogLine { line: writing.lines + 1, at: Utc::now(), level, message: cut_message(message) };
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            writing.file.write_all(&bytes).map(|()| bytes.len() as u64)
        });
        match written {
            Ok(bytes) => {
                writing.lines += 1;
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            // A disk that is full must not end the job for the sake of its log.
            Err(_) => writing.left_out += 1,
        }
    }
}

impl LogSink for Spool {
    fn level(&self) -> LogLevel {
        self.level
    }

    fn say(&self, level: LogLevel, message: String) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing.left_out > 0 || self.bytes() >= self.max_bytes {
            writing.left_out += 1;
        } else {
            self.write(&mut writing, level, message);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<LogLine> {
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn beyond_its_limit_a_log_says_once_how_much_it_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let spool = Spool::create(&path, LogLevel::Info, 10_000).unwrap();
        for number in 0..1000 {
            spool.say(LogLevel::Info, format!("line {number}"));
        }
        spool.finish();
        let lines = lines(&path);
        assert!(std::fs::metadata(&path).unwrap().len() < 11_000);
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
        spool.say(LogLevel::Warn, "a\nb".to_owned());
        spool.finish();
        assert_eq!(lines(&path).len(), 1, "a line end within a message ends no line of the file");
        assert_eq!(spool.bytes(), std::fs::metadata(&path).unwrap().len());
    }
}
