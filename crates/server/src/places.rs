//! Places for connections: how many are served at once, and what happens beyond.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Method, header};
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::live::Slot;
use crate::problem::Refusal;

/// Connections of HTTP at once. The live channel is counted by itself.
const HTTP_CONNECTIONS_MAX: usize = 1024;
/// Connections beyond those. They are let in so that a probe and a cancel come through, and so that all others read why
/// they are refused; each is soon over.
const RESERVE_MAX: usize = 128;
/// How long the one request of such a connection may take to arrive: idle ones must not fill the reserve.
pub(crate) const RESERVE_HEADER_WAIT: Duration = Duration::from_secs(2);
/// How long such a connection may last: a cancel has to be recorded.
pub(crate) const RESERVE_LASTS_MAX: Duration = Duration::from_secs(10);

/// All places.
pub(crate) struct Places {
    regular: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
}

/// What a connection is counted by, until it is dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "a place is held, not read")]
pub(crate) enum Place {
    /// Of those of HTTP.
    Regular(OwnedSemaphorePermit),
    /// Of those beyond: only what has to come through is served.
    Reserve(OwnedSemaphorePermit),
    /// Of the live channel.
    Live(Slot),
}

impl Places {
    pub(crate) fn new() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { regular: places(HTTP_CONNECTIONS_MAX), reserve: places(RESERVE_MAX) }
    }

    /// A place; `None` where even the reserve is taken.
    pub(crate) fn take(&self) -> Option<Place> {
        let regular = self.regular.clone().try_acquire_owned().map(Place::Regular);
        regular.or_else(|_| self.reserve.clone().try_acquire_owned().map(Place::Reserve)).ok()
    }
}

/// Whether a request is served even from the reserve: whoever watches the server must see that it lives, and a job must be
/// stoppable.
pub(crate) fn is_vital(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET => path == "/livez",
        Method::POST => path.starts_with("/api/jobs/") && path.ends_with("/cancel"),
        _ => false,
    }
}

/// Why a connection beyond the places is not served.
pub(crate) fn refusal() -> Refusal {
    let detail = format!("the server has its most connections of HTTP, {HTTP_CONNECTIONS_MAX}");
    Refusal::unavailable("too_many_connections", detail, "close those that are idle, and try again")
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// Tells a connection for which there is no place so, and closes it. Nothing is read, and nothing is waited for: a new
/// socket takes these few bytes, and one that does not is closed without a word.
pub(crate) fn turn_away(stream: &TcpStream) {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    if let Err(error) = send(stream, &refusal().into_bytes(), flags) {
        tracing::debug!(%error, "a connection is turned away without a word");
    }
    let _told = shutdown(stream, Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_come_through_is_a_probe_or_a_cancel() {
        let (get, post) = (&Method::GET, &Method::POST);
        assert!(is_vital(get, "/livez") && is_vital(post, "/api/jobs/1/cancel"));
        assert!(!is_vital(get, "/") && !is_vital(post, "/api/jobs") && !is_vital(get, "/api/jobs/1/cancel"));
    }
}
