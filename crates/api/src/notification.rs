//! What people should know of, over the live channel.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::AlertInfo;

/// Something that people should know of: an alert, a change of settings, or what somebody says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemNotification {
    /// What it is.
    pub kind: NotificationKind,
    /// How much it matters.
    pub severity: Severity,
    /// What happened, in some words.
    pub title: String,
    /// What happened and where.
    pub message: String,
    /// What to do about it; `null` where there is nothing to do.
    pub remedy: Option<String>,
    /// The alert, where it is one.
    pub alert: Option<AlertInfo>,
    /// The change, where settings were changed.
    pub settings: Option<SettingsNotice>,
}

/// What a notification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// An alert fires, or is resolved. A fact.
    Alert,
    /// Settings were changed. A fact.
    Settings,
    /// Somebody who runs the server says something to this connection. It is not recorded.
    Message,
}

/// How much a notification matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// What happens.
    Info,
    /// What somebody should look at.
    Warning,
    /// What does not work.
    Error,
}

/// Settings were changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingsNotice {
    /// The version that the change made, as in the ETag of `/api/monitor/config`.
    pub version: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// The keys that were given.
    pub keys: Vec<ChangedKey>,
}

/// A key that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedKey {
    /// Its dotted path, such as `monitoring.websocket.max_connections`.
    pub key: String,
    /// What it was set to, secrets masked; `null` where its earlier origin holds again.
    pub value: Option<String>,
}
