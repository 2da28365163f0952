//! The settings as they are shown: each key with its value, and where that comes from.

use std::path::PathBuf;

use serde::Serialize;

/// One key with its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The dotted path, such as `monitoring.websocket.max_connections`. Each channel has an entry of its own.
    pub key: String,
    /// The value as a settings file would say it, so that it can be sent back; what is secret is masked.
    pub value: serde_json::Value,
    /// What it is where nobody says anything; `null` for a channel, which is there only where somebody names it.
    pub default: serde_json::Value,
    /// Who said it.
    pub origin: Origin,
    /// When a change of it takes effect.
    pub applies: Applies,
    /// Whether the server still runs with another value, which it had at its start.
    pub pending_restart: bool,
}

/// Where a value comes from. Each lies over the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The settings file.
    File {
        /// Its path.
        path: PathBuf,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// An option of the command line.
    Flag,
    /// A change that was made while the server ran.
    Changed,
}

/// When a change of a key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Applies {
    /// At once.
    Live,
    /// When the server starts again.
    NextStart,
}
