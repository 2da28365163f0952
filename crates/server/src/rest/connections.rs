//! Who watches, and what becomes of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use etlplus_api::{ConnectionList, ConnectionMessage, NotificationKind, ServerMessage, Severity, SystemNotification};
use serde_json::Value;

use super::ConnectionOf;
use crate::access::Caller;
use crate::app::App;
use crate::body;
use crate::live::{Down, Filter};
use crate::problem::{Refusal, item};

/// `GET /api/monitor/connections`.
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<ConnectionList>, Refusal> {
    let connections = app.live.connections().await.map_err(|Down| Refusal::live_down())?;
    Ok(Json(ConnectionList { connections, max_connections: app.live.max_connections() as u64 }))
}

/// `PUT /api/monitor/connections/{id}/filters`.
pub(super) async fn set_filters(
    State(app): State<Arc<App>>,
    ConnectionOf(id): ConnectionOf,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let mut fields = body::fields(request).await?;
    let filters: Option<Value> = fields.required("filters", "give a list of clauses; an empty one shows everything");
    fields.finish()?;
    let filter = Filter::read(&filters.unwrap_or_default())
        .map_err(|fault| Refusal::unfit(vec![item(fault.key, fault.message, fault.remedy)]))?;
    found(app.live.give_filter(id, filter).await)
}

/// `POST /api/monitor/connections/{id}/messages`.
pub(super) async fn send(
    State(app): State<Arc<App>>,
    ConnectionOf(id): ConnectionOf,
    caller: Caller,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let mut fields = body::fields(request).await?;
    let mut text = |key, chars_max| {
        let remedy = format!("give 1 to {chars_max} characters");
        let text: String = fields.required(key, &remedy).unwrap_or_default();
        if text.chars().count() > chars_max || text.trim().is_empty() {
            fields.fault_once(key, "is empty or too long", remedy);
        }
        text
    };
    let title = text("title", ConnectionMessage::TITLE_CHARS_MAX);
    let message = text("message", ConnectionMessage::MESSAGE_CHARS_MAX);
    let severity = fields.optional("severity", "give INFO, WARNING or ERROR").unwrap_or(Severity::Info);
    fields.finish()?;
    tracing::info!(connection = %id, by = %*caller, title, "a connection is told something");
    let notification = SystemNotification {
        kind: NotificationKind::Message,
        severity,
        title,
        message,
        remedy: None,
        alert: None,
        settings: None,
    };
    found(app.live.tell(id, ServerMessage::SystemNotification(notification)).await)
}

/// `DELETE /api/monitor/connections/{id}`.
pub(super) async fn close(
    State(app): State<Arc<App>>,
    ConnectionOf(id): ConnectionOf,
    caller: Caller,
    request: Request,
) -> Result<StatusCode, Refusal> {
    body::nothing(request).await?;
    tracing::info!(connection = %id, by = %*caller, "a connection is closed");
    found(app.live.kick(id).await)
}

fn found(answer: Result<bool, Down>) -> Result<StatusCode, Refusal> {
    match answer {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(Refusal::connection_not_found()),
        Err(Down) => Err(Refusal::live_down()),
    }
}
