//! The problems that a route can answer with, beside its own.

use axum::http::Method;
use etlplus_core::access::Action;

use crate::rest::{Place, Route};

/// The parameter that says who asks, where a header cannot.
const TICKET: &str = "ticket";

/// Every problem of a route: status and code, its own and those of whatever stands before it.
pub(super) fn of(route: &Route) -> Vec<(u16, &'static str)> {
    let mut problems = vec![
        (400, "token_in_url"),
        (403, "foreign_host"),
        (403, "foreign_origin"),
        (429, "rate_limited"),
        (500, "internal_error"),
        (503, "too_many_connections"),
    ];
    if route.action != Action::Greet {
        problems.extend([(401, "not_authenticated"), (401, "token_unknown"), (401, "token_expired")]);
        problems.extend([(401, "token_revoked"), (403, "forbidden")]);
    }
    if route.operation.parameters.iter().any(|parameter| parameter.place == Place::Query) {
        problems.extend([(400, "bad_query"), (422, "bad_parameter")]);
    }
    if route.method != Method::GET {
        problems.extend([(400, "bad_json"), (400, "body_incomplete"), (408, "body_too_slow")]);
        problems.extend([(413, "body_too_large"), (415, "unsupported_media_type"), (422, "bad_body")]);
    }
    if route.operation.parameters.iter().any(|parameter| parameter.name == TICKET) {
        problems.push((401, "ticket_unknown"));
    }
    if route.starts_work {
        problems.push((503, "shutting_down"));
    }
    problems.extend_from_slice(&route.operation.problems);
    problems.sort_unstable();
    problems.dedup();
    problems
}

/// A status in words.
pub(super) fn title(status: u16) -> &'static str {
    let status = axum::http::StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("A problem")
}

/// Headers that come with each problem of a status, and what they say.
pub(super) fn headers(status: u16) -> &'static [(&'static str, &'static str)] {
    match status {
        401 => &[("WWW-Authenticate", "How to say who one is")],
        429 | 503 => &[("Retry-After", "Seconds after which to try again")],
        _ => &[],
    }
}
