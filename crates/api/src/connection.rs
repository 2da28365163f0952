//! Who watches.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::filter::Filter;
use crate::live::Position;
use crate::notification::Severity;

/// `GET /api/monitor/connections`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionList {
    /// The connections, the oldest first.
    pub connections: Vec<Connection>,
    /// How many there may be.
    pub max_connections: u64,
}

/// How a connection is watched through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionKind {
    /// `/ws`.
    WebSocket,
    /// `/api/events`.
    Sse,
}

/// A connection of the live channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Its id, as in its `connection_ack`.
    #[schemars(extend("format" = "uuid"))]
    pub connection_id: String,
    /// How it is watched through.
    pub kind: ConnectionKind,
    /// Who it is: `local`, or a token with its name.
    pub principal: String,
    /// The client's address.
    pub remote_address: String,
    /// Since when.
    pub connected_at: DateTime<Utc>,
    /// What it wants to see.
    pub filters: Filter,
    /// The last fact up to which it was told all that its filter lets through.
    pub position: Position,
    /// Facts of the log after that.
    pub lag: u64,
    /// Bytes that wait for it to read.
    pub queued_bytes: u64,
    /// Bytes that were sent.
    pub sent_bytes: u64,
    /// Readings that were left out because it was behind.
    pub conflated: u64,
}

/// `PUT /api/monitor/connections/{id}/filters`: what a connection sees from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionFilters {
    /// The filter.
    #[schemars(length(max = 32))]
    pub filters: Filter,
}

/// `POST /api/monitor/connections/{id}/messages`: a `system_notification` of the kind `message` for one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionMessage {
    /// What it is about, in some words.
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    /// What to say.
    #[schemars(length(min = 1, max = 4000))]
    pub message: String,
    /// How much it matters; `INFO` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub severity: Option<Severity>,
}

impl ConnectionMessage {
    /// Characters of a title, at most.
    pub const TITLE_CHARS_MAX: usize = 200;
    /// Characters of a message, at most.
    pub const MESSAGE_CHARS_MAX: usize = 4000;
}
