//! The ways by which alerts leave: one file for each. A channel makes one try and says how it went; when it is tried
//! again is decided elsewhere.

mod email;
mod log;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_core::settings::{ChannelKind, NotificationSettings};

use crate::message::Message;

pub use email::TIMEOUT as EMAIL_TIMEOUT;
pub use webhook::{ANSWER_MAX_BYTES, TIMEOUT as WEBHOOK_TIMEOUT};

/// How a try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took the message.
    Delivered,
    /// The receiver answers, and does not want this message.
    MessageRefused {
        /// What it said, with what to do.
        detail: String,
    },
    /// No message gets through, this one or another.
    ChannelFailed {
        /// Why, with what to do. Of the address it names the host alone.
        detail: String,
        /// How long the receiver asked to be left alone.
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    fn failed(detail: impl Into<String>) -> Self {
        Self::ChannelFailed { detail: detail.into(), retry_after: None }
    }
}

/// Sends by any channel.
#[derive(Debug)]
pub struct Sender {
    settings: Arc<NotificationSettings>,
    webhooks: webhook::Webhooks,
}

impl Sender {
    /// One that reaches public hosts, and those that the settings allow.
    pub fn new(settings: Arc<NotificationSettings>) -> Self {
        Self { webhooks: webhook::Webhooks::new(settings.clone()), settings }
    }

    /// Makes one try. It ends within [`WEBHOOK_TIMEOUT`] or [`EMAIL_TIMEOUT`]. `now` is what the message is stamped with.
    pub async fn send(&self, kind: &ChannelKind, message: &Message, now: DateTime<Utc>) -> Outcome {
        match kind {
            ChannelKind::Webhook { url, secret } => self.webhooks.send(url, secret.as_ref(), message, now).await,
            ChannelKind::Email { .. } => email::send(kind, &self.settings, message, now).await,
            ChannelKind::Log => log::send(message),
        }
    }
}

/// The word for a kind of channel.
pub fn kind_name(kind: &ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Webhook { .. } => "webhook",
        ChannelKind::Email { .. } => "email",
        ChannelKind::Log => "log",
    }
}
