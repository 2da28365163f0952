//! REST: one file for each resource.

mod config;
mod connections;
mod jobs;
mod log_stream;
mod logs;
mod metrics;
mod monitor;
mod page;
mod pipelines;
mod reject_file;
mod rejects;

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{get, post};
use axum::{Router, middleware};
use etlplus_core::ids::JobId;

use crate::app::App;
use crate::guard::guard;
use crate::live;
use crate::problem::Refusal;

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/ws", get(live::upgrade))
        .route("/api/ws", get(live::upgrade))
        .route("/api/events", get(live::events))
        .route("/api/jobs", post(jobs::submit))
        .route("/api/jobs/{id}/status", get(jobs::status))
        .route("/api/jobs/{id}/cancel", post(jobs::cancel))
        .route("/api/jobs/{id}/logs", get(logs::logs))
        .route("/api/jobs/{id}/metrics", get(metrics::metrics))
        .route("/api/jobs/{id}/rejects", get(rejects::rejects))
        .route("/api/monitor/jobs", get(monitor::jobs))
        .route("/api/monitor/connections", get(connections::connections))
        .route("/api/monitor/config", get(config::show).post(config::change))
        .route("/api/pipelines", get(pipelines::list))
        .route("/api/pipelines/validate", post(pipelines::validate))
        .route("/api/pipelines/preview", post(pipelines::preview))
        .route("/api/pipelines/{name}", get(pipelines::show).put(pipelines::put))
        .route("/livez", get(async || "ok"))
        .route("/", get(page::index))
        .route("/app.js", get(page::script))
        .route("/style.css", get(page::style))
        .method_not_allowed_fallback(async || {
            let (detail, remedy) = ("this address does not take the method", "use one that Allow names");
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail, remedy)
        })
        .fallback(async || {
            let remedy = "see the documentation for the addresses";
            Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address", remedy)
        })
        .layer(middleware::from_fn(guard))
        .with_state(app)
}

/// The job of an address. What is no id is the id of no job.
pub(crate) struct JobOf(pub(crate) JobId);

impl<S: Send + Sync> FromRequestParts<S> for JobOf {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let text = segment(parts, state).await;
        text.and_then(|text| text.parse().ok()).map(Self).ok_or_else(Refusal::job_not_found)
    }
}

/// The pipeline's name of an address.
pub(crate) struct PipelineOf(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PipelineOf {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        segment(parts, state).await.map(Self).ok_or_else(Refusal::pipeline_not_found)
    }
}

/// The one named part of an address; `None` where its bytes are no text.
async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<String> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok()?;
    parameters.iter().next().map(|(_, value)| value.to_owned())
}
