//! Requests byte by byte.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{DEADLINE, Server};

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{}:", name.to_ascii_lowercase()));
        self.head.lines().find(named).map(|line| line[name.len() + 1..].trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Checks that it is a problem with this status and code, and gives it.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.head);
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        for key in ["title", "detail", "remedy"] {
            assert!(problem[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {problem}");
        }
        // Clients in other languages know it by its fixture.
        let path = format!("{}/../api/fixtures/problem.{code}.json", env!("CARGO_MANIFEST_DIR"));
        let fixture: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(&path);
        assert_eq!((&fixture["status"], &fixture["title"]), (&problem["status"], &problem["title"]), "{path}");
        problem
    }
}

impl Server {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, "").await
    }

    /// `headers` are whole lines.
    pub(crate) async fn get_with(&self, path: &str, headers: &str) -> Answer {
        let own = &self.headers;
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{own}{headers}\r\n")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.with_body("POST", path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        self.with_body("PUT", path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        let own = &self.headers;
        self.send(&format!("DELETE {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{own}\r\n")).await
    }

    async fn with_body(&self, method: &str, path: &str, body: &str) -> Answer {
        let own = &self.headers;
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{own}");
        let length = body.len();
        let kind = "content-type: application/json";
        self.send(&format!("{head}{kind}\r\ncontent-length: {length}\r\n\r\n{body}")).await
    }

    pub(crate) async fn send(&self, request: &str) -> Answer {
        let answer = self.send_to(self.address, request).await;
        super::conform::check(request, &answer);
        answer
    }

    pub(crate) async fn send_to(&self, address: SocketAddr, request: &str) -> Answer {
        let mut stream = begin_at(address, request).await;
        let mut bytes = Vec::new();
        let read = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("the answer ends in time");
        // A server that does not want the rest of a request may reset the connection after its answer.
        assert!(read.is_ok() || !bytes.is_empty(), "{read:?}");
        parse(address, &bytes)
    }

    /// The status of the answer, whatever comes after its head.
    pub(crate) async fn status_of(&self, request: &str) -> u16 {
        let mut stream = self.begin(request).await;
        let mut head = [0; 12];
        timeout(DEADLINE, stream.read_exact(&mut head)).await.expect("an answer in time").expect(request);
        std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
    }

    /// A ticket for whoever `headers` say.
    pub(crate) async fn ticket(&self, headers: &str) -> String {
        let head = "POST /api/tickets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n";
        let answer = self.send(&format!("{head}{headers}\r\n")).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["ticket"].as_str().unwrap().to_owned()
    }

    /// Sends a request and leaves the answer to the caller.
    pub(crate) async fn begin(&self, request: &str) -> TcpStream {
        begin_at(self.address, request).await
    }
}

async fn begin_at(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer before it has read all.
    let _sent = stream.write_all(request.as_bytes()).await;
    stream
}

pub(crate) fn parse(address: SocketAddr, bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("{address} answered {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head[9..12].parse().unwrap();
    let mut answer = Answer { status, head, body: bytes[end + 4..].to_vec() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = unchunk(&answer.body);
    }
    answer
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 4 + length..];
    }
    body
}

/// The text of an answer, or of whole events of its body, without the lengths of chunks.
fn without_chunks(text: &str) -> String {
    let is_length = |line: &str| (1..=8).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut joined = String::new();
    let mut is_open = true;
    for line in text.split("\r\n") {
        // A chunk may begin and end anywhere in a line.
        let is_boundary = is_length(line);
        if !is_boundary {
            joined.push_str(if is_open { "" } else { "\n" });
            joined.push_str(line);
        }
        is_open = is_boundary;
    }
    joined
}

/// Reads events of a stream until one is `last`, and gives them as (event, id, data).
pub(crate) async fn events(
    stream: &mut TcpStream,
    is_last: impl Fn(&str, &Value) -> bool,
) -> Vec<(String, String, Value)> {
    let mut text = String::new();
    let mut events = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = timeout(DEADLINE, stream.read(&mut buffer)).await.expect("an event in time").unwrap();
        assert!(count > 0, "the stream ended early after {text}");
        text.push_str(std::str::from_utf8(&buffer[..count]).expect("the tests say ASCII"));
        let Some(end) = text.rfind("\n\n") else { continue };
        let blocks = without_chunks(&text.drain(..end + 2).collect::<String>());
        for block in blocks.split("\n\n") {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            let Some(name) = field("event: ") else { continue };
            let data: Value = serde_json::from_str(&field("data: ").unwrap()).unwrap();
            let is_end = is_last(&name, &data);
            events.push((name, field("id: ").unwrap_or_default(), data));
            if is_end {
                return events;
            }
        }
    }
}
