//! A receiver of webhooks on a real socket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::until;

/// What a receiver does with a request, once it has read it.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers with this status line and these headers, which end lines.
    Answer(&'static str, String),
    /// Says nothing, and keeps the connection.
    Hang,
    /// Closes the connection without a word.
    Cut,
    /// Answers 500 with a body that does not end.
    Flood,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
            .to_str()
            .expect("it is text")
    }

    pub(crate) fn key(&self) -> &str {
        self.header("webhook-id")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

#[derive(Debug, Default)]
struct Shared {
    requests: Vec<Request>,
    replies: VecDeque<Reply>,
    always: Option<Reply>,
    flooded_bytes: usize,
}

/// Answers each request by the next of its replies, or by 204 where there is none.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    accepting: AbortHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let to_accept = shared.clone();
        let accepting = tokio::spawn(async move {
            // What hangs is held here, and ends with the receiver.
            let mut held = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.spawn(serve(stream, to_accept.clone()));
            }
        });
        Self { address, shared, accepting: accepting.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/alerts?token=hidden", self.address)
    }

    /// What it does with the next requests, one after the other.
    pub(crate) fn next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.lock().expect("nobody panicked with it").replies.extend(replies);
    }

    /// What it does with all others; `None` is 204.
    pub(crate) fn always(&self, reply: Option<Reply>) {
        self.shared.lock().expect("nobody panicked with it").always = reply;
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.lock().expect("nobody panicked with it").requests.clone()
    }

    /// Bytes of bodies without end that were taken from it, or lie in buffers on the way.
    pub(crate) fn flooded_bytes(&self) -> usize {
        self.shared.lock().expect("nobody panicked with it").flooded_bytes
    }

    /// Waits until so many requests have come, and gives them.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Request> {
        until(|| async {
            let requests = self.requests();
            if requests.len() >= count { Ok(requests) } else { Err(format!("{} of {count} requests", requests.len())) }
        })
        .await
    }
}

pub(crate) fn status(line: &'static str) -> Reply {
    Reply::Answer(line, String::new())
}

async fn serve(stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let reply = {
            let mut shared = shared.lock().expect("nobody panicked with it");
            shared.requests.push(request);
            let next = shared.replies.pop_front();
            next.or_else(|| shared.always.clone()).unwrap_or_else(|| status("204 No Content"))
        };
        match reply {
            Reply::Answer(status, headers) => {
                let body = if status.starts_with("204") { "" } else { "because" };
                let answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
                if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Hang => std::future::pending().await,
            Reply::Cut => return,
            Reply::Flood => return flood(stream.get_mut(), &shared).await,
        }
    }
}

/// Ends where the other side has closed the connection.
async fn flood(stream: &mut TcpStream, shared: &Mutex<Shared>) {
    let head = "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n";
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    while stream.write_all(chunk.as_bytes()).await.is_ok() {
        shared.lock().expect("nobody panicked with it").flooded_bytes += chunk.len();
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut headers = HeaderMap::new();
    for line in &lines[1..] {
        let (name, value) = line.split_once(": ").expect("a header has a colon");
        headers.append(
            name.parse::<HeaderName>().expect("it is a name"),
            HeaderValue::from_str(value).expect("it is a value"),
        );
    }
    let length = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { line: lines.swap_remove(0), headers, body })
}
