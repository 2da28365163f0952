//! Requests over plain HTTP, as any program can send them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::server::Server;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value; its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.trim())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:.500}", self.body))
    }

    /// Asserts the status, and gives the body.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:.1000}", self.body);
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Asserts that it is the problem `code`.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem:#}");
        assert!(problem["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{problem:#}");
        problem
    }
}

/// Sends one request on a connection of its own. `headers` are lines without their ends.
pub(crate) fn request(server: &Server, method: &str, path: &str, headers: &[&str], body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string);
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    if let Some(body) = &body {
        head += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    send(server, &format!("{head}\r\n{}", body.unwrap_or_default()))
}

pub(crate) fn get(server: &Server, path: &str) -> Answer {
    request(server, "GET", path, &[], None)
}

pub(crate) fn post(server: &Server, path: &str, body: &Value) -> Answer {
    request(server, "POST", path, &[], Some(body))
}

/// As [`get`], from whatever listens on a port of this machine; `None` where nothing does.
pub(crate) fn get_at(port: u16, path: &str) -> Option<Answer> {
    let socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
    Some(exchange(socket, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")))
}

fn send(server: &Server, request: &str) -> Answer {
    let socket = TcpStream::connect(("127.0.0.1", server.port().parse().expect("a port")));
    exchange(socket.expect("it listens"), request)
}

fn exchange(mut socket: TcpStream, request: &str) -> Answer {
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket takes a timeout");
    // A server that answers early may close before all is sent.
    let _ = socket.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:.300}"));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    let body =
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") { joined(body) } else { body.to_owned() };
    Answer { status, head: head.to_owned(), body }
}

/// A body without the lengths of its chunks.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("a length");
        body += &rest[..length];
        chunks = rest[length..].trim_start_matches("\r\n");
    }
    body
}
