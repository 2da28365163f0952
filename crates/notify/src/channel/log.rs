//! An alert as a line in the server's own log.

use etlplus_core::ports::AlertStatus;

use super::Outcome;
use crate::message::Message;

pub(super) fn send(message: &Message) -> Outcome {
    let Message { key, alert, subject, .. } = message;
    let (rule, status) = (alert.rule.as_str(), alert.status.as_str());
    let remedy = crate::message::one_line(&alert.remedy);
    match alert.status {
        AlertStatus::Firing => tracing::warn!(%key, rule, status, remedy, "{subject}"),
        AlertStatus::Resolved => tracing::info!(%key, rule, status, "{subject}"),
    }
    Outcome::Delivered
}
