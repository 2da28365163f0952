//! How the server itself is: whether it can take requests, and what of it does not work.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use etlplus_api::{ChannelCounts, Health, HealthCheck, HealthStatus, JobCounts, Ready};
use etlplus_core::job::JobStatus;
use etlplus_core::ports::{JobQuery, Snapshot, StoreUnavailable};

use crate::app::App;
use crate::problem::RETRY_AFTER_SECONDS;

/// How long the store may take to answer: who asks for health asks every few seconds, and wants to hear of a store that
/// hangs.
const STORE_WAIT: Duration = Duration::from_secs(2);
const IS_ENDING: &str = "the server is about to end";
const LIVE_IS_DOWN: &str = "the live channel is down";

/// `GET /readyz`.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let mut reasons = Vec::new();
    if app.lifecycle.draining.is_cancelled() {
        reasons.push(IS_ENDING.to_owned());
    }
    if let Err(fault) = in_time(app.history.jobs(newest())).await {
        reasons.push(fault.to_string());
    } else if let Some(fault) = app.history.recording_fault() {
        reasons.push(fault.to_string());
    }
    if app.live.is_down() {
        reasons.push(LIVE_IS_DOWN.to_owned());
    }
    if reasons.is_empty() {
        return Json(Ready { ready: true, reasons }).into_response();
    }
    let retry_after = [(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))];
    (StatusCode::SERVICE_UNAVAILABLE, retry_after, Json(Ready { ready: false, reasons })).into_response()
}

/// The least that shows whether the store can be read.
fn newest() -> JobQuery {
    JobQuery {
        statuses: Vec::new(),
        pipeline: None,
        job_type: None,
        tag: None,
        from: None,
        until: None,
        text: None,
        before: None,
        limit: NonZeroUsize::MIN,
    }
}

/// `GET /api/health`.
pub(super) async fn health(State(app): State<Arc<App>>) -> Json<Health> {
    let snapshot = in_time(app.history.snapshot()).await;
    let channels = app.channels.channels().await;
    let down: Vec<_> = channels.iter().filter(|channel| !channel.is_up).map(|channel| channel.name.as_str()).collect();
    let checks = vec![
        store_check(snapshot.as_ref().err().cloned().or_else(|| app.history.recording_fault())),
        match !app.live.is_down() {
            true => fine("live"),
            false => check("live", HealthStatus::Failing, LIVE_IS_DOWN, "restart the server; REST goes on"),
        },
        match down.is_empty() {
            true => fine("alerts"),
            false => {
                let detail =
                    format!("{} of {} channels take no alerts: {}", down.len(), channels.len(), down.join(", "));
                check("alerts", HealthStatus::Degraded, detail, "see /api/alerts/channels for the reasons")
            }
        },
        match app.lifecycle.draining.is_cancelled() {
            true => check("server", HealthStatus::Degraded, IS_ENDING, "ask the next one"),
            false => fine("server"),
        },
    ];
    let (now, began) = (app.clock.monotonic(), &app.began);
    Json(Health {
        status: checks.iter().map(|check| check.status).max().unwrap_or(HealthStatus::Ok),
        version: app.version.to_owned(),
        started_at: began.wall,
        uptime_seconds: now.saturating_sub(began.monotonic).as_secs(),
        checks,
        jobs: snapshot.ok().map(|snapshot| counts(&snapshot)),
        connections: app.live.connection_count() as u64,
        alert_channels: ChannelCounts { up: (channels.len() - down.len()) as u64, down: down.len() as u64 },
    })
}

fn store_check(fault: Option<StoreUnavailable>) -> HealthCheck {
    match fault {
        None => fine("store"),
        Some(StoreUnavailable { message, remedy }) => check("store", HealthStatus::Failing, message, remedy),
    }
}

fn counts(snapshot: &Snapshot) -> JobCounts {
    let count = |status| snapshot.jobs.iter().filter(|job| job.state.status() == status).count() as u64;
    JobCounts {
        running: count(JobStatus::Running),
        waiting: count(JobStatus::Pending),
        paused: count(JobStatus::Paused),
    }
}

fn fine(name: &str) -> HealthCheck {
    HealthCheck { name: name.to_owned(), status: HealthStatus::Ok, detail: None, remedy: None }
}

fn check(name: &str, status: HealthStatus, detail: impl Into<String>, remedy: impl Into<String>) -> HealthCheck {
    HealthCheck { name: name.to_owned(), status, detail: Some(detail.into()), remedy: Some(remedy.into()) }
}

/// What the store answers, where it does in time.
async fn in_time<T>(asked: impl Future<Output = Result<T, StoreUnavailable>>) -> Result<T, StoreUnavailable> {
    tokio::time::timeout(STORE_WAIT, asked).await.unwrap_or_else(|_| {
        let message = format!("the store gave no answer within {} s", STORE_WAIT.as_secs());
        Err(StoreUnavailable { message, remedy: "look at its disk, and at what else uses it".to_owned() })
    })
}
