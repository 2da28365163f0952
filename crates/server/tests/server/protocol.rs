//! What a client may send, and what it is told otherwise.

use crate::support::{DEADLINE, Server};
use futures::SinkExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\n";

pub(crate) fn handshake(more: &str) -> String {
    format!("GET /ws HTTP/1.1\r\nhost: localhost\r\n{UPGRADE}sec-websocket-version: 13\r\n{KEY}{more}\r\n")
}

/// A frame as a client sends it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ ..=125 => frame.push(0x80 | short as u8),
        medium @ ..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Reads the head of the upgrade's answer.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Reads one frame of the server: its first byte and its payload.
pub(crate) async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let read = async {
        let (first, length) = (stream.read_u8().await.unwrap(), stream.read_u8().await.unwrap());
        let length = match length {
            126 => usize::from(stream.read_u16().await.unwrap()),
            127 => stream.read_u64().await.unwrap() as usize,
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        (first, payload)
    };
    timeout(DEADLINE, read).await.expect("a frame in time")
}

#[tokio::test]
async fn a_broken_protocol_is_answered_by_its_close_code_and_the_end() {
    let server = Server::start().await;
    let (text, binary, ping, close) = (0x81, 0x82, 0x89, 0x88);
    let unmasked = vec![text, 2, b'h', b'i'];
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("bad UTF-8", masked(text, &[0xff, 0xfe]), 1007),
        ("bad UTF-8 in the second fragment", [masked(0x01, b"a"), masked(0x80, &[0xc3, 0x28])].concat(), 1007),
        ("unmasked", unmasked, 1002),
        ("reserved bit", masked(text | 0x40, b"{}"), 1002),
        ("unknown opcode", masked(0x83, b"x"), 1002),
        ("a continuation of nothing", masked(0x80, b"x"), 1002),
        ("a fragmented ping", masked(0x09, b"x"), 1002),
        ("a long ping", masked(ping, &[0; 126]), 1002),
        ("binary", masked(binary, b"x"), 1003),
        ("too large", masked(text, &vec![b' '; (64 << 10) + 1]), 1009),
        ("too large in fragments", [masked(0x01, &[b' '; 40_000]), masked(0x80, &[b' '; 40_000])].concat(), 1009),
        ("a close without a whole code", masked(close, &[3]), 1002),
        ("a close with a code of nobody", masked(close, &[0x03, 0xed]), 1002),
    ];
    for (what, bytes, code) in cases {
        let mut stream = server.begin(&handshake("")).await;
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101 "), "{what}");
        stream.write_all(&bytes).await.unwrap();
        let payload = loop {
            let (first, payload) = frame(&mut stream).await;
            if first == 0x88 {
                break payload;
            }
        };
        assert_eq!(u16::from_be_bytes([payload[0], payload[1]]), code, "{what}");
        let mut rest = Vec::new();
        timeout(DEADLINE, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert!(rest.is_empty(), "{what}: nothing follows a close frame");
    }
}

#[tokio::test]
async fn a_close_is_answered_and_a_ping_too() {
    let server = Server::start().await;
    // All of it comes with the handshake, before the server speaks as a WebSocket.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let frames = [masked(0x89, b"are you there"), masked(0x01, b"{\"type\": "), masked(0x80, b"\"ping\"}")].concat();
    stream.write_all(&[handshake("").as_bytes(), &frames].concat()).await.unwrap();
    head(&mut stream).await;
    let (mut pong, mut answer) = (false, false);
    while !(pong && answer) {
        let (first, payload) = frame(&mut stream).await;
        pong |= (first, payload.as_slice()) == (0x8a, b"are you there");
        answer |= first == 0x81 && payload.starts_with(b"{\"type\":\"pong\"");
    }
    stream.write_all(&masked(0x88, &[0x03, 0xe8])).await.unwrap();
    assert_eq!(frame(&mut stream).await, (0x88, vec![0x03, 0xe8]));
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused_with_its_reason() {
    let server = Server::start().await;
    let get = |headers: &str| format!("GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    let answer = server.send(&get("")).await;
    answer.problem(426, "upgrade_required");
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    let with = |more: &str| {
        format!(
            "GET /api/ws HTTP/1.1\r\nhost: localhost\r\nconnection: close, Upgrade\r\nupgrade: websocket\r\n{more}\r\n"
        )
    };
    let answer = server.send(&with(&format!("sec-websocket-version: 8\r\n{KEY}"))).await;
    answer.problem(426, "bad_websocket_version");
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    server.send(&with("sec-websocket-version: 13\r\n")).await.problem(400, "bad_handshake");
    let short = "sec-websocket-version: 13\r\nsec-websocket-key: c2hvcnQ=\r\n";
    server.send(&with(short)).await.problem(400, "bad_handshake");
    let post = "POST /ws HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    server.send(post).await.problem(405, "method_not_allowed");
    let foreign = with(&format!("sec-websocket-version: 13\r\n{KEY}origin: http://example.com\r\n"));
    server.send(&foreign).await.problem(403, "foreign_origin");
}

#[tokio::test]
async fn the_subprotocol_is_chosen_where_it_is_offered() {
    let server = Server::start().await;
    let mut stream = server.begin(&handshake("sec-websocket-protocol: other, etlplus.v1\r\n")).await;
    let answer = head(&mut stream).await;
    assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: etlplus.v1\r\n"), "{answer}");
    let mut stream = server.begin(&handshake("origin: http://localhost\r\n")).await;
    let answer = head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 ") && !answer.contains("sec-websocket-protocol"), "{answer}");
}

#[tokio::test]
async fn ten_bad_messages_are_each_answered_and_then_the_connection_is_closed() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let bad = [
        ("{", "bad_json"),
        ("[1]", "bad_message"),
        (r#"{"type": "shout", "id": "7"}"#, "unknown_type"),
        (r#"{"type": "ping", "loud": true}"#, "bad_message"),
        (r#"{"type": "set_filters", "data": {"filters": [{"jobIds": ["x"]}]}}"#, "bad_filter"),
    ];
    for (text, code) in bad {
        client.say(text).await;
        let answer = client.frame().await;
        assert_eq!((&answer["type"], &answer["data"]["code"]), (&json!("error_message"), &json!(code)), "{text}");
        assert!(answer["data"]["remedy"].is_string());
        if code == "unknown_type" {
            assert_eq!(answer["id"], "7");
        }
    }
    // A filter that was refused changed nothing: this still comes.
    server.submit("orders");
    assert_eq!(client.frame().await["type"], "job_status_update");
    for _ in 0..5 {
        client.say("nonsense").await;
        assert_eq!(client.frame().await["data"]["code"], "bad_json");
    }
    assert_eq!(u16::from(client.closed().await.code), 4501);
}

#[tokio::test]
async fn a_flood_of_messages_is_bad() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    for _ in 0..150 {
        // The server may have closed already.
        if client.socket.send(Message::text(r#"{"type": "ping"}"#)).await.is_err() {
            break;
        }
    }
    assert_eq!(u16::from(client.closed().await.code), 4501);
}
