//! A server whose every move the test makes itself, on a real socket, so that each fault surely happens where it has to.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use etlplus_client::Client;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Upgrade, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// Longer than anything in these tests takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// What `future` gives, within the deadline.
#[track_caller]
pub(crate) fn soon<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move { tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{caller}: nothing happens")) }
}

/// A server that waits to be told what to do.
pub(crate) struct Server(TcpListener);

impl Server {
    /// One at a free port.
    pub(crate) async fn bind() -> Self {
        Self::bind_at(([127, 0, 0, 1], 0).into()).await
    }

    /// One at `address`.
    pub(crate) async fn bind_at(address: SocketAddr) -> Self {
        Self(TcpListener::bind(address).await.expect("the port is free"))
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    /// The connections that came and were not taken yet: whether there is one.
    pub(crate) async fn is_called_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.0.accept()).await.is_ok()
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address())).expect("the address is fine")
    }

    /// The next request.
    pub(crate) async fn request(&self) -> Request {
        let (socket, _) = soon(self.0.accept()).await.expect("a client comes");
        soon(Request::read(socket)).await
    }

    /// The next WebSocket, upgraded.
    pub(crate) async fn socket(&self) -> Socket {
        self.socket_seen(|_| {}).await
    }

    /// The next WebSocket, upgraded after `see` has seen what asked for it.
    pub(crate) async fn socket_seen(&self, mut see: impl FnMut(&Upgrade) + Unpin) -> Socket {
        let (stream, _) = soon(self.0.accept()).await.expect("a client comes");
        #[allow(clippy::result_large_err, reason = "the library's signature")]
        let upgrade = |request: &Upgrade, mut response: Response| {
            see(request);
            assert_eq!(request.uri(), "/ws");
            assert_eq!(request.headers()["sec-websocket-protocol"], "etlplus.v1");
            response.headers_mut().insert("sec-websocket-protocol", "etlplus.v1".parse().expect("a header"));
            Ok(response)
        };
        Socket(soon(accept_hdr_async(stream, upgrade)).await.expect("the client asks for an upgrade"))
    }

    /// The next WebSocket, after its `connection_ack`.
    pub(crate) async fn greeted(&self, heartbeat_seconds: u64) -> Socket {
        let mut socket = self.socket().await;
        socket.send(connection_ack(heartbeat_seconds)).await;
        socket
    }
}

/// A request, and the way to answer it.
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    socket: TcpStream,
}

impl Request {
    async fn read(mut socket: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            assert!(socket.read_buf(&mut bytes).await.expect("the head comes") > 0, "the client hung up");
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).expect("the head is text");
        let mut lines = head.lines();
        let line = lines.next().expect("there is a request line").trim_end_matches(" HTTP/1.1").to_owned();
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers.get("content-length").map_or(0, |length| length.parse().expect("a number"));
        let mut body = bytes.split_off(head_end + 4);
        while body.len() < length {
            assert!(socket.read_buf(&mut body).await.expect("the body comes") > 0, "the client hung up");
        }
        Self { line, headers, body: String::from_utf8(body).expect("the body is text"), socket }
    }

    /// Answers as a whole.
    pub(crate) async fn answer(mut self, status: &str, kind: &str, body: &str) {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        self.write(&(head + body)).await;
        self.hang_up().await;
    }

    /// Answers with a problem.
    pub(crate) async fn refuse(self, status: &str, problem: &Value) {
        self.answer(status, "application/problem+json", &problem.to_string()).await;
    }

    /// Begins an answer that has no end yet.
    pub(crate) async fn begin(&mut self, kind: &str) {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n");
        self.write(&(head + "connection: close\r\n\r\n")).await;
    }

    /// The next part of an answer that was begun.
    pub(crate) async fn part(&mut self, text: &str) {
        self.write(&format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    /// Sends `text` as it is.
    pub(crate) async fn write(&mut self, text: &str) {
        soon(self.socket.write_all(text.as_bytes())).await.expect("the client reads");
    }

    /// Sends `text` as far as the client reads it, and says whether it hung up before the end.
    pub(crate) async fn write_until_hung_up(&mut self, text: &str) -> bool {
        soon(self.socket.write_all(text.as_bytes())).await.is_err()
    }

    /// Cuts the connection, as a crash does.
    pub(crate) fn cut(self) {
        self.socket.set_zero_linger().expect("the socket is open");
    }

    async fn hang_up(mut self) {
        self.socket.shutdown().await.expect("the socket is open");
        // The client has the whole answer when it hangs up too.
        let _ = soon(self.socket.read_to_end(&mut Vec::new())).await;
    }
}

/// The server's end of a WebSocket.
pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

impl Socket {
    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: Value) {
        soon(self.0.send(Message::text(frame.to_string()))).await.expect("the client reads");
    }

    /// Sends a ping and waits for its pong.
    pub(crate) async fn ping(&mut self, payload: &'static str) {
        soon(self.0.send(Message::Ping(payload.into()))).await.expect("the client reads");
        let answer = soon(self.0.next()).await.expect("an answer").expect("no error");
        assert_eq!(answer, Message::Pong(payload.into()));
    }

    /// What the client says.
    pub(crate) async fn receive(&mut self) -> Value {
        let message = soon(self.0.next()).await.expect("the client speaks").expect("no error");
        serde_json::from_str(message.to_text().expect("it is text")).expect("it is JSON")
    }

    /// Closes with `code`, and waits until the client has hung up.
    pub(crate) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        soon(self.0.close(Some(frame))).await.expect("the client reads");
        let answer = soon(self.0.next()).await.expect("the client answers").expect("no error");
        assert!(matches!(answer, Message::Close(Some(frame)) if u16::from(frame.code) == code));
    }

    /// Cuts the connection, as a crash does.
    pub(crate) fn cut(self) {
        self.0.get_ref().set_zero_linger().expect("the socket is open");
    }

    /// Waits until the client has hung up.
    pub(crate) async fn ends(mut self) {
        while let Some(Ok(_)) = soon(self.0.next()).await {}
    }
}

/// The first frame of a server.
pub(crate) fn connection_ack(heartbeat_seconds: u64) -> Value {
    frame(
        "connection_ack",
        json!({
            "connectionId": "c1", "version": "0.1.0", "heartbeatInterval": heartbeat_seconds,
            "limits": {
                "maxMessageBytes": 65536, "maxFilterClauses": 16, "maxFilterValues": 100, "maxBadMessages": 10,
                "messageQueueSize": 1000,
            },
            "position": { "epoch": "e", "offset": 7 },
        }),
    )
}

/// A frame of the live channel.
pub(crate) fn frame(kind: &str, data: Value) -> Value {
    json!({ "type": kind, "timestamp": "2026-01-01T00:00:00Z", "data": data })
}

/// A snapshot of running jobs.
pub(crate) fn snapshot(ids: &[&str]) -> Value {
    let jobs: Vec<Value> = ids.iter().map(|id| job(id, "RUNNING")).collect();
    frame("snapshot", json!({ "jobs": jobs }))
}

/// A notice about something beside the jobs.
pub(crate) fn notification(title: &str) -> Value {
    frame(
        "system_notification",
        json!({
            "kind": "message", "severity": "WARNING", "title": title, "message": "m", "remedy": null, "alert": null,
            "settings": null,
        }),
    )
}

/// How far a job is.
pub(crate) fn progress(id: &str, rows: u64) -> Value {
    frame(
        "job_progress_update",
        json!({
            "jobId": id, "pipeline": "orders", "attempt": 1, "progressPercent": 50.0, "currentStep": "Extract",
            "eta": null, "recordsProcessed": rows, "recordsSuccessful": rows, "recordsFailed": 0, "rejects": [],
        }),
    )
}

/// All about a job.
pub(crate) fn job(id: &str, status: &str) -> Value {
    json!({
        "jobId": id, "pipeline": "orders", "jobType": "FULL_ETL", "tags": [], "status": status, "attempt": 1,
        "stopping": false, "progressPercent": null, "currentStep": "Extract", "eta": null,
        "submittedAt": "2026-01-01T00:00:00Z", "startTime": null, "endTime": null, "retryAt": null,
        "executionTime": null, "metrics": metrics(), "errorMessage": null, "failure": null, "rejects": [],
        "target": null, "recentLogs": [], "live": true,
    })
}

/// Counts of a job that has not begun.
pub(crate) fn metrics() -> Value {
    json!({
        "recordsProcessed": 0, "recordsSuccessful": 0, "recordsFailed": 0, "rowsTransformed": 0, "rowsLoaded": 0,
        "bytesTotal": null, "bytesRead": 0, "processingRate": null, "memoryUsage": null, "memoryPeak": null,
        "cpuUsage": null, "ioReadBytes": null, "ioWrittenBytes": null, "executionTime": null,
    })
}

/// A line of a log.
pub(crate) fn log_row(offset: u64) -> Value {
    json!({
        "offset": offset, "jobId": "j1", "pipeline": "orders", "attempt": 1, "line": offset,
        "timestamp": "2026-01-01T00:00:00Z", "level": "INFO", "message": format!("line {offset} ü"),
    })
}

/// A problem.
pub(crate) fn problem(status: u16, code: &str) -> Value {
    json!({
        "code": code, "title": "No", "status": status, "detail": format!("{code} in detail"),
        "remedy": format!("the remedy of {code}"),
    })
}
