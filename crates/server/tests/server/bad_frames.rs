//! Frames and messages that are made to do harm. Each gets its answer, and costs others nothing.

use etlplus_core::log::LogLevel;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::protocol::{frame, handshake, head, masked};
use crate::support::Server;
use crate::support::ws::Client;

async fn raw(server: &Server) -> TcpStream {
    let mut stream = server.begin(&handshake("")).await;
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 101 "));
    stream
}

/// The code of the close frame that comes.
async fn close_code(stream: &mut TcpStream) -> u16 {
    loop {
        let (first, payload) = frame(stream).await;
        if first == 0x88 {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

/// Another client is told what happens, and connections that were closed are forgotten.
async fn assert_unharmed(server: &Server, other: &mut Client) {
    let job = server.running("orders");
    server.say(job, LogLevel::Info, ["still here".to_owned()]);
    other.find(|frame| frame["data"]["message"] == "still here").await;
    crate::support::eventually("nothing is left behind", async || {
        let listed = server.get("/api/monitor/connections").await.json();
        listed["connections"].as_array().unwrap().len() == 1
    })
    .await;
}

#[tokio::test]
async fn a_letter_may_lie_across_fragments_and_what_is_none_may_not() {
    let server = Server::start().await;
    let mut stream = raw(&server).await;
    let text = "{\"type\":\"ping\",\"id\":\"\u{fc}\"}".as_bytes();
    let within = text.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
    let parts = [masked(0x01, &text[..within]), masked(0x00, b""), masked(0x80, &text[within..])];
    stream.write_all(&parts.concat()).await.unwrap();
    let pong = loop {
        let (_, payload) = frame(&mut stream).await;
        if payload.starts_with(b"{\"type\":\"pong\"") {
            break payload;
        }
    };
    assert!(String::from_utf8(pong).unwrap().contains("\"id\":\"\u{fc}\""));
    for (what, parts) in [
        ("another byte than the letter has", vec![masked(0x01, &[b'a', 0xc3]), masked(0x80, b"(")]),
        ("half of a letter at the end", vec![masked(0x01, b"a"), masked(0x80, &[0xc3])]),
        ("a surrogate in three fragments", vec![masked(0x01, &[0xed]), masked(0, &[0xa0]), masked(0x80, &[0x80])]),
        ("an overlong letter", vec![masked(0x01, &[0xc0]), masked(0x80, &[0xaf])]),
    ] {
        let mut stream = raw(&server).await;
        stream.write_all(&parts.concat()).await.unwrap();
        assert_eq!(close_code(&mut stream).await, 1007, "{what}");
    }
}

#[tokio::test]
async fn every_reserved_bit_and_opcode_is_refused() {
    let server = Server::start().await;
    let opcodes = (3..=7).chain(11..=15).map(|opcode| 0x80 | opcode);
    for first in [0xc1, 0xa1, 0x91, 0xf1].into_iter().chain(opcodes) {
        let mut stream = raw(&server).await;
        stream.write_all(&masked(first, b"{}")).await.unwrap();
        assert_eq!(close_code(&mut stream).await, 1002, "{first:#x}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_empty_fragments_make_no_message() {
    let server = Server::start().await;
    let (mut other, _) = server.watch().await;
    let mut stream = raw(&server).await;
    let (mut reader, mut writer) = stream.split();
    let write = async {
        writer.write_all(&masked(0x01, b"{")).await.unwrap();
        let thousand = masked(0x00, b"").repeat(1000);
        let mut sent = 0;
        // The server hangs up before all of them are there.
        while sent < 1000 && writer.write_all(&thousand).await.is_ok() {
            sent += 1;
        }
    };
    let read = async {
        let mut bytes = Vec::new();
        let _reset = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut bytes).await;
        bytes
    };
    let (bytes, ()) =
        tokio::time::timeout(crate::support::DEADLINE, async { tokio::join!(read, write) }).await.unwrap();
    let close = [&[0x88, 19, 0x03, 0xf1], "message too large".as_bytes()].concat();
    assert!(bytes.windows(close.len()).any(|window| window == close), "it is told why");
    assert_unharmed(&server, &mut other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_is_closed() {
    let server = Server::start().await;
    let (mut other, _) = server.watch().await;
    let mut stream = raw(&server).await;
    let _hung_up = stream.write_all(&masked(0x89, &[b'p'; 100]).repeat(5000)).await;
    assert_eq!(close_code(&mut stream).await, 4501);
    drop(stream);
    let mut stream = raw(&server).await;
    let _hung_up = stream.write_all(&masked(0x8a, b"").repeat(5000)).await;
    assert_eq!(close_code(&mut stream).await, 4501, "pongs that nobody asked for");
    drop(stream);
    assert_unharmed(&server, &mut other).await;
}

#[tokio::test]
async fn deep_json_and_large_filters_are_answered() {
    let server = Server::start().await;
    let (mut client, _) = server.watch().await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let clauses = |clause: &str, count: usize| vec![clause; count].join(",");
    for (text, code, named) in [
        (deep("[", "]"), "bad_json", "recursion"),
        (format!("{{\"a\":{}1{}}}", r#"{"a":"#.repeat(9_999), "}".repeat(9_999)), "bad_json", "recursion"),
        (format!(r#"{{"type":"set_filters","data":{{"filters":{}}}}}"#, deep("[", "]")), "bad_json", "recursion"),
        (
            format!(r#"{{"type":"set_filters","data":{{"filters":[{}]}}}}"#, clauses("{}", 10_000)),
            "bad_filter",
            "10000 clauses",
        ),
        (
            format!(r#"{{"type":"subscribe","data":{{"filters":[{}]}}}}"#, clauses("{}", 10_000)),
            "bad_filter",
            "10000 clauses",
        ),
        (
            format!(r#"{{"type":"subscribe","data":{{"filters":[{{"tags":[{}]}}]}}}}"#, clauses("\"a\"", 10_000)),
            "bad_filter",
            "10000 values",
        ),
    ] {
        client.say(text.as_str()).await;
        let error = client.frame().await;
        assert_eq!((&error["type"], &error["data"]["code"]), (&json!("error_message"), &json!(code)), "{text:.60}");
        assert!(error["data"]["message"].as_str().unwrap().contains(named), "{error}");
    }
    server.submit("orders");
    assert_eq!(client.frame().await["type"], "job_status_update", "the connection goes on");
}
