//! The checked settings. Their names are the paths of the keys, and their defaults are here and nowhere else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::monitoring::MonitoringSettings;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// All settings of a server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Where the server listens and keeps its data.
    pub server: ServerSettings,
    /// Who may use it.
    pub access: AccessSettings,
    /// How jobs are run.
    pub jobs: JobSettings,
    /// How long what was recorded is kept.
    pub retention: RetentionSettings,
    /// What the server logs about itself.
    pub log: LogSettings,
    /// The live channel, what it shows of jobs, and alerts.
    pub monitoring: MonitoringSettings,
}

impl Settings {
    /// Whether every request needs a token: what `access.required` says, or else exactly where others can reach the
    /// server's address.
    pub fn access_required(&self) -> bool {
        self.access.required.unwrap_or(!self.server.listen.ip().to_canonical().is_loopback())
    }
}

/// `server`: where it listens and keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address and the port of REST, the page and the live channel. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// Names that the `Host` header may have beside the address itself, in lower case and without a port.
    pub allowed_hosts: Vec<String>,
    /// Requests in a second from one client, which is a token, or an address where there is none.
    pub requests_per_second: u32,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            data: PathBuf::from("etlplus-data"),
            allowed_hosts: Vec::new(),
            requests_per_second: 200,
        }
    }
}

/// `access`: who may use the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessSettings {
    /// Whether every request needs a token; [`Settings::access_required`] says what holds where this is not given.
    pub required: Option<bool>,
}

/// `jobs`: how jobs are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// Jobs that run at the same time; the number of cores where it is not given.
    pub max_concurrent_jobs: Option<usize>,
    /// Jobs that may wait.
    pub max_queued_jobs: usize,
    /// The longest that a job may run whose pipeline says nothing about it.
    pub timeout: Option<Duration>,
    /// Bytes of log that one attempt may say.
    pub log_max_bytes: u64,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self { max_concurrent_jobs: None, max_queued_jobs: 10_000, timeout: None, log_max_bytes: 64 << 20 }
    }
}

/// `retention`: how long what was recorded is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Jobs that have ended, with all that belongs to them.
    pub jobs: Keep,
    /// Log lines of jobs.
    pub logs: Keep,
    /// Bytes that all log lines take in the store.
    pub logs_max_bytes: u64,
    /// Bytes that the log lines of one job take in the store.
    pub logs_max_bytes_per_job: u64,
    /// Readings of progress and use.
    pub samples: Keep,
    /// Files of rejected rows.
    pub rejects: Keep,
    /// Bytes of all files of rejected rows together.
    pub rejects_max_bytes: u64,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        let keep = |days, max_count| Keep { max_age: Some(DAY * days), max_count };
        Self {
            jobs: keep(90, Some(100_000)),
            logs: keep(30, Some(50_000_000)),
            logs_max_bytes: 8 << 30,
            logs_max_bytes_per_job: 1 << 30,
            samples: keep(7, Some(5_000_000)),
            rejects: keep(30, None),
            rejects_max_bytes: 4 << 30,
        }
    }
}

/// How long things of one kind are kept: whatever passes either limit goes, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The greatest age; none keeps them at any age.
    pub max_age: Option<Duration>,
    /// The greatest number; none keeps any number.
    pub max_count: Option<u64>,
}

/// `log`: what the server logs about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// A level, or levels by part of the program: `info`, `info,etlplus_jobs=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
    /// A file instead of standard error; a new one begins each day.
    pub file: Option<PathBuf>,
    /// How many of these files are kept.
    pub keep_files: usize,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, file: None, keep_files: 7 }
    }
}

/// How lines of the server's log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object in each line.
    Json,
}
