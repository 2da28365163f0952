//! Alerts, and the channels by which they leave.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What raises an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertRule {
    /// A job failed.
    JobFailed,
    /// A job was ended because it took too long.
    JobTimedOut,
    /// A job has run for longer than the threshold of the warning.
    JobTimeoutNear,
    /// The machine's memory is nearly used up.
    Memory,
    /// The machine's processor is nearly used up.
    Cpu,
    /// The disk of the data folder is nearly full.
    Disk,
    /// The live channel has nearly its most connections.
    Connections,
    /// A channel does not take alerts.
    ChannelBroken,
    /// Somebody tries a channel.
    Test,
}

impl AlertRule {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::JobFailed,
        Self::JobTimedOut,
        Self::JobTimeoutNear,
        Self::Memory,
        Self::Cpu,
        Self::Disk,
        Self::Connections,
        Self::ChannelBroken,
        Self::Test,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobFailed => "job_failed",
            Self::JobTimedOut => "job_timed_out",
            Self::JobTimeoutNear => "job_timeout_near",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Disk => "disk",
            Self::Connections => "connections",
            Self::ChannelBroken => "channel_broken",
            Self::Test => "test",
        }
    }
}

/// Whether an alert's reason holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// It holds.
    Firing,
    /// It held, and does no more.
    Resolved,
}

impl AlertStatus {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Firing, Self::Resolved];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// Something that a person should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertInfo {
    /// What raised it.
    pub rule: AlertRule,
    /// What it is about. Two alerts of equal rule and labels are the same one.
    pub labels: BTreeMap<String, String>,
    /// Whether its reason holds.
    pub status: AlertStatus,
    /// When that became so.
    pub at: DateTime<Utc>,
    /// What happened and where.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The job that it is about.
    #[schemars(extend("format" = "uuid"))]
    pub job_id: Option<String>,
    /// What tells this alert from others: equal for equal rule and labels.
    #[schemars(regex(pattern = "^[0-9a-f]{32}$"))]
    pub fingerprint: String,
}

/// `GET /api/alerts`: a page of alerts, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertList {
    /// The alerts.
    pub alerts: Vec<AlertEntry>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// An alert as it is recorded. Its place is its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertEntry {
    /// The log's life.
    #[schemars(extend("format" = "uuid"))]
    pub epoch: String,
    /// Its place in the log of facts.
    pub offset: u64,
    /// What it says.
    #[serde(flatten)]
    pub alert: AlertInfo,
    /// What became of it on its way to each channel, by the channel's name.
    pub deliveries: Vec<DeliveryInfo>,
}

/// Where an alert is on its way to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be tried.
    Waiting,
    /// The channel took it.
    Delivered,
    /// It will not be tried any more.
    Failed,
}

/// An alert on its way to one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryInfo {
    /// The channel's name.
    pub channel: String,
    /// Where it is.
    pub state: DeliveryState,
    /// It is not tried before this, where it waits.
    pub due: Option<DateTime<Utc>>,
    /// When it was delivered or given up, where it waits no more.
    pub at: Option<DateTime<Utc>>,
    /// Why it failed, where it did.
    pub reason: Option<String>,
    /// The last tries, in order.
    pub tries: Vec<DeliveryTry>,
    /// How many tries there were.
    pub tries_made: u32,
    /// The key by which a receiver tells a second copy: `webhook-id` of a webhook.
    pub key: String,
}

/// One try of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryTry {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Why it failed; `null` where it did not.
    pub error: Option<String>,
}

/// `GET /api/alerts/channels`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelList {
    /// The channels of the settings, by name.
    pub channels: Vec<ChannelInfo>,
}

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// An HTTP request.
    Webhook,
    /// An e-mail.
    Email,
    /// A line in the server's log.
    Log,
}

/// A channel by which alerts leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelInfo {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ChannelKind,
    /// Whether it is taken to work; what is meant for one that does not is kept until it does.
    pub up: bool,
    /// Deliveries that wait for it; `null` where the store cannot tell.
    pub waiting: Option<u64>,
    /// When it is tried again, where it is down.
    pub retry_at: Option<DateTime<Utc>>,
    /// Why its last try failed, where that did.
    pub last_error: Option<String>,
}

/// `POST /api/alerts/channels/{name}/test`: the channel took an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestSent {
    /// The channel's name.
    pub channel: String,
    /// When it had taken it.
    pub sent_at: DateTime<Utc>,
}
