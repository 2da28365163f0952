//! What holds for every request and every response: no foreign host, no foreign origin, no token in an address, not too
//! many in a second; headers that keep a browser in its place; an id, a trace and a measurement.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Uuid;

use crate::access::{Client, Identity, identify, refuse_token_in_url, use_ticket};
use crate::app::App;
use crate::peer::Peer;
use crate::places;
use crate::problem::Refusal;

/// The page runs its own script and style and talks to this server, and to nothing else.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The page uses none of these, so nothing that got into it may.
const PERMISSIONS_POLICY: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()");
/// Names a request, here and wherever it was passed on.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a request's id that somebody else chose.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Guards a request, and dresses its response.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<Peer>().cloned();
    let (mut parts, body) = request.into_parts();
    let identity = identify_own(&app, &parts, peer.as_ref());
    let principal = match &identity {
        Ok(Identity::Known(principal)) => principal.to_string(),
        Ok(Identity::Wrong(..)) | Err(_) => "anonymous".to_owned(),
    };
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, path, principal);
    let mut response = match identity {
        Ok(identity) => {
            parts.extensions.insert(identity);
            next.run(Request::from_parts(parts, body)).instrument(span.clone()).await
        }
        Err(refusal) => refusal.into_response(),
    };
    let status = response.status().as_u16();
    let remote = peer.map(|peer| peer.remote.to_string());
    span.in_scope(|| tracing::debug!(status, milliseconds = began.elapsed().as_millis(), remote, "answered"));
    measure(&method, route, status, began.elapsed());
    response.headers_mut().insert(REQUEST_ID, id);
    dress(response.headers_mut());
    response
}

fn measure(method: &Method, route: String, status: u16, took: Duration) {
    // A method is whatever a client writes there.
    let method = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    let labels = [("method", method.to_owned()), ("route", route.clone()), ("status", status.to_string())];
    metrics::counter!("etlplus_http_requests_total", &labels).increment(1);
    metrics::histogram!("etlplus_http_request_seconds", "route" => route).record(took);
}

/// The id that a request came with, where it is a short plain word; else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_fit = |value: &&HeaderValue| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&value.len()) && value.as_bytes().iter().all(is_plain)
    };
    let given = headers.get(REQUEST_ID).filter(is_fit).cloned();
    given.unwrap_or_else(|| {
        HeaderValue::try_from(Uuid::now_v7().to_string()).expect("a UUID has only letters, digits and hyphens")
    })
}

fn dress(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let same_origin = HeaderValue::from_static("same-origin");
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), same_origin);
    // What is told is true for the moment, the page itself for a version.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Who asks, where the request may be looked at at all.
fn identify_own(app: &App, request: &Parts, peer: Option<&Peer>) -> Result<Identity, Refusal> {
    let settings = app.settings();
    let server = &settings.values.server;
    check(request, peer, &server.allowed_hosts)?;
    refuse_token_in_url(&request.uri)?;
    let identity = identify(app, request);
    let is_counted = !places::is_vital(&request.method, request.uri.path());
    if let Some(peer) = peer.filter(|_| is_counted) {
        let client = Client::of(identity.principal(), peer.remote.ip());
        app.rate.check(client, server.requests_per_second).map_err(|wait| {
            let detail = format!("more than {} requests in a second come from here", server.requests_per_second);
            Refusal::too_fast("rate_limited", detail, "send fewer, or raise server.requests_per_second", wait)
        })?;
    }
    // Not before: whoever has to wait comes again with the same ticket.
    Ok(use_ticket(app, request, identity))
}

/// Refuses what a foreign page makes a browser send: it reaches this machine under the page's own name (DNS rebinding),
/// or comes with the page's origin.
fn check(request: &Parts, peer: Option<&Peer>, allowed: &[String]) -> Result<(), Refusal> {
    let host = host(request);
    let local = peer.map(|peer| peer.local);
    let is_own = |host: &Authority| is_own_name(host.host(), local) || is_allowed(host.host(), allowed);
    let Some(host) = host.filter(is_own) else {
        let detail = "the request is for another host";
        let remedy = "use localhost, the address at which the server listens, or a name of server.allowed_hosts";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "foreign_host", detail, remedy));
    };
    match request.headers.get(header::ORIGIN) {
        Some(origin) if !is_same_origin(origin, &host) => {
            let detail = "the request comes from a page of another origin";
            let remedy = "open the server's own page";
            Err(Refusal::new(StatusCode::FORBIDDEN, "foreign_origin", detail, remedy))
        }
        _ => Ok(()),
    }
}

/// The host that a request is for.
fn host(request: &Parts) -> Option<Authority> {
    if let Some(authority) = request.uri.authority() {
        return Some(authority.clone());
    }
    let mut hosts = request.headers.get_all(header::HOST).into_iter();
    let host = hosts.next()?;
    // Two of them could be read differently by a proxy.
    if hosts.next().is_some() { None } else { Authority::try_from(host.as_bytes()).ok() }
}

/// Whether a host's name means this machine, whoever resolves it.
fn is_own_name(host: &str, local: Option<IpAddr>) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| {
        let address = address.to_canonical();
        address.is_loopback() || local.is_some_and(|local| local.to_canonical() == address)
    })
}

/// Whether a host's name is one that the settings add, where the server is known by a name of its own.
fn is_allowed(host: &str, allowed: &[String]) -> bool {
    let host = host.trim_end_matches('.');
    allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
}

fn is_same_origin(origin: &HeaderValue, host: &Authority) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let (scheme, rest) = origin.split_once("://").unwrap_or(("", origin));
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let Ok(authority) = Authority::try_from(rest) else { return false };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port);
    authority.host().eq_ignore_ascii_case(host.host()) && port(&authority) == port(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        let local = Some(IpAddr::from([192, 0, 2, 7]));
        for own in
            ["localhost", "LOCALHOST", "localhost.", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "192.0.2.7"]
        {
            assert!(is_own_name(own, local), "{own}");
        }
        for foreign in ["example.com", "localhost.example.com", "192.0.2.8", "evil-localhost", "", "127.0.0.1.nip.io"] {
            assert!(!is_own_name(foreign, local), "{foreign}");
        }
    }

    #[test]
    fn an_origin_is_the_same_by_host_and_port() {
        let host = |text| Authority::from_static(text);
        for (origin, of, is_same) in [
            ("http://localhost:8080", "localhost:8080", true),
            ("http://LOCALHOST:8080", "localhost:8080", true),
            ("http://localhost", "localhost:80", true),
            ("https://localhost", "localhost", true),
            ("http://localhost:3000", "localhost:8080", false),
            ("http://example.com:8080", "localhost:8080", false),
            ("null", "localhost:8080", false),
            ("file://", "localhost:8080", false),
        ] {
            assert_eq!(is_same_origin(&HeaderValue::from_static(origin), &host(of)), is_same, "{origin} at {of}");
        }
    }
}
