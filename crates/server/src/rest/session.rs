//! Logging in on the page, tickets for its sockets, and who one is.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::TimeDelta;
use etlplus_api::{Me, PrincipalKind, Ticket};
use etlplus_core::access::{Principal, Role};

use crate::access::{Caller, Client, TICKET_LASTS, cookie_of, removed_cookie};
use crate::app::App;
use crate::body;
use crate::peer::Peer;
use crate::problem::Refusal;
use crate::wire;

/// `POST /api/login`.
pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Refusal> {
    let mut fields = body::fields(request).await?;
    let token: String = fields.required("token", "give a token's text").unwrap_or_default();
    fields.finish()?;
    // Whoever has a token comes in, whatever others do who have the same address, such as that of a proxy.
    let record = app.book.find(&token).map_err(|fault| {
        match app.attempts.failed(Client::of(None, peer.remote.ip()), app.clock.monotonic()) {
            Ok(()) => fault.refusal(),
            Err(wait) => {
                let detail = "too many logins from here have failed";
                Refusal::too_fast("too_many_logins", detail, "look for the token", wait)
            }
        }
    })?;
    tracing::info!(token = record.name, "somebody logs in");
    let principal = Principal::Token { id: record.id, name: record.name, role: record.role };
    let mut response = Json(of(&app, &principal)?).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie_of(&token));
    Ok(response)
}

/// `POST /api/logout`. The token stays what it is.
pub(super) async fn logout(request: Request) -> Result<Response, Refusal> {
    body::nothing(request).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, removed_cookie())]).into_response())
}

/// `GET /api/me`.
pub(super) async fn me(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Me>, Refusal> {
    of(&app, &caller).map(Json)
}

/// `POST /api/tickets`.
pub(super) async fn ticket(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<(StatusCode, Json<Ticket>), Refusal> {
    body::nothing(request).await?;
    let ticket = app.tickets.issue(caller.0, app.clock.monotonic()).ok_or_else(|| {
        let detail = "too many tickets wait to be used";
        Refusal::unavailable("too_many_tickets", detail, "ask right before you use one")
    })?;
    let lasts = TimeDelta::from_std(TICKET_LASTS).map_err(|_| Refusal::internal())?;
    Ok((StatusCode::CREATED, Json(Ticket { ticket, expires_at: app.clock.now() + lasts })))
}

fn of(app: &App, principal: &Principal) -> Result<Me, Refusal> {
    let (kind, name) = match principal {
        Principal::Token { name, .. } => (PrincipalKind::Token, name.clone()),
        Principal::Local | Principal::Anonymous => (PrincipalKind::Local, principal.to_string()),
    };
    // The route lets nobody through who is nobody.
    let role: Role = principal.role().ok_or_else(Refusal::internal)?;
    let token = principal.token();
    let expires_at = token.and_then(|id| app.book.record(id)).and_then(|record| record.expires_at);
    Ok(Me { kind, name, role: wire::role(role), token_id: token.map(|id| id.to_string()), expires_at })
}
