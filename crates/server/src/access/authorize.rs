//! The check that stands before every route.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use etlplus_core::access::{Action, Principal, allows, least_role};

use super::identity::{Identity, removed_cookie};
use crate::app::App;
use crate::problem::Refusal;

/// What a route asks of who comes.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) app: Arc<App>,
    pub(crate) action: Action,
    pub(crate) starts_work: bool,
    /// Whether whoever comes may say who they are once they are a WebSocket.
    pub(crate) is_socket: bool,
}

/// Lets those through who may do what the route does.
pub(crate) async fn authorize(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let identity = request.extensions_mut().remove::<Identity>();
    let principal = match identity {
        Some(Identity::Known(principal)) => principal,
        // Who may do it anyway is not asked: a page with an old cookie must still load, to take another token.
        Some(Identity::Wrong(..)) | None if gate.action == Action::Greet => Principal::Anonymous,
        Some(Identity::Wrong(fault, from_cookie)) => {
            let mut response = fault.refusal().into_response();
            if from_cookie {
                // Cookies know no ports: one of another server on this machine would shut its owner out for good.
                response.headers_mut().insert(header::SET_COOKIE, removed_cookie());
            }
            return response;
        }
        None => return Refusal::internal().into_response(),
    };
    let may_say_later = gate.is_socket && principal == Principal::Anonymous && wants_websocket(&request);
    if !may_say_later && let Err(refusal) = require(&principal, gate.action) {
        return refusal.into_response();
    }
    if gate.starts_work && gate.app.lifecycle.draining.is_cancelled() {
        return Refusal::stopping().into_response();
    }
    request.extensions_mut().insert(Caller(principal));
    next.run(request).await
}

fn wants_websocket(request: &Request) -> bool {
    request.headers().get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Who asks, for a handler.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Principal);

impl Caller {
    /// Refuses what depends on more than the route.
    ///
    /// # Errors
    /// 403 where they may not do `action`.
    pub(crate) fn require(&self, action: Action) -> Result<(), Refusal> {
        require(&self.0, action)
    }
}

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        // Without the check before it, nobody is anybody.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self(Principal::Anonymous)))
    }
}

fn require(principal: &Principal, action: Action) -> Result<(), Refusal> {
    if allows(principal, action) {
        return Ok(());
    }
    let needed = least_role(action).map_or("viewer", |role| role.as_str());
    if principal.role().is_none() {
        let detail = format!("this needs a token with the role {needed}");
        let remedy = "send Authorization: Bearer with a token, or log in on the page";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "not_authenticated", detail, remedy)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"etlplus\"")));
    }
    let has = principal.role().map_or("none", |role| role.as_str());
    let detail = format!("this needs the role {needed}, and {principal} has the role {has}");
    let remedy = format!("use a token with the role {needed}");
    Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", detail, remedy))
}
