//! The settings, as they are shown.

use std::collections::BTreeMap;
use std::time::Duration;

use etlplus_api as api;
use etlplus_api::NumberOrText;
use etlplus_core::duration;
use etlplus_core::ports::Versioned;
use etlplus_core::settings::{
    Applies, Entry, JobSettings, JobTrackingSettings, Keep, LogFormat, LogSettings, NotificationSettings, Origin,
    RetentionSettings, ServerSettings, WebSocketSettings,
};
use serde_json::Value;

/// Says "nothing" in a settings file.
const NONE: &str = "none";
/// Says "as fits the machine" in a settings file.
const AUTO: &str = "auto";
/// Where channels stand among the entries: each has one of its own, under its name.
const CHANNELS: &str = "monitoring.notifications.channels.";

/// What holds, in the words of a settings file, so that it can be sent back; and where each value comes from.
pub(crate) fn config(settings: &Versioned) -> api::ConfigView {
    let values = &settings.values;
    let monitoring = &values.monitoring;
    let pending = settings.entries.iter().filter(|entry| entry.pending_restart);
    api::ConfigView {
        version: settings.version.get(),
        monitoring: api::MonitoringConfig {
            websocket: websocket(&monitoring.websocket),
            job_tracking: job_tracking(&monitoring.job_tracking),
            notifications: notifications(&monitoring.notifications, &settings.entries),
        },
        server: server(&values.server),
        access: api::AccessConfig { required: values.access_required() },
        jobs: jobs(&values.jobs),
        retention: retention(&values.retention),
        log: log(&values.log),
        origins: settings.entries.iter().map(entry).collect(),
        pending_restart: pending.map(|entry| entry.key.clone()).collect(),
    }
}

fn websocket(settings: &WebSocketSettings) -> api::WebSocketConfig {
    api::WebSocketConfig {
        enabled: settings.enabled,
        port: number_or(settings.port.map(u64::from), NONE),
        max_connections: settings.max_connections as u64,
        heartbeat_interval: seconds(settings.heartbeat_interval),
        message_queue_size: settings.message_queue_size as u64,
    }
}

fn job_tracking(settings: &JobTrackingSettings) -> api::JobTrackingConfig {
    api::JobTrackingConfig {
        progress_update_interval: seconds(settings.progress_update_interval),
        log_streaming_enabled: settings.log_streaming_enabled,
        metrics_collection_enabled: settings.metrics_collection_enabled,
        timeout_warning_threshold: seconds(settings.timeout_warning_threshold),
    }
}

fn notifications(settings: &NotificationSettings, entries: &[Entry]) -> api::NotificationsConfig {
    api::NotificationsConfig {
        enabled: settings.enabled,
        job_failure_alerts: settings.job_failure_alerts,
        timeout_warnings: settings.timeout_warnings,
        resource_alerts: settings.resource_alerts,
        channel_alerts: settings.channel_alerts,
        retry_attempts: settings.retry_attempts,
        retry_delay: super::metrics::milliseconds(settings.retry_delay),
        memory_threshold: settings.memory_threshold,
        cpu_threshold: settings.cpu_threshold,
        disk_threshold: settings.disk_threshold,
        connections_threshold: settings.connections_threshold,
        allowed_private_hosts: settings.allowed_private_hosts.clone(),
        channels: channels(entries),
    }
}

fn channels(entries: &[Entry]) -> BTreeMap<String, Value> {
    let channel = |entry: &Entry| Some((entry.key.strip_prefix(CHANNELS)?.to_owned(), entry.value.clone()));
    entries.iter().filter_map(channel).collect()
}

fn server(settings: &ServerSettings) -> api::ServerConfig {
    api::ServerConfig {
        listen: settings.listen.to_string(),
        data: settings.data.display().to_string(),
        allowed_hosts: settings.allowed_hosts.clone(),
        requests_per_second: settings.requests_per_second,
    }
}

fn jobs(settings: &JobSettings) -> api::JobsConfig {
    api::JobsConfig {
        max_concurrent_jobs: number_or(settings.max_concurrent_jobs.map(|count| count as u64), AUTO),
        max_queued_jobs: settings.max_queued_jobs as u64,
        timeout: duration_or_none(settings.timeout),
        log_max_bytes: settings.log_max_bytes,
    }
}

fn retention(settings: &RetentionSettings) -> api::RetentionConfig {
    let keep = |keep: Keep| api::KeepConfig {
        max_age: duration_or_none(keep.max_age),
        max_count: number_or(keep.max_count, NONE),
    };
    api::RetentionConfig {
        jobs: keep(settings.jobs),
        logs: keep(settings.logs),
        samples: keep(settings.samples),
        rejects: keep(settings.rejects),
        rejects_max_bytes: settings.rejects_max_bytes,
        logs_max_bytes: settings.logs_max_bytes,
        logs_max_bytes_per_job: settings.logs_max_bytes_per_job,
    }
}

fn log(settings: &LogSettings) -> api::LogConfig {
    let format = match settings.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let file = settings.file.as_ref().map_or_else(|| NONE.to_owned(), |file| file.display().to_string());
    let (level, keep_files) = (settings.level.clone(), settings.keep_files as u64);
    api::LogConfig { level, format: format.to_owned(), file, keep_files }
}

fn entry(entry: &Entry) -> api::ConfigEntry {
    let origin = match &entry.origin {
        Origin::Default => api::ConfigOrigin::Default,
        Origin::File { path } => api::ConfigOrigin::File { path: path.display().to_string() },
        Origin::Environment { variable } => api::ConfigOrigin::Environment { variable: variable.clone() },
        Origin::Flag => api::ConfigOrigin::Flag,
        Origin::Changed => api::ConfigOrigin::Changed,
    };
    let applies = match entry.applies {
        Applies::Live => api::Applies::Live,
        Applies::NextStart => api::Applies::NextStart,
    };
    api::ConfigEntry {
        key: entry.key.clone(),
        value: entry.value.clone(),
        default: entry.default.clone(),
        origin,
        applies,
        pending_restart: entry.pending_restart,
    }
}

fn number_or(number: Option<u64>, word: &str) -> NumberOrText {
    number.map_or_else(|| NumberOrText::Text(word.to_owned()), NumberOrText::Number)
}

fn duration_or_none(time: Option<Duration>) -> String {
    time.map_or_else(|| NONE.to_owned(), duration::show)
}

/// Seconds as a number where they are whole.
fn seconds(time: Duration) -> NumberOrText {
    match time.subsec_nanos() {
        0 => NumberOrText::Number(time.as_secs()),
        _ => NumberOrText::Text(duration::show(time)),
    }
}
