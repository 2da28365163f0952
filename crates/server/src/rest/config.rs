//! What can be changed while the server runs. A change holds until the next start.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use etlplus_api::{ConfigView, JobTrackingConfig, MonitoringConfig, WebSocketConfig};
use serde_json::Value;

use crate::app::App;
use crate::body::{self, Fields};
use crate::options::Options;
use crate::problem::Refusal;

/// Keys of the configuration that hold from the start to the end of the server, by their section.
const FIXED: [(&str, &[&str]); 2] =
    [("websocket", &["enabled", "port"]), ("job_tracking", &["progress_update_interval", "timeout_warning_threshold"])];
const NOT_AT_RUN_TIME: &str = "cannot be changed while the server runs";
const LEAVE_OUT: &str = "leave it out";

/// `GET /api/monitor/config`.
pub(super) async fn show(State(app): State<Arc<App>>) -> Json<ConfigView> {
    let options = *app.options.lock().await;
    Json(view(&app, &options))
}

/// `POST /api/monitor/config`: changes what is given, all of it or nothing.
pub(super) async fn change(State(app): State<Arc<App>>, request: Request) -> Result<Json<ConfigView>, Refusal> {
    let mut fields = body::fields(request).await?;
    let mut monitoring = fields.open("monitoring");
    let mut options = app.options.lock().await;
    let mut changed = *options;
    read_websocket(&mut monitoring, &mut changed);
    read_job_tracking(&mut monitoring, &mut changed);
    monitoring.refuse("notifications", NOT_AT_RUN_TIME, LEAVE_OUT);
    for fault in changed.check() {
        monitoring.fault(fault.key, fault.message, fault.remedy);
    }
    fields.close(monitoring);
    fields.finish()?;
    if app.live.configure(changed).await.is_err() {
        tracing::warn!("the live channel is down, so the change holds for the rest");
    }
    *options = changed;
    Ok(Json(view(&app, &changed)))
}

fn read_websocket(monitoring: &mut Fields, options: &mut Options) {
    let mut section = monitoring.open("websocket");
    refuse_fixed(&mut section, "websocket");
    let number = "give a whole number";
    if let Some(max) = section.optional("max_connections", number) {
        options.max_connections = max;
    }
    if let Some(size) = section.optional("message_queue_size", number) {
        options.message_queue_size = size;
    }
    let remedy = "give seconds, or a text such as \"30s\"";
    if let Some(value) = section.optional("heartbeat_interval", remedy) {
        match duration(&value) {
            Some(interval) => options.heartbeat_interval = interval,
            None => section.fault("heartbeat_interval", "is no duration", remedy),
        }
    }
    monitoring.close(section);
}

fn read_job_tracking(monitoring: &mut Fields, options: &mut Options) {
    let mut section = monitoring.open("job_tracking");
    refuse_fixed(&mut section, "job_tracking");
    if let Some(enabled) = section.optional("log_streaming_enabled", "give true or false") {
        options.log_streaming_enabled = enabled;
    }
    if let Some(enabled) = section.optional("metrics_collection_enabled", "give true or false") {
        options.metrics_collection_enabled = enabled;
    }
    monitoring.close(section);
}

fn refuse_fixed(section: &mut Fields, name: &str) {
    let fixed = FIXED.iter().filter(|(section, _)| *section == name).flat_map(|(_, keys)| *keys);
    fixed.for_each(|key| section.refuse(key, NOT_AT_RUN_TIME, LEAVE_OUT));
}

/// A number of seconds, or a text with a unit: `250ms`, `30s`, `5m`, `1h`.
fn duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        Value::String(text) => {
            let unit = text.find(|character: char| character.is_ascii_alphabetic())?;
            let number: f64 = text[..unit].trim().parse().ok()?;
            let seconds = match &text[unit..] {
                "ms" => number / 1000.0,
                "s" => number,
                "m" => number * 60.0,
                "h" => number * 3600.0,
                _ => return None,
            };
            Duration::try_from_secs_f64(seconds).ok()
        }
        _ => None,
    }
}

fn view(app: &App, options: &Options) -> ConfigView {
    ConfigView {
        monitoring: MonitoringConfig {
            websocket: WebSocketConfig {
                enabled: true,
                port: app.port,
                max_connections: options.max_connections as u64,
                heartbeat_interval: options.heartbeat_interval.as_secs_f64(),
                message_queue_size: options.message_queue_size as u64,
            },
            job_tracking: JobTrackingConfig {
                log_streaming_enabled: options.log_streaming_enabled,
                metrics_collection_enabled: options.metrics_collection_enabled,
            },
        },
    }
}
