//! What holds of the configuration. Its keys are snake_case, as in the configuration file.

use serde::{Deserialize, Serialize};

/// `GET /api/monitor/config`: the settings of a running server, under the file's key `monitoring`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigView {
    /// The settings.
    pub monitoring: MonitoringConfig,
}

/// The settings that the server works by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitoringConfig {
    /// The live channel.
    pub websocket: WebSocketConfig,
    /// What is told of jobs.
    pub job_tracking: JobTrackingConfig,
}

/// The live channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebSocketConfig {
    /// Whether there is one.
    pub enabled: bool,
    /// The port on which it is.
    pub port: u16,
    /// Connections at once: WebSockets, event streams, and logs that are followed or downloaded.
    pub max_connections: u64,
    /// Seconds between two pings.
    pub heartbeat_interval: f64,
    /// A client that is behind by more facts, and reads nothing for some seconds, is closed.
    pub message_queue_size: u64,
}

/// What is told of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobTrackingConfig {
    /// Whether log lines are sent over the live channel.
    pub log_streaming_enabled: bool,
    /// Whether metrics of running jobs are sent over the live channel.
    pub metrics_collection_enabled: bool,
}
