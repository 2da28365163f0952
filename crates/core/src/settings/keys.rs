//! The one list of all keys. What is read, which variables there are, what is shown, the reference and the schema for
//! editors all come from it; the defaults are those of the fields.

use std::time::Duration;

use super::kind::{Kind, NumberOf};
use super::model::{LogFormat, Settings};
use super::value::{Field, Value};
use super::view::Applies::{self, Live, NextStart};

/// One key.
pub(super) struct Key {
    /// Its dotted path, which is the path of the field, too.
    pub(super) path: &'static str,
    /// What values it takes.
    pub(super) kind: Kind,
    /// The word that stands for nothing, where the key may have no value.
    pub(super) absent: Option<&'static str>,
    /// When a change takes effect.
    pub(super) applies: Applies,
    /// What it is for, in one line.
    pub(super) what: &'static str,
    get: fn(&Settings) -> Value,
    set: fn(&mut Settings, Value),
}

impl Key {
    /// The key, which may have no value: `word` stands for that.
    const fn or(mut self, word: &'static str) -> Self {
        self.absent = Some(word);
        self
    }

    /// The value of the key in `settings`.
    pub(super) fn of(&self, settings: &Settings) -> Value {
        (self.get)(settings)
    }

    /// Gives the field of `settings` the value `value`, which [`Self::kind`] has made.
    pub(super) fn set(&self, settings: &mut Settings, value: Value) {
        (self.set)(settings, value);
    }

    /// What it is where nobody says anything.
    pub(super) fn default(&self) -> Value {
        self.of(&Settings::default())
    }

    /// `value` as it is shown, and as a file would say it.
    pub(super) fn show(&self, value: &Value) -> serde_json::Value {
        match (value, self.absent) {
            (Value::Absent, Some(word)) => word.into(),
            _ => self.kind.show(value),
        }
    }
}

/// A key and the field that has the same path, so that the two cannot differ.
macro_rules! key {
    ($first:ident $(.$rest:ident)+ => $kind:expr, $applies:expr, $what:expr) => {
        Key {
            path: concat!(stringify!($first) $(, ".", stringify!($rest))+),
            kind: $kind,
            absent: None,
            applies: $applies,
            what: $what,
            get: |settings| settings.$first$(.$rest)+.value(),
            set: |settings, value| {
                settings.$first$(.$rest)+ = Field::of(value).expect("a test gives each field the values of its kind");
            },
        }
    };
}

const fn count(least: u64, most: u64) -> Kind {
    Kind::Count { least, most }
}

const fn time(number: Option<NumberOf>, least: Duration, most: Duration) -> Kind {
    Kind::Time { number, least, most }
}

const fn list(of: &'static Kind, most: usize) -> Kind {
    Kind::List { of, most }
}

const MILLISECOND: Duration = Duration::from_millis(1);
/// The shortest time between two signs of life; less would keep both ends busy with nothing.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The greatest number of things that retention can keep: far above what any disk holds.
const KEPT_MAX: u64 = 1_000_000_000_000;
const INTERVAL: Kind = time(Some(NumberOf::Seconds), SHORTEST_INTERVAL, HOUR);
const AGE: Kind = time(None, SECOND, Duration::from_secs(100 * 365 * 24 * 60 * 60));

/// The map of channels, whose keys are names. [`super::channels`] has the keys of each.
pub(super) const CHANNELS: &str = "monitoring.notifications.channels";

/// All keys, in the order in which they are shown.
pub(super) const KEYS: &[Key] = &[
    key!(server.listen => Kind::Address, NextStart,
        "address and port of REST, the page and the live channel; port 0 takes any free one"),
    key!(server.data => Kind::Path, NextStart, "the data folder; made where it is missing"),
    key!(server.allowed_hosts => list(&Kind::Host, 100), Live,
        "names by which browsers may call the server, beside its address"),
    key!(server.requests_per_second => count(1, 1_000_000), Live,
        "requests in a second from one token, or from one address where there is none"),
    key!(access.required => Kind::Flag, NextStart,
        "whether every request needs a token; `auto`: exactly where the address is not loopback")
    .or("auto"),
    key!(jobs.max_concurrent_jobs => count(1, 1_000), Live,
        "jobs that run at the same time; `auto`: the number of cores")
    .or("auto"),
    key!(jobs.max_queued_jobs => count(1, 1_000_000), Live, "jobs that may wait; what comes on top is refused"),
    key!(jobs.timeout => time(None, SHORTEST_INTERVAL, YEAR), Live,
        "the longest that a job may run whose pipeline says nothing about it")
    .or("none"),
    key!(jobs.log_max_bytes => Kind::Size { least: MIB, most: 64 * GIB }, NextStart,
        "log that one attempt may say; its last line tells how much was left out"),
    key!(retention.jobs.max_age => AGE, Live,
        "how long a job is kept after its end, with all that belongs to it")
    .or("none"),
    key!(retention.jobs.max_count => count(1, KEPT_MAX), Live,
        "jobs that have ended and are kept; the oldest go first")
    .or("none"),
    key!(retention.logs.max_age => AGE, Live, "how long log lines of jobs are kept").or("none"),
    key!(retention.logs.max_count => count(1, KEPT_MAX), Live, "log lines that are kept").or("none"),
    key!(retention.logs_max_bytes => Kind::Size { least: MIB, most: 1 << 50 }, Live,
        "what all log lines take in the store, packed as they are; the oldest go first"),
    key!(retention.logs_max_bytes_per_job => Kind::Size { least: MIB, most: 1 << 50 }, Live,
        "the same of the log lines of one job that has ended"),
    key!(retention.samples.max_age => AGE, Live, "how long readings of progress and use are kept").or("none"),
    key!(retention.samples.max_count => count(1, KEPT_MAX), Live, "readings that are kept").or("none"),
    key!(retention.rejects.max_age => AGE, Live, "how long files of rejected rows are kept").or("none"),
    key!(retention.rejects.max_count => count(1, KEPT_MAX), Live, "files of rejected rows that are kept").or("none"),
    key!(retention.rejects_max_bytes => Kind::Size { least: MIB, most: 1 << 50 }, Live,
        "all files of rejected rows together"),
    key!(log.level => Kind::Levels, Live,
        "what the server logs: a level, or levels by part such as `info,etlplus_jobs=debug`"),
    key!(log.format => Kind::Word(LogFormat::WORDS), NextStart,
        "how lines look: `text` for people, `json` for machines"),
    key!(log.file => Kind::Path, NextStart, "a file instead of standard error; a new one begins each day").or("none"),
    key!(log.keep_files => count(1, 10_000), NextStart, "how many of these files are kept"),
    key!(monitoring.websocket.enabled => Kind::Flag, Live, "whether there is a live channel"),
    key!(monitoring.websocket.port => count(1, 65_535), NextStart,
        "a port of its own for the live channel; it is on the server's port in any case")
    .or("none"),
    key!(monitoring.websocket.max_connections => count(1, 100_000), Live,
        "clients at the same time; a lower one closes nobody"),
    key!(monitoring.websocket.heartbeat_interval => INTERVAL, Live,
        "how often a client hears of the server, be it that nothing happens"),
    key!(monitoring.websocket.message_queue_size => count(1, 1_000_000), Live, "facts that a client may be behind"),
    key!(monitoring.job_tracking.progress_update_interval => INTERVAL, Live,
        "the longest silence between two progress updates of a job that runs"),
    key!(monitoring.job_tracking.log_streaming_enabled => Kind::Flag, Live,
        "whether log lines go over the live channel; they are recorded in any case"),
    key!(monitoring.job_tracking.metrics_collection_enabled => Kind::Flag, Live,
        "whether readings of memory, CPU and rates are recorded over time and go over the live channel"),
    key!(monitoring.job_tracking.timeout_warning_threshold => time(Some(NumberOf::Seconds), SHORTEST_INTERVAL, YEAR),
        Live,
        "how long a job runs before a warning is given; where it has a timeout, four fifths of that at the latest"),
    key!(monitoring.notifications.enabled => Kind::Flag, Live, "whether alerts are sent at all"),
    key!(monitoring.notifications.job_failure_alerts => Kind::Flag, Live,
        "alerts about jobs that failed or were ended for their time"),
    key!(monitoring.notifications.timeout_warnings => Kind::Flag, Live,
        "alerts about jobs that run long; also jobs ended for their time"),
    key!(monitoring.notifications.resource_alerts => Kind::Flag, Live,
        "alerts about memory, CPU, disk and connections"),
    key!(monitoring.notifications.channel_alerts => Kind::Flag, Live, "alerts about a channel that takes none"),
    key!(monitoring.notifications.retry_attempts => count(0, 20), Live,
        "how often a delivery is tried again in a row"),
    key!(monitoring.notifications.retry_delay => time(Some(NumberOf::Milliseconds), MILLISECOND, HOUR), Live,
        "the longest wait before the first of these tries, which doubles with each; the wait itself is drawn between nothing and it"),
    key!(monitoring.notifications.memory_threshold => Kind::Percent, Live,
        "memory of the machine in use from which an alert fires"),
    key!(monitoring.notifications.cpu_threshold => Kind::Percent, Live,
        "CPU time of the machine in use from which an alert fires"),
    key!(monitoring.notifications.disk_threshold => Kind::Percent, Live,
        "disk of the data folder in use from which an alert fires"),
    key!(monitoring.notifications.connections_threshold => Kind::Percent, Live,
        "share of `websocket.max_connections` in use from which an alert fires"),
    key!(monitoring.notifications.allowed_private_hosts => list(&Kind::Network, 100), Live,
        "hosts, addresses and networks that webhooks and mails may reach although they are not public"),
];

/// The key with this path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The words that can follow `path`, each once, in the order of the table; none for a path that is no section.
pub(super) fn children(path: &str) -> Vec<&'static str> {
    let below = |key: &'static str| match path {
        "" => Some(key),
        _ => key.strip_prefix(path)?.strip_prefix('.'),
    };
    let mut children: Vec<&str> = Vec::new();
    for key in KEYS.iter().map(|key| key.path).chain([CHANNELS]) {
        let Some(child) = below(key).and_then(|rest| rest.split('.').next()) else { continue };
        if !children.contains(&child) {
            children.push(child);
        }
    }
    children
}

/// The environment variable of the key or section at `path`.
pub(super) fn variable(path: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", path.to_uppercase().replace('.', PART))
}

/// What each variable of settings begins with.
pub(super) const VARIABLE_PREFIX: &str = "ETLPLUS_";
/// What stands between the parts of a path in a variable's name.
pub(super) const PART: &str = "__";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_there_once_and_its_default_is_a_value_that_it_takes() {
        for key in KEYS {
            assert_eq!(KEYS.iter().filter(|other| other.path == key.path).count(), 1, "{}", key.path);
            let mut settings = Settings::default();
            key.set(&mut settings, key.default());
            assert_eq!(settings, Settings::default(), "{}", key.path);
            assert!(!key.what.is_empty() && !key.what.ends_with('.'), "{}", key.path);
        }
    }

    #[test]
    fn children_are_the_next_words() {
        assert_eq!(children(""), ["server", "access", "jobs", "retention", "log", "monitoring"]);
        assert_eq!(children("monitoring"), ["websocket", "job_tracking", "notifications"]);
        assert_eq!(children("retention.jobs"), ["max_age", "max_count"]);
        assert_eq!(children("log"), ["level", "format", "file", "keep_files"]);
        assert!(children("monitoring.notifications").contains(&"channels"));
        assert_eq!(children("lo"), [""; 0]);
        assert_eq!(children("log.level"), [""; 0]);
    }
}
