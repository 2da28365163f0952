//! What the server can be told, checked.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Connections of the live channel: one takes a few KiB while it is idle, so a hundred thousand fit in memory.
pub const MAX_CONNECTIONS: RangeInclusive<usize> = 1..=100_000;
/// Beats that come faster are load without use; one that comes each hour finds dead peers too late.
pub const HEARTBEAT_INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
/// Facts that a client which reads nothing may be behind. Memory is bounded by bytes as well.
pub const MESSAGE_QUEUE_SIZE: RangeInclusive<usize> = 1..=1_000_000;

/// How the server works. [`Options::check`] says which values fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Connections of the live channel at once: WebSockets, event streams, and logs that are followed or downloaded.
    pub max_connections: usize,
    /// Time between two pings. A client that answers none for two of them is taken for gone.
    pub heartbeat_interval: Duration,
    /// A client that is behind by more facts, and reads nothing for some seconds, is closed.
    pub message_queue_size: usize,
    /// Whether log lines are sent over the live channel.
    pub log_streaming_enabled: bool,
    /// Whether metrics of running jobs are sent over the live channel.
    pub metrics_collection_enabled: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            heartbeat_interval: Duration::from_secs(30),
            message_queue_size: 1000,
            log_streaming_enabled: true,
            metrics_collection_enabled: true,
        }
    }
}

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}: {remedy}")]
pub struct OptionFault {
    /// The key, as the configuration names it under `monitoring`.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl Options {
    /// Every value that does not fit; none where all do.
    pub fn check(&self) -> Vec<OptionFault> {
        let mut faults = Vec::new();
        let mut fault = |key, message: String, remedy: String| faults.push(OptionFault { key, message, remedy });
        if !MAX_CONNECTIONS.contains(&self.max_connections) {
            let (least, most) = MAX_CONNECTIONS.into_inner();
            let message = format!("{} connections are too few or too many", self.max_connections);
            fault("websocket.max_connections", message, format!("give {least} to {most}"));
        }
        if !HEARTBEAT_INTERVAL.contains(&self.heartbeat_interval) {
            let (least, most) = HEARTBEAT_INTERVAL.into_inner();
            let message = format!("an interval of {:?} is too short or too long", self.heartbeat_interval);
            fault("websocket.heartbeat_interval", message, format!("give {least:?} to {most:?}"));
        }
        if !MESSAGE_QUEUE_SIZE.contains(&self.message_queue_size) {
            let (least, most) = MESSAGE_QUEUE_SIZE.into_inner();
            let message = format!("{} messages are too few or too many", self.message_queue_size);
            fault("websocket.message_queue_size", message, format!("give {least} to {most}"));
        }
        faults
    }
}
