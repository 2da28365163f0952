//! Clients of the live channel.

use std::net::SocketAddr;

use axum::http::{HeaderName, HeaderValue};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{DEADLINE, Server, eventually};

/// What a part of a snapshot may have, unless it is a single job.
pub(crate) const PART_BYTES_MAX: usize = 512 << 10;

/// A snapshot from all of its parts.
pub(crate) fn whole(parts: Vec<Value>) -> Value {
    let mut whole = json!(null);
    for (index, mut part) in parts.into_iter().enumerate() {
        assert_eq!(part["type"], "snapshot", "{part}");
        if index == 0 {
            whole = part;
            continue;
        }
        let place = |frame: &Value| (frame["epoch"].clone(), frame["offset"].clone());
        assert_eq!(place(&part), place(&whole), "all parts have the same place");
        let jobs = part["data"]["jobs"].as_array_mut().unwrap();
        assert!(!jobs.is_empty(), "no part is in vain");
        whole["data"]["jobs"].as_array_mut().unwrap().append(jobs);
    }
    whole
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Server {
    /// A client that has its `connection_ack` and its first snapshot.
    pub(crate) async fn watch(&self) -> (Client, Value) {
        let mut client = self.connect().await;
        let ack = client.frame().await;
        assert_eq!(ack["type"], "connection_ack", "{ack}");
        let (snapshot, _) = client.snapshot().await;
        (client, snapshot)
    }

    /// Waits until everybody was told all that is recorded.
    pub(crate) async fn all_told(&self) {
        let newest = self.store.position().offset.get();
        eventually("all is told", async || {
            let list = self.get("/api/monitor/connections").await.json();
            list["connections"].as_array().unwrap().iter().all(|row| row["position"]["offset"] == newest)
        })
        .await;
    }

    pub(crate) async fn connect(&self) -> Client {
        self.connect_at(self.address, "/ws", &self.headers).await.unwrap()
    }

    /// A client that opens `path` with `headers`, which are whole lines; the status where it is refused.
    pub(crate) async fn connect_at(&self, address: SocketAddr, path: &str, headers: &str) -> Result<Client, u16> {
        connect(address, path, headers).await
    }
}

/// See [`Server::connect_at`].
pub(crate) async fn connect(address: SocketAddr, path: &str, headers: &str) -> Result<Client, u16> {
    let stream = TcpStream::connect(address).await.unwrap();
    match client_async(request(address, path, headers), stream).await {
        Ok((socket, _)) => Ok(Client { socket }),
        Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn request(address: SocketAddr, path: &str, headers: &str) -> Request {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for line in headers.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// The message that asks for all after `since` that passes `filters`.
pub(crate) fn subscribe(epoch: &str, offset: u64, filters: &Value) -> String {
    let since = json!({"epoch": epoch, "offset": offset});
    json!({"type": "subscribe", "id": "s", "data": {"since": since, "filters": filters}}).to_string()
}

impl Client {
    /// The next frame of the server.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.message().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("a frame was expected, not {other:?}"),
            }
        }
    }

    pub(crate) async fn message(&mut self) -> Message {
        timeout(DEADLINE, self.socket.next()).await.expect("a message in time").unwrap().unwrap()
    }

    /// The next frame as it stands.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.message().await {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("a frame was expected, not {other:?}"),
            }
        }
    }

    /// Facts as they stand, up to the first frame that `is_last`, which is given as well. Whatever is neither is none of them.
    pub(crate) async fn facts_until(&mut self, is_last: impl Fn(&Value) -> bool) -> (Vec<String>, Value) {
        let mut facts = Vec::new();
        loop {
            let text = self.text().await;
            let frame: Value = serde_json::from_str(&text).unwrap();
            if is_last(&frame) {
                return (facts, frame);
            }
            assert!(frame["type"] != "snapshot" && frame["type"] != "gap", "{frame}");
            if frame["offset"].is_u64() && frame["type"] != "bookmark" {
                facts.push(text);
            }
        }
    }

    /// The next frame that `is_wanted`; others are passed over.
    pub(crate) async fn find(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.frame().await;
            if is_wanted(&frame) {
                return frame;
            }
        }
    }

    pub(crate) async fn say(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// Sets the filter and gives the snapshot that answers, after all frames of the old filter.
    pub(crate) async fn set_filters(&mut self, filters: Value) -> Value {
        let message = json!({"type": "set_filters", "id": "f", "data": {"filters": filters}});
        self.say(message.to_string()).await;
        let ack = self.find(|frame| frame["type"] == "ack" || frame["type"] == "error_message").await;
        assert_eq!((&ack["type"], &ack["id"]), (&json!("ack"), &json!("f")), "{ack}");
        self.snapshot().await.0
    }

    /// The snapshot that comes next, from all of its parts, and how many there were.
    pub(crate) async fn snapshot(&mut self) -> (Value, usize) {
        let mut parts: Vec<Value> = Vec::new();
        while parts.last().is_none_or(|part| part["data"]["more"] == json!(true)) {
            let Message::Text(text) = self.message().await else { continue };
            assert!(text.len() <= PART_BYTES_MAX, "{} bytes", text.len());
            parts.push(serde_json::from_str(&text).unwrap());
        }
        let count = parts.len();
        (whole(parts), count)
    }

    /// Frames up to the answer of a ping, so that nothing is still on its way.
    pub(crate) async fn until_pong(&mut self) -> Vec<Value> {
        self.say(r#"{"type": "ping"}"#).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["type"] == "pong" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// Reads up to the close frame and gives it.
    pub(crate) async fn closed(&mut self) -> CloseFrame {
        loop {
            match self.message().await {
                Message::Close(Some(frame)) => return frame,
                Message::Close(None) => panic!("the close frame has no code"),
                _ => {}
            }
        }
    }
}
