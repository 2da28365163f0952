//! The settings: shown, and changed while the server runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use etlplus_core::ports::{SettingsError, SettingsVersion, Versioned};

use super::if_match;
use crate::access::Caller;
use crate::app::App;
use crate::body;
use crate::problem::Refusal;
use crate::wire;

/// `GET /api/monitor/config`.
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    shown(&app.settings())
}

/// `POST /api/monitor/config`: changes what is given, all of it or nothing.
pub(super) async fn change(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Result<Response, Refusal> {
    let versions = if_match::versions(request.headers())?;
    let change = body::text(request).await?;
    let expected = versions.map(|versions| expected(&app, &versions)).transpose()?;
    let changed = app.settings.change(change, expected, caller.to_string()).await.map_err(refused)?;
    tracing::info!(version = changed.version.get(), by = %*caller, "settings are changed");
    shown(&changed)
}

fn shown(settings: &Versioned) -> Result<Response, Refusal> {
    let etag = HeaderValue::try_from(format!("\"{}\"", settings.version)).map_err(|_| Refusal::internal())?;
    Ok(([(header::ETAG, etag)], Json(wire::config(settings))).into_response())
}

/// One of the versions that the change is made for: the one that holds, where it is among them.
fn expected(app: &App, versions: &[SettingsVersion]) -> Result<SettingsVersion, Refusal> {
    let current = app.settings().version;
    let found = versions.iter().find(|version| **version == current).or(versions.first());
    found
        .copied()
        .ok_or_else(|| stale(format!("the settings are at version {current}, which is not asked for"), current))
}

fn refused(error: SettingsError) -> Refusal {
    match error {
        SettingsError::Mistakes(mistakes) => Refusal::settings_invalid(mistakes),
        SettingsError::Stale { expected, current } => {
            stale(format!("the settings are at version {current}, not {expected}"), current)
        }
        SettingsError::Unavailable(error) => error.into(),
    }
}

fn stale(detail: String, current: SettingsVersion) -> Refusal {
    let remedy = "read them and change them anew";
    let refusal = Refusal::new(StatusCode::PRECONDITION_FAILED, "stale_settings", detail, remedy);
    match HeaderValue::try_from(format!("\"{current}\"")) {
        Ok(etag) => refusal.with_header(header::ETAG, etag),
        Err(_) => refusal,
    }
}
