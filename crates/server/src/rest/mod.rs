//! REST: one file for each resource, and one table of all routes. A route that is not in the table cannot exist, and each
//! has by construction what one must be allowed to do.

mod alerts;
mod config;
mod connections;
mod events;
mod forms;
mod health;
mod if_match;
mod jobs;
mod log_query;
mod log_stream;
mod logs;
mod metrics;
mod metrics_text;
mod monitor;
mod page;
mod pipelines;
mod reject_file;
mod rejects;
mod route;
mod schedules;
mod session;
mod table;
mod tokens;

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::{Router, middleware};
use etlplus_core::access::{Action, TokenId};
use etlplus_core::ids::JobId;
use uuid::Uuid;

pub(crate) use self::route::{Operation, Parameter, Place, Route, SchemaOf};
pub(crate) use self::table::routes;
use crate::access::{Gate, authorize};
use crate::app::App;
use crate::guard::guard;
use crate::problem::Refusal;

/// Every route of the server: its method, its address with the names of the variable parts in braces, and what one must be
/// allowed to do.
pub fn route_table() -> Vec<(Method, &'static str, Action)> {
    routes().into_iter().map(|route| (route.method, route.path, route.action)).collect()
}

/// All routes.
pub(crate) fn router(app: &Arc<App>) -> Router {
    router_of(app, routes())
}

/// The routes of the live channel's own port.
pub(crate) fn live_router(app: &Arc<App>) -> Router {
    router_of(app, routes().into_iter().filter(|route| route.is_on_live_port).collect())
}

fn router_of(app: &Arc<App>, routes: Vec<Route>) -> Router {
    let add = |router: Router<Arc<App>>, route: Route| {
        let (action, starts_work, is_socket) = (route.action, route.starts_work, route.is_socket);
        let gate = Gate { app: app.clone(), action, starts_work, is_socket };
        let path = route.path;
        router.route(path, route.into_handler().route_layer(middleware::from_fn_with_state(gate, authorize)))
    };
    routes
        .into_iter()
        .fold(Router::new(), add)
        .method_not_allowed_fallback(async || {
            let (detail, remedy) = ("this address does not take the method", "use one that Allow names");
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail, remedy)
        })
        .fallback(async || {
            let remedy = "see the documentation for the addresses";
            Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address", remedy)
        })
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app.clone())
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

/// The connection of an address.
pub(crate) struct ConnectionOf(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for ConnectionOf {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let text = segment(parts, state).await;
        text.and_then(|text| text.parse().ok()).map(Self).ok_or_else(Refusal::connection_not_found)
    }
}

/// The token of an address.
pub(crate) struct TokenOf(pub(crate) TokenId);

impl<S: Send + Sync> FromRequestParts<S> for TokenOf {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let text = segment(parts, state).await;
        text.and_then(|text| text.parse().ok()).map(Self).ok_or_else(Refusal::token_not_found)
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
pub(crate) async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<String> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok()?;
    parameters.iter().next().map(|(_, value)| value.to_owned())
}
