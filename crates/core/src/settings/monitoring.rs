//! `monitoring`: the live channel, what it shows of jobs, and alerts.

use std::time::Duration;

use super::secret::{SecretRef, UrlValue};

/// `monitoring`: the live channel, what it shows of jobs, and alerts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MonitoringSettings {
    /// The live channel.
    pub websocket: WebSocketSettings,
    /// What is shown of jobs.
    pub job_tracking: JobTrackingSettings,
    /// Alerts, and where they go.
    pub notifications: NotificationSettings,
}

/// `monitoring.websocket`: the live channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketSettings {
    /// Whether there is a live channel.
    pub enabled: bool,
    /// A port of its own for the live channel, at the server's address; without one it is on the server's port alone.
    pub port: Option<u16>,
    /// Clients at the same time.
    pub max_connections: usize,
    /// How often a client hears of the server, be it that nothing happens.
    pub heartbeat_interval: Duration,
    /// Facts that a client may be behind.
    pub message_queue_size: usize,
}

impl Default for WebSocketSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            port: None,
            max_connections: 1_000,
            heartbeat_interval: Duration::from_secs(30),
            message_queue_size: 1_000,
        }
    }
}

/// `monitoring.job_tracking`: what is shown of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobTrackingSettings {
    /// The longest silence between two progress updates of a job that runs.
    pub progress_update_interval: Duration,
    /// Whether log lines go over the live channel; they are recorded in any case.
    pub log_streaming_enabled: bool,
    /// Whether readings of memory, CPU and rates are recorded over time and go over the live channel.
    pub metrics_collection_enabled: bool,
    /// How long a job runs before a warning is given.
    pub timeout_warning_threshold: Duration,
}

impl Default for JobTrackingSettings {
    fn default() -> Self {
        Self {
            progress_update_interval: Duration::from_secs(5),
            log_streaming_enabled: true,
            metrics_collection_enabled: true,
            timeout_warning_threshold: Duration::from_secs(1_500),
        }
    }
}

/// `monitoring.notifications`: alerts, and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationSettings {
    /// Whether alerts are sent at all.
    pub enabled: bool,
    /// Alerts about jobs that failed.
    pub job_failure_alerts: bool,
    /// Alerts about jobs that run long or were ended for it.
    pub timeout_warnings: bool,
    /// Alerts about memory, CPU, disk and connections.
    pub resource_alerts: bool,
    /// Alerts about a channel that alerts cannot be sent over.
    pub channel_alerts: bool,
    /// How often a delivery is tried again in a row.
    pub retry_attempts: u32,
    /// The wait before the first of these tries; it doubles with each.
    pub retry_delay: Duration,
    /// Percent of the machine's memory in use from which an alert fires.
    pub memory_threshold: f64,
    /// Percent of the machine's CPU time in use from which an alert fires.
    pub cpu_threshold: f64,
    /// Percent of the data folder's disk in use from which an alert fires.
    pub disk_threshold: f64,
    /// Percent of `websocket.max_connections` in use from which an alert fires.
    pub connections_threshold: f64,
    /// Hosts, addresses and networks (`10.0.0.0/8`) that webhooks and mails may reach although they are not public.
    pub allowed_private_hosts: Vec<String>,
    /// Where alerts go, by name.
    pub channels: Vec<ChannelSettings>,
}

impl Default for NotificationSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            job_failure_alerts: true,
            timeout_warnings: true,
            resource_alerts: true,
            channel_alerts: true,
            retry_attempts: 3,
            retry_delay: Duration::from_secs(5),
            memory_threshold: 90.0,
            cpu_threshold: 95.0,
            disk_threshold: 90.0,
            connections_threshold: 90.0,
            allowed_private_hosts: Vec::new(),
            channels: Vec::new(),
        }
    }
}

/// One place that alerts go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Its name: 1 to 50 of `a-z`, `0-9`, `_` and `-`.
    pub name: String,
    /// What it is.
    pub kind: ChannelKind,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// An HTTP request, signed as the Standard Webhooks specification says.
    Webhook {
        /// Where it goes.
        url: UrlValue,
        /// What it is signed with: a text `whsec_...`.
        secret: Option<SecretRef>,
    },
    /// An e-mail by SMTP.
    Email {
        /// The server's name or address.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is encrypted.
        tls: SmtpTls,
        /// Whom to log in as; there where [`Self::Email::password`] is.
        username: Option<String>,
        /// The password; there where [`Self::Email::username`] is.
        password: Option<SecretRef>,
        /// The sender's address.
        from: String,
        /// The receivers' addresses; at least one.
        to: Vec<String>,
    },
    /// A line in the server's own log.
    Log,
}

/// How a connection to an SMTP server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Not at all: for a server on the same machine only.
    None,
    /// After a greeting in plain text.
    StartTls,
    /// From the first byte.
    Tls,
}
