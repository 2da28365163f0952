//! A WebSocket client that finds the frames and looks no further, and an HTTP client that sends the same request again.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far beyond what anything here takes: who waits longer waits for what will not come.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Room for one read: some hundred frames.
const READ_BYTES: usize = 64 << 10;

const SNAPSHOT: &[u8] = br#"{"type":"snapshot""#;
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

/// A connection to the live channel.
pub struct Socket {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Socket {
    /// Connects to `/ws` at an address such as `http://127.0.0.1:8080`, and waits for the snapshot: from there on nothing is
    /// missed, while an upgrade alone does not say that the server tells this client yet.
    pub async fn connect(address: &str) -> io::Result<Self> {
        let mut socket = Self::upgrade(address).await?;
        let mut is_greeted = false;
        while !is_greeted {
            socket.read(|text| is_greeted |= text.starts_with(SNAPSHOT)).await?;
        }
        Ok(socket)
    }

    async fn upgrade(address: &str) -> io::Result<Self> {
        let host = host(address);
        let mut stream = TcpStream::connect(host).await?;
        let handshake = format!(
            "GET /ws HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(handshake.as_bytes()).await?;
        let mut bytes = Vec::new();
        let end = read_head(&mut stream, &mut bytes).await?;
        if !bytes.starts_with(b"HTTP/1.1 101 ") {
            return Err(io::Error::other(format!("no upgrade: {}", String::from_utf8_lossy(&bytes))));
        }
        bytes.drain(..end);
        Ok(Self { stream, bytes })
    }

    /// Waits until there are whole frames, and gives `each` their texts. A close is an error.
    pub async fn read(&mut self, each: impl FnMut(&[u8])) -> io::Result<()> {
        while frame(&self.bytes).is_none() {
            more(&mut self.stream, &mut self.bytes).await?;
        }
        let pongs = self.take(each)?;
        self.stream.write_all(&pongs).await
    }

    /// Takes all whole frames, and gives the answers to pings.
    fn take(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<Vec<u8>> {
        let (mut at, mut pongs) = (0, Vec::new());
        while let Some((start, end)) = frame(&self.bytes[at..]) {
            let payload = &self.bytes[at..][start..end];
            match self.bytes[at] {
                TEXT => each(payload),
                // A pong with a mask of zeros, which leaves the payload as it is.
                PING => pongs.extend([&[0x8a, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()),
                CLOSE => return Err(io::Error::other(format!("closed: {}", closed(payload)))),
                other => return Err(io::Error::other(format!("a frame that begins with {other:#x}"))),
            }
            at += end;
        }
        self.bytes.drain(..at);
        Ok(pongs)
    }
}

/// Where the payload of the first frame begins and ends, if the frame is whole.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let (start, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    (bytes.len() >= start + length).then_some((start, start + length))
}

fn closed(payload: &[u8]) -> String {
    match payload {
        [high, low, reason @ ..] => {
            format!("{} {}", u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason))
        }
        _ => "without a code".to_owned(),
    }
}

/// A connection on which one POST after the other is sent.
pub struct Poster {
    stream: TcpStream,
    request: Vec<u8>,
}

impl Poster {
    /// Connects; `body` is JSON.
    pub async fn connect(address: &str, path: &str, body: &str) -> io::Result<Self> {
        let host = host(address);
        let (kind, length) = ("application/json", body.len());
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: (head + body).into_bytes() })
    }

    /// Sends it, and gives the body of the answer, which has to be a 202.
    pub async fn post(&mut self) -> io::Result<Vec<u8>> {
        self.stream.write_all(&self.request).await?;
        let mut bytes = Vec::new();
        let start = read_head(&mut self.stream, &mut bytes).await?;
        let head = String::from_utf8_lossy(&bytes[..start]).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let length: usize = length.ok_or_else(|| io::Error::other(format!("an answer without a length: {head}")))?;
        while bytes.len() < start + length {
            more(&mut self.stream, &mut bytes).await?;
        }
        match head.starts_with("http/1.1 202 ") {
            true => Ok(bytes.split_off(start)),
            false => Err(io::Error::other(format!("not accepted: {}", String::from_utf8_lossy(&bytes)))),
        }
    }
}

fn host(address: &str) -> &str {
    address.trim_start_matches("http://").trim_end_matches('/')
}

/// Reads a response up to the empty line, and gives what comes after it.
async fn read_head(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        more(stream, bytes).await?;
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(end + 4);
        }
    }
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.reserve(READ_BYTES);
    match timeout(SILENCE_MAX, stream.read_buf(bytes)).await {
        Ok(Ok(0)) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(read) => read.map(drop),
        Err(_) => Err(io::Error::other(format!("nothing came for {SILENCE_MAX:?}"))),
    }
}
