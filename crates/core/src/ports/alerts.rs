//! Alerts: what they are, how the rules that raise them read the log, and what becomes of each on its way to people.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Answer, LogPosition, Recorded, StoreUnavailable};
use crate::ids::{JobId, Offset};

/// What raises an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

    /// The word in the store and on the wire.
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

impl fmt::Display for AlertRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether an alert's reason holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// It holds.
    Firing,
    /// It held, and does no more.
    Resolved,
}

impl AlertStatus {
    /// The word in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// Something that a person should know of. It is a fact: each has a place in the log, and reaches everybody who watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// What raised it.
    pub rule: AlertRule,
    /// What it is about, such as `pipeline`. Two alerts of equal rule and labels are the same one.
    pub labels: BTreeMap<String, String>,
    /// Whether its reason holds.
    pub status: AlertStatus,
    /// When that became so.
    pub at: DateTime<Utc>,
    /// What happened and where, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
    /// The job that it is about.
    pub job: Option<JobId>,
}

impl Alert {
    /// What tells this alert from others: equal for equal rule and labels, 32 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        // A length before each text, so that no two lists of texts make the same bytes.
        let texts = self.labels.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
        for text in std::iter::once(self.rule.as_str()).chain(texts) {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An alert as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRecord {
    /// Its place in the log, which is its id.
    pub position: LogPosition,
    /// What it says.
    pub alert: Arc<Alert>,
    /// What became of it on its way to each channel, by the channel's name. Empty in what rules are shown.
    pub deliveries: Vec<Delivery>,
}

/// Where an alert is on its way to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be tried.
    Waiting {
        /// Not before this.
        due: DateTime<Utc>,
    },
    /// The channel took it.
    Delivered {
        /// When.
        at: DateTime<Utc>,
    },
    /// It will not be tried any more.
    Failed {
        /// When that was decided.
        at: DateTime<Utc>,
        /// Why.
        reason: String,
    },
}

/// An alert on its way to one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The alert's place in the log.
    pub alert: LogPosition,
    /// The channel's name.
    pub channel: String,
    /// Where it is.
    pub state: DeliveryState,
    /// The tries, in order: the last [`TRIES_KEPT`] of them.
    pub tries: Vec<DeliveryTry>,
    /// How many tries there were.
    pub tries_made: u32,
}

impl Delivery {
    /// The key by which a receiver tells a second copy: the same for each try, another for each alert and channel.
    pub fn key(&self) -> String {
        format!("{}.{}.{}", self.alert.epoch, self.alert.offset, self.channel)
    }
}

/// Tries of one delivery that are kept: a channel may be away for days.
pub const TRIES_KEPT: usize = 20;

/// One try of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryTry {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Why it failed; `None` where it did not.
    pub error: Option<String>,
}

/// What rules make of facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consequences {
    /// Alerts to record, each as a fact.
    pub alerts: Vec<Alert>,
    /// Alerts among the facts that were shown, by their offset, and the names of the channels that each goes to.
    pub deliveries: Vec<(Offset, Vec<String>)>,
}

/// Facts, and the alerts that are firing by all that is recorded, turned into what follows. What was raised from earlier
/// facts stands at the end of the log, where the rules come to it late: it must be known to whatever resolves it before.
/// They decide from their arguments alone: they may be run again on the same facts where the transaction failed.
pub type Rules = Arc<dyn Fn(&[Recorded], &[AlertRecord]) -> Consequences + Send + Sync>;

/// Which alerts are asked for, the latest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuery {
    /// Only those of this rule.
    pub rule: Option<AlertRule>,
    /// Only those of this status.
    pub status: Option<AlertStatus>,
    /// Only those about this job.
    pub job: Option<JobId>,
    /// Only those whose reason still holds: of each fingerprint the last that was recorded, where it is firing.
    pub only_active: bool,
    /// Recorded before this one, which is where the last page ended.
    pub before: Option<Offset>,
    /// At most so many.
    pub limit: NonZeroUsize,
}

/// The alerts and their deliveries, kept by the store. An alert is recorded by [`Change::Alert`](super::Change::Alert), or
/// here by the rules.
pub trait Alerts: Send + Sync {
    /// Shows `rules` at most `limit` facts that come after those of the last call, with the alerts that are firing, and
    /// records what they give back. Gives the number of facts that were read: none, where all were read.
    ///
    /// The reading, what follows, and the move past the facts are one transaction, so that a crash neither leaves out a
    /// fact nor raises an alert twice. A delivery is made waiting, due at once.
    fn advance(&self, rules: Rules, limit: NonZeroUsize) -> Answer<'_, Result<usize, StoreUnavailable>>;

    /// The alerts that are firing: of each fingerprint the last that was recorded, where it is firing.
    fn firing(&self) -> Answer<'_, Result<Vec<AlertRecord>, StoreUnavailable>>;

    /// The alerts that `query` asks for, with their deliveries.
    fn alerts(&self, query: AlertQuery) -> Answer<'_, Result<Vec<AlertRecord>, StoreUnavailable>>;

    /// Deliveries that wait for `channel`, in the order of their alerts: at most `limit`.
    fn waiting(&self, channel: String, limit: NonZeroUsize) -> Answer<'_, Result<Vec<Delivery>, StoreUnavailable>>;

    /// How many deliveries wait, by the channel's name; those of channels that are no more among them.
    fn waiting_counts(&self) -> Answer<'_, Result<BTreeMap<String, u64>, StoreUnavailable>>;

    /// Records a try of a delivery, where there was one, and where it is then. Nothing happens where there is no such
    /// delivery, or where it waits no more.
    fn settle_delivery(
        &self,
        alert: LogPosition,
        channel: String,
        attempt: Option<DeliveryTry>,
        state: DeliveryState,
    ) -> Answer<'_, Result<(), StoreUnavailable>>;
}

/// A channel by which alerts leave, as it does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// Its name.
    pub name: String,
    /// `webhook`, `email` or `log`.
    pub kind: &'static str,
    /// Whether it is taken to work; otherwise what is meant for it is kept until it does.
    pub is_up: bool,
    /// Deliveries that wait for it; `None` where the store cannot tell.
    pub waiting: Option<u64>,
    /// When it is tried again, where it is down.
    pub retry_at: Option<DateTime<Utc>>,
    /// Why its last try failed, where that did.
    pub last_error: Option<String>,
}

/// A channel that cannot be tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestSendError {
    /// There is none of this name.
    #[error("there is no channel named {0:?}: see monitoring.notifications.channels")]
    Unknown(String),
    /// It did not take the alert.
    #[error("{0}")]
    Failed(String),
    /// The service that sends has ended.
    #[error("alerts are not sent any more, because the server ends: ask the next one")]
    Stopped,
}

/// The channels by which alerts leave.
pub trait AlertChannels: Send + Sync {
    /// All channels of the settings, by name.
    fn channels(&self) -> Answer<'_, Vec<ChannelState>>;

    /// Sends an alert of the rule [`AlertRule::Test`] by one channel now, and gives how that went.
    fn send_test(&self, channel: String) -> Answer<'_, Result<(), TestSendError>>;
}
