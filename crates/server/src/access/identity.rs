//! Who asks, by what a request brings along.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use cookie::Cookie;
use etlplus_core::access::Principal;

use super::book::TokenFault;
use crate::app::App;
use crate::problem::Refusal;
use crate::query::pairs;

/// The cookie that holds the page's token.
pub(crate) const COOKIE: &str = "etlplus_token";
/// Where a ticket is taken, in the parameter `ticket`.
const TICKET_PATHS: [&str; 3] = ["/ws", "/api/ws", "/api/events"];
/// Parameters in which people put tokens, which addresses are no place for.
const TOKEN_PARAMETERS: [&str; 2] = ["token", "access_token"];

/// What is known of who asks.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// Somebody who may be nobody.
    Known(Principal),
    /// Somebody who says who they are, and is not; and whether a cookie said so.
    Wrong(TokenFault, bool),
}

impl Identity {
    /// Whom the request counts for.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Known(principal) => Some(principal),
            Self::Wrong(..) => None,
        }
    }
}

/// The header that sets the cookie. No script can read it, no foreign page can send it, and it lasts as long as the browser
/// runs. It has no `Secure`: the server speaks plain HTTP, and a proxy before it that speaks TLS is not seen from here.
pub(crate) fn cookie_of(token: &str) -> HeaderValue {
    set_cookie(format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"))
}

/// The header that takes the cookie away.
pub(crate) fn removed_cookie() -> HeaderValue {
    set_cookie(format!("{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"))
}

fn set_cookie(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).expect("a token that was found has only letters of base64url");
    value.set_sensitive(true);
    value
}

/// Refuses an address that holds a token: addresses are kept in histories and logs.
pub(crate) fn refuse_token_in_url(uri: &Uri) -> Result<(), Refusal> {
    let named = uri.query().is_some() && parameter(uri, |name| TOKEN_PARAMETERS.contains(&name)).is_some();
    if !named {
        return Ok(());
    }
    let detail = "a token does not belong into an address, which is kept in histories and logs";
    let remedy =
        "send it as Authorization: Bearer, revoke this one, and open the live channel in a browser with a ticket";
    Err(Refusal::new(StatusCode::BAD_REQUEST, "token_in_url", detail, remedy))
}

/// Who asks: by the header, else by the cookie, else by a ticket, else by the settings. Whatever is given must be right.
/// A ticket is looked at and not used: see [`use_ticket`].
pub(crate) fn identify(app: &App, request: &Parts) -> Identity {
    let from_cookie = request.headers.get(header::AUTHORIZATION).is_none();
    let claimed = match bearer(&request.headers) {
        None => cookie(&request.headers),
        given => given,
    };
    let principal = match claimed.map(|text| text.and_then(|text| app.book.find(text))) {
        None => None,
        Some(Err(fault)) => return Identity::Wrong(fault, from_cookie),
        Some(Ok(record)) => Some(Principal::Token { id: record.id, name: record.name, role: record.role }),
    };
    match (principal, ticket(&request.uri)) {
        (Some(principal), None) => Identity::Known(principal),
        (None, None) if app.settings.current().values.access_required() => Identity::Known(Principal::Anonymous),
        (None, None) => Identity::Known(Principal::Local),
        (principal, Some(ticket)) => match app.tickets.owner(&ticket, app.clock.monotonic()) {
            // A ticket of somebody else than the one who brings it was stolen, or mixed up.
            Some(owner) if principal.is_none_or(|principal| principal == owner) => match app.book.check(&owner) {
                Ok(()) => Identity::Known(owner),
                Err(fault) => Identity::Wrong(fault, false),
            },
            _ => Identity::Wrong(TokenFault::Ticket, false),
        },
    }
}

/// Uses the ticket of a request up, where there is one, and gives who asks then.
pub(crate) fn use_ticket(app: &App, request: &Parts, identity: Identity) -> Identity {
    let Some(ticket) = ticket(&request.uri) else { return identity };
    match (app.tickets.take(&ticket, app.clock.monotonic()), identity) {
        // Another request has used it since it was looked at.
        (None, Identity::Known(_)) => Identity::Wrong(TokenFault::Ticket, false),
        (_, identity) => identity,
    }
}

/// The ticket of an address at which one is taken.
fn ticket(uri: &Uri) -> Option<String> {
    if TICKET_PATHS.contains(&uri.path()) { parameter(uri, |name| name == "ticket") } else { None }
}

/// The token of the header `Authorization`; `None` where there is no such header.
fn bearer(headers: &HeaderMap) -> Option<Result<&str, TokenFault>> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let value = values.next()?;
    let text = || {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        // Of two headers nobody can say which one a proxy has looked at.
        let is_one = values.next().is_none();
        (is_one && scheme.eq_ignore_ascii_case("bearer")).then_some(token.trim())
    };
    Some({ text }().ok_or(TokenFault::Unreadable))
}

/// The token of the cookie; `None` where there is no such cookie.
fn cookie(headers: &HeaderMap) -> Option<Result<&str, TokenFault>> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).flatten().filter(|cookie| cookie.name() == COOKIE);
    let first = cookies.next()?;
    Some(first.value_raw().filter(|text| !text.is_empty()).ok_or(TokenFault::Unknown))
}

/// The value of the first parameter whose name `is_wanted`. What cannot be read has none; its handler says so.
fn parameter(uri: &Uri, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
    uri.query()?;
    let pairs = pairs(uri).ok()?;
    pairs.into_iter().find(|(name, _)| is_wanted(name)).map(|(_, value)| value)
}
