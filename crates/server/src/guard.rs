//! What holds for every request and every response: no foreign host, no foreign origin, headers that keep a browser in
//! its place, and a trace.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::peer::Peer;
use crate::problem::Refusal;

/// The page runs its own script and style and talks to this server, and to nothing else.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Numbers requests for the trace.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// Guards a request, and dresses its response.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let id = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let peer = request.extensions().get::<Peer>().cloned();
    let checked = check(&request, peer.as_ref());
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let status = response.status().as_u16();
    tracing::debug!(id, %method, path, status, remote = peer.map(|peer| peer.remote.to_string()), "request");
    dress(response.headers_mut());
    response
}

fn dress(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let same_origin = HeaderValue::from_static("same-origin");
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), same_origin);
    // What is told is true for the moment, the page itself for a version.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Refuses what a foreign page makes a browser send: it reaches this machine under the page's own name (DNS rebinding),
/// or comes with the page's origin.
fn check(request: &Request, peer: Option<&Peer>) -> Result<(), Refusal> {
    let host = host(request);
    let is_own = host.as_ref().is_some_and(|host| is_own_name(host.host(), peer.map(|peer| peer.local)));
    let Some(host) = host.filter(|_| is_own) else {
        let detail = "the request is for another host";
        let remedy = "use localhost or the address at which the server listens";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "foreign_host", detail, remedy));
    };
    match request.headers().get(header::ORIGIN) {
        Some(origin) if !is_same_origin(origin, &host) => {
            let detail = "the request comes from a page of another origin";
            let remedy = "open the server's own page";
            Err(Refusal::new(StatusCode::FORBIDDEN, "foreign_origin", detail, remedy))
        }
        _ => Ok(()),
    }
}

/// The host that a request is for.
fn host(request: &Request) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.clone());
    }
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
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
