//! One connection to the live channel, from the upgrade to its end.

use std::time::Duration;

use etlplus_api::{ClientFrame, CloseCode, ConnectionAck, ErrorMessage, Frame, Problem, SUBPROTOCOL, ServerMessage};
use futures::{SinkExt, StreamExt};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::client::{CONNECT_TIMEOUT, Client, REQUEST_TIMEOUT};
use crate::error::Error;

/// The largest message that is read. A part of a snapshot has half a MiB; a job that is larger comes alone, with 64 KiB of
/// log lines and as many rejected values as it has rules.
const MESSAGE_MAX_BYTES: usize = 16 << 20;
/// A connection on which nothing came for so many heartbeats is dead: two of them could have been late.
const SILENT_HEARTBEATS_MAX: f64 = 2.5;
/// A server may ask for any interval; beyond an hour a dead connection would never be noticed.
const HEARTBEAT_SECONDS: std::ops::RangeInclusive<u64> = 1..=3600;
/// How long the server may take to hang up after both have said goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Close codes that forbid to come again. [`CloseCode::TokenExpired`] is not among them, since one may come again with a
/// new token; this client has only the one that it was given.
const FOR_GOOD_CODES: std::ops::RangeInclusive<u16> = 4500..=4999;
/// The types of [`ServerMessage`]. A frame of another type is one of a later version, and is left out.
const KNOWN_TYPES: [&str; 13] = [
    "connection_ack",
    "snapshot",
    "job_status_update",
    "job_progress_update",
    "job_metrics_update",
    "job_log_message",
    "system_notification",
    "bookmark",
    "gap",
    "ack",
    "pong",
    "heartbeat",
    "error_message",
];

/// Why a connection ended, or did not come about.
#[derive(Debug)]
pub(super) enum Broken {
    /// Another try may go well, after `retry_after` or more.
    ForNow { reason: String, retry_after: Duration },
    /// Another try would end the same way.
    ForGood(Error),
}

/// A connection on which the server has introduced itself.
pub(super) struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    address: String,
    silence_max: Duration,
}

impl Connection {
    /// Connects, and waits for the server's first frame.
    pub(super) async fn open(client: &Client) -> Result<(Self, ConnectionAck), Broken> {
        let mut url = client.route(&["ws"], &Vec::new());
        // Between http and ws this cannot fail.
        let _ = url.set_scheme("ws");
        let address = client.address().to_owned();
        let mut request = url.as_str().into_client_request().map_err(|error| not_understood(&address, &error))?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        if let Some(header) = client.authorization() {
            request.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_MAX_BYTES))
            .max_frame_size(Some(MESSAGE_MAX_BYTES));
        let upgrade = connect_async_with_config(request, Some(config), true);
        let (socket, _) = timeout(CONNECT_TIMEOUT + REQUEST_TIMEOUT, upgrade)
            .await
            .map_err(|_| for_now(&address, "no answer in time"))?
            .map_err(|error| not_upgraded(&address, error))?;
        let mut connection = Self { socket, address, silence_max: REQUEST_TIMEOUT };
        match connection.next().await?.message {
            ServerMessage::ConnectionAck(ack) => {
                let heartbeat = ack.heartbeat_interval.clamp(*HEARTBEAT_SECONDS.start(), *HEARTBEAT_SECONDS.end());
                connection.silence_max = Duration::from_secs(heartbeat).mul_f64(SILENT_HEARTBEATS_MAX);
                Ok((connection, ack))
            }
            _ => Err(not_understood(&connection.address, &"the first frame is no connection_ack")),
        }
    }

    /// Sends `frame`.
    pub(super) async fn send(&mut self, frame: &ClientFrame) -> Result<(), Broken> {
        let text = serde_json::to_string(frame).map_err(|error| not_understood(&self.address, &error))?;
        let sent = timeout(self.silence_max, self.socket.send(Message::text(text))).await;
        sent.map_err(|_| for_now(&self.address, "it has gone silent"))?.map_err(|error| broken(&self.address, &error))
    }

    /// The next frame. Pings are answered on the way.
    pub(super) async fn next(&mut self) -> Result<Frame, Broken> {
        loop {
            let message = match timeout(self.silence_max, self.socket.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(broken(&self.address, &error)),
                Ok(None) => return Err(for_now(&self.address, "it hung up")),
                Err(_) => return Err(for_now(&self.address, "it has gone silent")),
            };
            match message {
                Message::Text(text) => {
                    if let Some(frame) = self.frame(&text)? {
                        return Ok(frame);
                    }
                }
                Message::Close(frame) => {
                    // To read on sends the answer, and ends when the server, who closes first, has hung up.
                    let _ = timeout(CLOSE_TIMEOUT, self.socket.next()).await;
                    return Err(closed(&self.address, frame));
                }
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// What was said makes no sense.
    pub(super) fn not_understood(&self, reason: &impl ToString) -> Broken {
        not_understood(&self.address, reason)
    }

    /// The frame in `text`; `None` for one of a type that this version does not know.
    fn frame(&self, text: &str) -> Result<Option<Frame>, Broken> {
        #[derive(Deserialize)]
        struct Envelope {
            r#type: String,
        }
        match serde_json::from_str(text) {
            Ok(frame) => Ok(Some(frame)),
            Err(error) => match serde_json::from_str::<Envelope>(text) {
                Ok(Envelope { r#type }) if !KNOWN_TYPES.contains(&r#type.as_str()) => Ok(None),
                Ok(Envelope { r#type }) => {
                    Err(not_understood(&self.address, &format!("{type}: {error}", type = r#type)))
                }
                Err(_) => Err(not_understood(&self.address, &error)),
            },
        }
    }
}

/// The server's refusal of a message, as the error that it is.
pub(super) fn refused(refusal: &ErrorMessage) -> Error {
    let ErrorMessage { code, message, remedy } = refusal.clone();
    let title = "Bad Request".to_owned();
    Error::Problem(Box::new(Problem { code, title, status: 400, detail: message, remedy, errors: Vec::new() }))
}

fn for_now(address: &str, reason: &str) -> Broken {
    let error = Error::Unreachable { address: address.to_owned(), reason: reason.to_owned() };
    Broken::ForNow { reason: error.to_string(), retry_after: Duration::ZERO }
}

fn not_understood(address: &str, reason: &impl ToString) -> Broken {
    Broken::ForGood(Error::NotUnderstood { address: address.to_owned(), status: None, reason: reason.to_string() })
}

/// What a failed upgrade means.
fn not_upgraded(address: &str, error: WsError) -> Broken {
    match error {
        WsError::Http(response) => refused_upgrade(address, &response),
        // The server ended while it was asked.
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => for_now(address, "it hung up"),
        WsError::Io(error) => for_now(address, &error.to_string()),
        error => not_understood(address, &error),
    }
}

fn refused_upgrade(address: &str, response: &Response) -> Broken {
    let error = Error::of_answer(address, response.status(), response.body().as_deref().unwrap_or_default());
    if !error.is_transient() {
        return Broken::ForGood(error);
    }
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Broken::ForNow { reason: error.to_string(), retry_after: Duration::from_secs(seconds.unwrap_or(0)) }
}

/// What an error on an open connection means.
fn broken(address: &str, error: &WsError) -> Broken {
    match error {
        // The next one would be as large.
        WsError::Capacity(error) => not_understood(address, error),
        WsError::ConnectionClosed | WsError::AlreadyClosed => for_now(address, "it hung up"),
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => for_now(address, "it hung up"),
        error => for_now(address, &error.to_string()),
    }
}

/// What the server's close frame means.
fn closed(address: &str, frame: Option<CloseFrame>) -> Broken {
    let Some(CloseFrame { code, reason }) = frame else { return for_now(address, "it hung up") };
    let (code, reason) = (u16::from(code), reason.to_string());
    if FOR_GOOD_CODES.contains(&code) || code == CloseCode::TokenExpired.get() {
        return Broken::ForGood(Error::Closed { address: address.to_owned(), code, reason });
    }
    let reason = format!("the server at {address} closed the connection: {reason} (code {code})");
    Broken::ForNow { reason, retry_after: Duration::ZERO }
}
