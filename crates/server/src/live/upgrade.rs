//! From a request of HTTP to a WebSocket (RFC 6455, section 4).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use etlplus_api::SUBPROTOCOL;
use etlplus_core::access::Principal;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::server::create_response_with_body;

use super::bounds::UNAUTHENTICATED_MAX;
use super::connection::Connection;
use super::slots::Slot;
use super::websocket::{self, Begin};
use crate::access::Caller;
use crate::app::App;
use crate::peer::Peer;
use crate::problem::{Refusal, item};
use crate::query::pairs;
use crate::transport::Transport;

/// `GET /ws` and `GET /api/ws`.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut request: Request,
) -> Result<Response, Refusal> {
    if !app.settings().values.monitoring.websocket.enabled {
        return Err(Refusal::websocket_disabled());
    }
    let mut response = create_response_with_body(&request, Body::empty).map_err(refused)?;
    if offers_subprotocol(request.headers()) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    if app.live.is_down() {
        return Err(Refusal::live_down());
    }
    let begin = begin(&app, &caller.0, &request)?;
    let slot = app.live.slot()?;
    let Some(peer) = request.extensions().get::<Peer>().cloned() else { return Err(Refusal::internal()) };
    let upgraded = hyper::upgrade::on(&mut request);
    app.tasks.spawn(serve(app.clone(), begin, (caller.0, peer, slot), upgraded));
    Ok(response)
}

/// How the client begins, by who it is and what its address says.
fn begin(app: &App, principal: &Principal, request: &Request) -> Result<Begin, Refusal> {
    let mut parameters = pairs(request.uri())?.into_iter();
    let will_subscribe = match parameters.find(|(name, _)| name == "start") {
        None => false,
        Some((_, value)) if value == "subscribe" => true,
        Some(_) => {
            let remedy = "give subscribe, or leave it out for a snapshot and all that follows";
            return Err(Refusal::bad_parameters(vec![item("start", "is not subscribe", remedy)]));
        }
    };
    let wait = || {
        app.unauthenticated.take(UNAUTHENTICATED_MAX).ok_or_else(|| {
            let detail = format!("{UNAUTHENTICATED_MAX} connections wait to say who they are");
            Refusal::unavailable("too_many_connections", detail, "send Authorization: Bearer with a token, or wait")
        })
    };
    let unauthenticated = if *principal == Principal::Anonymous { Some(wait()?) } else { None };
    Ok(Begin { unauthenticated, will_subscribe })
}

async fn serve(app: Arc<App>, begin: Begin, (principal, peer, slot): (Principal, Peer, Slot), upgraded: OnUpgrade) {
    let upgraded = match upgraded.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "the client went away before it was a WebSocket"),
    };
    let Some((transport, begun)) = parts(upgraded) else {
        return tracing::error!("an upgraded connection is no socket of ours");
    };
    let remote = peer.remote;
    drop(peer);
    let socket = transport.into_inner();
    let connection = Arc::new(Connection::new(principal, remote, app.live.now(), Some(socket), slot));
    websocket::run(app, connection, begin, begun).await;
}

fn parts(upgraded: Upgraded) -> Option<(Transport, bytes::Bytes)> {
    let parts = upgraded.downcast::<TokioIo<Transport>>().ok()?;
    // Empty bytes can still hold the buffer of the request.
    let begun = if parts.read_buf.is_empty() { bytes::Bytes::new() } else { parts.read_buf };
    Some((parts.io.into_inner(), begun))
}

fn offers_subprotocol(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    offers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|name| name.trim() == SUBPROTOCOL)
}

/// What is missing for an upgrade.
fn refused(error: Error) -> Refusal {
    let remedy = "open it as a WebSocket, or read /api/events";
    let Error::Protocol(error) = error else { return Refusal::internal() };
    let detail = format!("this is no handshake of a WebSocket: {error}");
    match error {
        ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader => {
            Refusal::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail, remedy)
                .with_header(header::UPGRADE, HeaderValue::from_static("websocket"))
        }
        ProtocolError::MissingSecWebSocketVersionHeader => {
            Refusal::new(StatusCode::UPGRADE_REQUIRED, "bad_websocket_version", detail, "use version 13")
                .with_header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
        }
        _ => Refusal::new(StatusCode::BAD_REQUEST, "bad_handshake", detail, remedy),
    }
}
