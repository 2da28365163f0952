//! The settings of a server. Their keys are snake_case, as in the settings file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET /api/monitor/config`: what the server works by, and where each value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigView {
    /// Counts the changes, and is the ETag.
    pub version: u64,
    /// The live channel, what it shows of jobs, and alerts.
    pub monitoring: MonitoringConfig,
    /// Where the server listens and keeps its data.
    pub server: ServerConfig,
    /// Who may use it.
    pub access: AccessConfig,
    /// How jobs are run.
    pub jobs: JobsConfig,
    /// How long what was recorded is kept.
    pub retention: RetentionConfig,
    /// What the server logs about itself.
    pub log: LogConfig,
    /// Each key with its value and where that comes from.
    pub origins: Vec<ConfigEntry>,
    /// The keys whose new value waits for a restart; what is above is what holds until then.
    pub pending_restart: Vec<String>,
}

/// `POST /api/monitor/config`: some of the settings, as in the settings file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigChange {
    /// The live channel, what it shows of jobs, and alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<BTreeMap<String, Value>>,
    /// Where the server listens and keeps its data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<BTreeMap<String, Value>>,
    /// Who may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<BTreeMap<String, Value>>,
    /// How jobs are run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<BTreeMap<String, Value>>,
    /// How long what was recorded is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<BTreeMap<String, Value>>,
    /// What the server logs about itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<BTreeMap<String, Value>>,
}

/// `monitoring`: the live channel, what it shows of jobs, and alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MonitoringConfig {
    /// The live channel.
    pub websocket: WebSocketConfig,
    /// What is shown of jobs.
    pub job_tracking: JobTrackingConfig,
    /// Alerts, and where they go.
    pub notifications: NotificationsConfig,
}

/// A number, or a word or a duration as the settings file says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NumberOrText {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

/// `monitoring.websocket`: the live channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebSocketConfig {
    /// Whether there is one.
    pub enabled: bool,
    /// A port of its own; `none` where it is on the server's port alone.
    pub port: NumberOrText,
    /// Connections at once: WebSockets, event streams, and logs that are followed or downloaded.
    pub max_connections: u64,
    /// Seconds between two pings, or a text such as `250ms`.
    pub heartbeat_interval: NumberOrText,
    /// A client that is behind by more facts, and reads nothing for some seconds, is closed.
    pub message_queue_size: u64,
}

/// `monitoring.job_tracking`: what is shown of jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobTrackingConfig {
    /// Seconds, or a text: the longest silence between two progress updates of a job that runs.
    pub progress_update_interval: NumberOrText,
    /// Whether log lines are sent over the live channel.
    pub log_streaming_enabled: bool,
    /// Whether metrics of running jobs are sent over the live channel.
    pub metrics_collection_enabled: bool,
    /// Seconds, or a text: how long a job runs before a warning is given.
    pub timeout_warning_threshold: NumberOrText,
}

/// `monitoring.notifications`: alerts, and where they go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationsConfig {
    /// Whether alerts are sent at all.
    pub enabled: bool,
    /// Alerts about jobs that failed or were ended for their time.
    pub job_failure_alerts: bool,
    /// Alerts about jobs that run long or were ended for it.
    pub timeout_warnings: bool,
    /// Alerts about memory, processor, disk and connections.
    pub resource_alerts: bool,
    /// Alerts about a channel that alerts cannot be sent over.
    pub channel_alerts: bool,
    /// How often a delivery is tried again in a row.
    pub retry_attempts: u32,
    /// Milliseconds before the first of these tries; it doubles with each.
    pub retry_delay: u64,
    /// Percent of the machine's memory in use from which an alert fires.
    pub memory_threshold: f64,
    /// Percent of the machine's processor time in use from which an alert fires.
    pub cpu_threshold: f64,
    /// Percent of the data folder's disk in use from which an alert fires.
    pub disk_threshold: f64,
    /// Percent of `websocket.max_connections` in use from which an alert fires.
    pub connections_threshold: f64,
    /// Hosts, addresses and networks that webhooks and mails may reach although they are not public.
    pub allowed_private_hosts: Vec<String>,
    /// Where alerts go, by name, as the settings file says it; what is secret is masked.
    pub channels: BTreeMap<String, Value>,
}

/// `server`: where it listens and keeps its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerConfig {
    /// The address and the port of REST, the page and the live channel.
    pub listen: String,
    /// The data folder.
    pub data: String,
    /// Names that the `Host` header may have beside the address itself.
    pub allowed_hosts: Vec<String>,
    /// Requests in a second from one client.
    pub requests_per_second: u32,
}

/// `access`: who may use the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessConfig {
    /// Whether every request needs a token.
    pub required: bool,
}

/// `jobs`: how jobs are run. Durations are texts such as `25m`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobsConfig {
    /// Jobs that run at the same time; `auto`: as many as the machine has cores.
    pub max_concurrent_jobs: NumberOrText,
    /// Jobs that may wait.
    pub max_queued_jobs: u64,
    /// The longest that a job may run whose pipeline says nothing about it; `none` for no limit.
    pub timeout: String,
    /// Bytes of log that one attempt may say.
    pub log_max_bytes: u64,
}

/// `retention`: how long what was recorded is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionConfig {
    /// Jobs that have ended, with all that belongs to them.
    pub jobs: KeepConfig,
    /// Log lines of jobs.
    pub logs: KeepConfig,
    /// Readings of progress and use.
    pub samples: KeepConfig,
    /// Files of rejected rows.
    pub rejects: KeepConfig,
    /// Bytes of all files of rejected rows together.
    pub rejects_max_bytes: u64,
    /// Bytes that all log lines take in the store.
    #[serde(default)]
    pub logs_max_bytes: u64,
    /// Bytes that the log lines of one job take in the store.
    #[serde(default)]
    pub logs_max_bytes_per_job: u64,
}

/// How long things of one kind are kept: whatever passes either limit goes, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeepConfig {
    /// The greatest age, such as `30d`; `none` keeps them at any age.
    pub max_age: String,
    /// The greatest number; `none` keeps any number.
    pub max_count: NumberOrText,
}

/// `log`: what the server logs about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogConfig {
    /// A level, or levels by part of the program.
    pub level: String,
    /// How lines look: `text` or `json`.
    #[schemars(extend("enum" = ["text", "json"]))]
    pub format: String,
    /// A file instead of standard error; `none` for none.
    pub file: String,
    /// How many of these files are kept.
    pub keep_files: u64,
}

/// One key with its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigEntry {
    /// The dotted path, such as `monitoring.websocket.max_connections`.
    pub key: String,
    /// The value as a settings file would say it; the new one, where it waits for a restart. What is secret is masked.
    pub value: Value,
    /// What it is where nobody says anything; `null` for a channel, which is there only where somebody names it.
    pub default: Value,
    /// Who said it.
    pub origin: ConfigOrigin,
    /// When a change of it takes effect.
    pub applies: Applies,
    /// Whether the server still runs with another value, which it had at its start.
    pub pending_restart: bool,
}

/// Where a value comes from. Each lies over the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ConfigOrigin {
    /// Nobody said anything.
    Default,
    /// The settings file.
    File {
        /// Its path.
        path: String,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// An option of the command line.
    Flag,
    /// A change that was made while a server ran.
    Changed,
}

/// When a change of a key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Applies {
    /// At once.
    Live,
    /// When the server starts again.
    NextStart,
}
