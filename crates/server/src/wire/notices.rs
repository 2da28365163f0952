//! What people should know of: notifications of the live channel.

use etlplus_api::{ChangedKey, NotificationKind, SettingsNotice, Severity, SystemNotification};
use etlplus_core::ports::{Alert, AlertRule, AlertStatus, SettingsChange};

/// Keys that the message of a change names; all are in its data.
const KEYS_NAMED_MAX: usize = 5;

/// An alert that fires, or is resolved.
pub(super) fn of_alert(alert: &Alert) -> SystemNotification {
    SystemNotification {
        kind: NotificationKind::Alert,
        severity: severity(alert),
        title: title(alert),
        message: alert.message.clone(),
        remedy: Some(alert.remedy.clone()),
        alert: Some(super::alert(alert)),
        settings: None,
    }
}

/// Settings that were changed.
pub(super) fn of_settings(change: &SettingsChange) -> SystemNotification {
    let named: Vec<_> = change.keys.iter().map(|(key, _)| key.as_str()).take(KEYS_NAMED_MAX).collect();
    let more = change.keys.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    SystemNotification {
        kind: NotificationKind::Settings,
        severity: Severity::Info,
        title: "Settings were changed".to_owned(),
        message: format!("{} changed {}{more}", change.by, named.join(", ")),
        remedy: None,
        alert: None,
        settings: Some(SettingsNotice {
            version: change.version.get(),
            at: change.at,
            by: change.by.clone(),
            keys: change
                .keys
                .iter()
                .map(|(key, value)| ChangedKey { key: key.clone(), value: value.clone() })
                .collect(),
        }),
    }
}

fn severity(alert: &Alert) -> Severity {
    match (alert.status, alert.rule) {
        (AlertStatus::Resolved, _) | (_, AlertRule::Test) => Severity::Info,
        (_, AlertRule::JobFailed | AlertRule::JobTimedOut | AlertRule::ChannelBroken) => Severity::Error,
        (
            _,
            AlertRule::JobTimeoutNear | AlertRule::Memory | AlertRule::Cpu | AlertRule::Disk | AlertRule::Connections,
        ) => Severity::Warning,
    }
}

fn title(alert: &Alert) -> String {
    let what = match alert.rule {
        AlertRule::JobFailed => "A job failed",
        AlertRule::JobTimedOut => "A job took too long",
        AlertRule::JobTimeoutNear => "A job runs long",
        AlertRule::Memory => "Memory is nearly used up",
        AlertRule::Cpu => "The processor is nearly used up",
        AlertRule::Disk => "The disk is nearly full",
        AlertRule::Connections => "The live channel is nearly full",
        AlertRule::ChannelBroken => "A channel takes no alerts",
        AlertRule::Test => "A test alert",
    };
    match alert.status {
        AlertStatus::Firing => what.to_owned(),
        AlertStatus::Resolved => format!("Over: {what}"),
    }
}
