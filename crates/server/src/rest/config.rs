//! The settings: shown, and changed while the server runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use etlplus_core::ports::{SettingsError, SettingsVersion, Versioned};

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
    let expected = expected(request.headers())?;
    let change = body::text(request).await?;
    let changed = app.settings.change(change, expected, caller.to_string()).await.map_err(refused)?;
    tracing::info!(version = changed.version.get(), by = %*caller, "settings are changed");
    shown(&changed)
}

fn shown(settings: &Versioned) -> Result<Response, Refusal> {
    let etag = HeaderValue::try_from(format!("\"{}\"", settings.version)).map_err(|_| Refusal::internal())?;
    Ok(([(header::ETAG, etag)], Json(wire::config(settings))).into_response())
}

/// The version that the change is made for (RFC 9110, section 13.1.1); `None` where any will do.
fn expected(headers: &HeaderMap) -> Result<Option<SettingsVersion>, Refusal> {
    let mut given = headers.get_all(header::IF_MATCH).into_iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return if headers.contains_key(header::IF_MATCH) { Err(bad_if_match()) } else { Ok(None) };
    };
    let text = value.to_str().map_err(|_| bad_if_match())?.trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let number = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let version = number.and_then(|number| number.parse().ok()).map(SettingsVersion::from_number);
    version.map(Some).ok_or_else(bad_if_match)
}

fn bad_if_match() -> Refusal {
    let remedy = "give the ETag of /api/monitor/config, such as \"3\" with its quotes, or leave it out";
    Refusal::new(StatusCode::BAD_REQUEST, "bad_if_match", "If-Match is no version of the settings", remedy)
}

fn refused(error: SettingsError) -> Refusal {
    match error {
        SettingsError::Mistakes(mistakes) => Refusal::settings_invalid(mistakes),
        SettingsError::Stale { expected, current } => {
            let detail = format!("the settings are at version {current}, not {expected}");
            let remedy = "read them and change them anew";
            let refusal = Refusal::new(StatusCode::PRECONDITION_FAILED, "stale_settings", detail, remedy);
            match HeaderValue::try_from(format!("\"{current}\"")) {
                Ok(etag) => refusal.with_header(header::ETAG, etag),
                Err(_) => refusal,
            }
        }
        SettingsError::Unavailable(error) => error.into(),
    }
}
