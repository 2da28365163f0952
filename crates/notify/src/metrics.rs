//! What is counted of deliveries.

use metrics::{counter, describe_counter, describe_gauge, gauge};

const DELIVERED: &str = "etlplus_alerts_delivered_total";
const FAILED: &str = "etlplus_alert_delivery_failures_total";
const WAITING: &str = "etlplus_alert_deliveries_waiting";
const OPEN: &str = "etlplus_alert_channel_open";

pub(crate) fn describe() {
    describe_counter!(DELIVERED, "Alerts that a channel took.");
    describe_counter!(FAILED, "Tries to send an alert that failed, and alerts that were given up.");
    describe_gauge!(WAITING, "Alerts that wait for a channel.");
    describe_gauge!(OPEN, "1 while a channel is taken to be broken and left alone, 0 while it works.");
}

pub(crate) fn delivered(channel: &str) {
    counter!(DELIVERED, "channel" => channel.to_owned()).increment(1);
}

pub(crate) fn failed(channel: &str) {
    counter!(FAILED, "channel" => channel.to_owned()).increment(1);
}

/// How a channel is; `waiting` is `None` where the store cannot tell.
pub(crate) fn channel(channel: &str, is_up: bool, waiting: Option<u64>) {
    gauge!(OPEN, "channel" => channel.to_owned()).set(if is_up { 0.0 } else { 1.0 });
    if let Some(waiting) = waiting {
        gauge!(WAITING, "channel" => channel.to_owned()).set(waiting as f64);
    }
}
