//! Alerts, their deliveries and their channels.

use etlplus_api as api;
use etlplus_core::ports::{Alert, AlertRecord, AlertRule, AlertStatus, ChannelState, Delivery, DeliveryState};

pub(crate) fn alert(alert: &Alert) -> api::AlertInfo {
    api::AlertInfo {
        rule: rule(alert.rule),
        labels: alert.labels.clone(),
        status: alert_status(alert.status),
        at: alert.at,
        message: alert.message.clone(),
        remedy: alert.remedy.clone(),
        job_id: alert.job.map(|job| job.to_string()),
        fingerprint: alert.fingerprint(),
    }
}

/// An alert with its place and what became of it.
pub(crate) fn alert_entry(record: &AlertRecord) -> api::AlertEntry {
    let position = super::position(record.position);
    api::AlertEntry {
        epoch: position.epoch,
        offset: position.offset,
        alert: alert(&record.alert),
        deliveries: record.deliveries.iter().map(delivery).collect(),
    }
}

fn delivery(delivery: &Delivery) -> api::DeliveryInfo {
    let (state, due, at, reason) = match &delivery.state {
        DeliveryState::Waiting { due } => (api::DeliveryState::Waiting, Some(*due), None, None),
        DeliveryState::Delivered { at } => (api::DeliveryState::Delivered, None, Some(*at), None),
        DeliveryState::Failed { at, reason } => (api::DeliveryState::Failed, None, Some(*at), Some(reason.clone())),
    };
    let tries = delivery.tries.iter().map(|one| api::DeliveryTry { at: one.at, error: one.error.clone() });
    api::DeliveryInfo {
        channel: delivery.channel.clone(),
        state,
        due,
        at,
        reason,
        tries: tries.collect(),
        tries_made: delivery.tries_made,
        key: delivery.key(),
    }
}

pub(crate) fn channel(state: ChannelState) -> api::ChannelInfo {
    let ChannelState { name, kind, is_up, waiting, retry_at, last_error } = state;
    let kind = match kind {
        "webhook" => api::ChannelKind::Webhook,
        "email" => api::ChannelKind::Email,
        _ => api::ChannelKind::Log,
    };
    api::ChannelInfo { name, kind, up: is_up, waiting, retry_at, last_error }
}

fn rule(rule: AlertRule) -> api::AlertRule {
    match rule {
        AlertRule::JobFailed => api::AlertRule::JobFailed,
        AlertRule::JobTimedOut => api::AlertRule::JobTimedOut,
        AlertRule::JobTimeoutNear => api::AlertRule::JobTimeoutNear,
        AlertRule::Memory => api::AlertRule::Memory,
        AlertRule::Cpu => api::AlertRule::Cpu,
        AlertRule::Disk => api::AlertRule::Disk,
        AlertRule::Connections => api::AlertRule::Connections,
        AlertRule::ChannelBroken => api::AlertRule::ChannelBroken,
        AlertRule::Test => api::AlertRule::Test,
    }
}

fn alert_status(status: AlertStatus) -> api::AlertStatus {
    match status {
        AlertStatus::Firing => api::AlertStatus::Firing,
        AlertStatus::Resolved => api::AlertStatus::Resolved,
    }
}
