//! The live channel as server-sent events (WHATWG HTML, section 9.2): one way, for curl and for proxies that know no
//! WebSocket.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use etlplus_core::ids::{Epoch, Offset};
use etlplus_core::ports::LogPosition;
use hyper::body::Frame;
use tokio::time::Instant;

use super::connection::Connection;
use super::filter::Filter;
use super::handle::Wish;
use crate::access::Caller;
use crate::app::App;
use crate::peer::Peer;
use crate::problem::{Refusal, item};
use crate::query::pairs;

/// Bytes that the body gives on at once. A client that takes as little in five seconds is slow by any measure.
const PIECE_BYTES: usize = 16 << 10;

/// `GET /api/events`.
pub(crate) async fn events(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Result<Response, Refusal> {
    let parameters = pairs(request.uri())?;
    let filter = Filter::of_query(&parameters).map_err(|fault| {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_parameter", "a parameter cannot be used", &fault.remedy)
            .with_errors(vec![item(fault.key, fault.message, fault.remedy.clone())])
    })?;
    let wish = Wish { filter, since: since(&parameters, request.headers())? };
    if app.live.is_down() {
        return Err(Refusal::live_down());
    }
    let slot = app.live.slot()?;
    let Some(peer) = request.extensions().get::<Peer>() else { return Err(Refusal::internal()) };
    let connection = Arc::new(Connection::new(caller.0, peer.remote, app.live.now(), None, slot));
    let body = EventBody { connection: connection.clone(), rest: Bytes::new() };
    app.live.join(connection, Some(wish)).await.map_err(|_| Refusal::live_down())?;
    // The stream is counted by its slot from now on, so that streams do not take the places of requests.
    peer.release();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // Proxies that gather a response before they pass it on are told not to.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        // Its place among those of HTTP is given back, so there can be no request after this one.
        (header::CONNECTION, HeaderValue::from_static("close")),
    ];
    Ok((headers, Body::new(body)).into_response())
}

/// Where the stream goes on: after what the client has seen last, or else after what its address says.
fn since(parameters: &[(String, String)], headers: &HeaderMap) -> Result<Option<LogPosition>, Refusal> {
    // A browser sends what it was given. What anybody else sends there is no reason to give them nothing.
    if let Some(seen) = headers.get("last-event-id").and_then(|value| place(value.to_str().ok()?)) {
        return Ok(Some(seen));
    }
    let Some((name, text)) = parameters.iter().find(|(name, _)| name == "since") else { return Ok(None) };
    match place(text) {
        Some(place) => Ok(Some(place)),
        None => {
            let remedy = "give EPOCH:OFFSET, the id of the last event";
            Err(Refusal::bad_parameters(vec![item(name.as_str(), "is no place in the log", remedy)]))
        }
    }
}

fn place(text: &str) -> Option<LogPosition> {
    let (epoch, offset) = text.split_once(':')?;
    Some(LogPosition {
        epoch: Epoch::from_uuid(epoch.parse().ok()?),
        offset: Offset::from_number(offset.parse().ok()?),
    })
}

/// Takes what the outbox holds. Once it is dropped, the connection is gone.
struct EventBody {
    connection: Arc<Connection>,
    /// What was taken and is not given on yet.
    rest: Bytes,
}

impl hyper::body::Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            let Some(bytes) = ready!(self.connection.poll_bytes(context)) else { return Poll::Ready(None) };
            self.rest = bytes;
        }
        // In pieces, because that one is taken is how a client that reads slowly shows that it reads.
        let length = self.rest.len().min(PIECE_BYTES);
        self.connection.outbox().moved_at = Instant::now();
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        self.connection.outbox().end();
    }
}
