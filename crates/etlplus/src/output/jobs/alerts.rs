//! Alerts, the channels by which they leave, and notices of the live channel.

use chrono::{DateTime, Utc};
use etlplus_api::{
    AlertEntry, AlertStatus, ChannelInfo, ChannelKind, DeliveryInfo, DeliveryState, Severity, SystemNotification,
};

use super::grid::{Cell, cell, known, number, render, styled, text};
use super::time;
use crate::output::printable;
use crate::output::style::{ERROR, FAINT, GOOD, HELP, STRONG, WARN};

/// A line for each alert.
pub(crate) fn alerts(alerts: &[AlertEntry], width: Option<usize>) -> String {
    if alerts.is_empty() {
        return "no such alerts\n".to_owned();
    }
    let columns = [text("time"), text("status"), text("rule"), text("deliveries"), text("message")];
    let cells = |AlertEntry { alert, deliveries, .. }: &AlertEntry| {
        let style = if alert.status == AlertStatus::Firing { ERROR } else { GOOD };
        vec![
            cell(&time(alert.at)),
            styled(alert.status.as_str(), style),
            cell(alert.rule.as_str()),
            known((!deliveries.is_empty()).then(|| deliveries.iter().map(delivery).collect::<Vec<_>>().join(", "))),
            cell(&alert.message),
        ]
    };
    render(&columns, alerts.iter().map(cells).collect(), width)
}

/// `ops delivered`, or `mail waiting (3 tries)`.
fn delivery(delivery: &DeliveryInfo) -> String {
    let DeliveryInfo { channel, state, tries_made, .. } = delivery;
    match (state, tries_made) {
        (DeliveryState::Delivered, _) => format!("{channel} delivered"),
        (DeliveryState::Failed, _) => format!("{channel} failed"),
        (DeliveryState::Waiting, 0) => format!("{channel} waiting"),
        (DeliveryState::Waiting, 1) => format!("{channel} waiting (1 try)"),
        (DeliveryState::Waiting, tries) => format!("{channel} waiting ({tries} tries)"),
    }
}

/// A line for each channel.
pub(crate) fn channels(channels: &[ChannelInfo], width: Option<usize>) -> String {
    if channels.is_empty() {
        return "there are no channels: add one under monitoring.notifications.channels\n".to_owned();
    }
    let columns = [text("name"), text("kind"), text("state"), number("waiting"), text("next try"), text("last error")];
    let cells = |channel: &ChannelInfo| -> Vec<Cell> {
        let kind = match channel.kind {
            ChannelKind::Webhook => "webhook",
            ChannelKind::Email => "email",
            ChannelKind::Log => "log",
        };
        vec![
            cell(&channel.name),
            cell(kind),
            if channel.up { styled("up", GOOD) } else { styled("down", ERROR) },
            known(channel.waiting.map(|waiting| waiting.to_string())),
            known(channel.retry_at.map(time)),
            known(channel.last_error.clone()),
        ]
    };
    render(&columns, channels.iter().map(cells).collect(), width)
}

/// What people should know of, in a line: when, how much it matters, what. What to do about it stands below.
pub(crate) fn notice(notice: &SystemNotification, at: DateTime<Utc>) -> String {
    let (word, style) = match notice.severity {
        Severity::Info => ("INFO", HELP),
        Severity::Warning => ("WARNING", WARN),
        Severity::Error => ("ERROR", ERROR),
    };
    let (at, title, message) = (time(at), printable(&notice.title), printable(&notice.message));
    let remedy = notice.remedy.as_deref().map(|remedy| format!("\n  {HELP}= help:{HELP:#} {}", printable(remedy)));
    let remedy = remedy.unwrap_or_default();
    format!("{FAINT}{at}{FAINT:#} {style}{word}{style:#} {STRONG}{title}{STRONG:#}: {message}{remedy}")
}

#[cfg(test)]
mod tests {
    use etlplus_api::{AlertInfo, AlertRule, NotificationKind};

    use super::super::examples::{at, plain};
    use super::*;

    fn delivery_in(channel: &str, state: DeliveryState, tries_made: u32) -> DeliveryInfo {
        DeliveryInfo {
            channel: channel.to_owned(),
            state,
            due: None,
            at: None,
            reason: None,
            tries: Vec::new(),
            tries_made,
            key: "k".to_owned(),
        }
    }

    fn alert(status: AlertStatus, deliveries: Vec<DeliveryInfo>) -> AlertEntry {
        let alert = AlertInfo {
            rule: AlertRule::JobFailed,
            labels: Default::default(),
            status,
            at: at(0),
            message: "orders \u{1b}[2J failed".to_owned(),
            remedy: "look".to_owned(),
            job_id: None,
            fingerprint: "0".repeat(32),
        };
        AlertEntry { epoch: "e".to_owned(), offset: 7, alert, deliveries }
    }

    #[test]
    fn alerts_are_listed_with_what_became_of_them() {
        let deliveries = vec![
            delivery_in("ops", DeliveryState::Delivered, 1),
            delivery_in("mail", DeliveryState::Waiting, 2),
            delivery_in("old", DeliveryState::Failed, 9),
        ];
        let shown =
            plain(&alerts(&[alert(AlertStatus::Firing, deliveries), alert(AlertStatus::Resolved, vec![])], None));
        let expected = "\
time                  status    rule        deliveries                                message
2026-01-01T00:00:00Z  firing    job_failed  ops delivered, mail waiting (2 tries)...  orders \\u{1b}[2J failed
2026-01-01T00:00:00Z  resolved  job_failed  -                                         orders \\u{1b}[2J failed
";
        assert_eq!(shown, expected);
        assert_eq!(alerts(&[], None), "no such alerts\n");
    }

    #[test]
    fn channels_say_why_they_are_down() {
        let channel = |name: &str, up: bool| ChannelInfo {
            name: name.to_owned(),
            kind: ChannelKind::Webhook,
            up,
            waiting: (!up).then_some(12),
            retry_at: (!up).then(|| at(60)),
            last_error: (!up).then(|| "status 500".to_owned()),
        };
        let expected = "\
name  kind     state  waiting  next try              last error
a     webhook  up           -  -                     -
b     webhook  down        12  2026-01-01T00:01:00Z  status 500
";
        assert_eq!(plain(&channels(&[channel("a", true), channel("b", false)], None)), expected);
    }

    #[test]
    fn a_notice_says_what_to_do() {
        let told = SystemNotification {
            kind: NotificationKind::Alert,
            severity: Severity::Error,
            title: "Job failed".to_owned(),
            message: "orders\nfailed".to_owned(),
            remedy: Some("look".to_owned()),
            alert: None,
            settings: None,
        };
        assert_eq!(
            plain(&notice(&told, at(5))),
            "2026-01-01T00:00:05Z ERROR Job failed: orders\\nfailed\n  = help: look"
        );
    }
}
