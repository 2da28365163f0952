//! The peer: what one writes first. Each message is sent on its own, through axum's WebSocket, to each client that has its
//! own place in a tokio broadcast channel.
//!
//! It prints its address, and greets each client with an empty snapshot. For each line `N` on its standard input it says N
//! messages, which are the frames that the server sends for a log line of 120 characters. It ends with its input.

use std::io::Write;

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::broadcast;

/// More than are ever under way, so that nobody misses one.
const MESSAGES_MAX: usize = 4096;

#[tokio::main]
async fn main() {
    let (sender, _) = broadcast::channel::<Utf8Bytes>(MESSAGES_MAX);
    let subscribe = sender.clone();
    let handler = move |upgrade: WebSocketUpgrade| {
        let messages = subscribe.subscribe();
        async move { upgrade.on_upgrade(|socket| tell(socket, messages)) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("http://{}", listener.local_addr().expect("a listener has an address"));
    std::io::stdout().flush().expect("somebody reads the address");
    let app = Router::new().route("/ws", any(handler));
    tokio::spawn(async { axum::serve(listener, app).await });
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    let mut number = 0;
    while let Some(count) = input.next_line().await.expect("the input is text") {
        for _ in 0..count.parse::<u64>().expect("a count") {
            number += 1;
            // It fails where nobody listens, which the load would notice.
            let _nobody = sender.send(message(number));
        }
    }
}

async fn tell(mut socket: WebSocket, mut messages: broadcast::Receiver<Utf8Bytes>) {
    let snapshot = Utf8Bytes::from_static(r#"{"type":"snapshot","data":{"jobs":[]}}"#);
    if socket.send(Message::Text(snapshot)).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            message = messages.recv() => {
                let Ok(text) = message else { return };
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            // What the client says is read, as every server has to; pings are answered by the library.
            said = socket.recv() => {
                if !matches!(said, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}

fn message(number: u64) -> Utf8Bytes {
    let (now, line) = (chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true), "x".repeat(120));
    let (job, epoch) = ("0198f7a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b", "0198f79f-0000-7000-8000-000000000001");
    format!(
        r#"{{"type":"job_log_message","data":{{"jobId":"{job}","pipeline":"orders","attempt":1,"line":{number},"timestamp":"{now}","level":"INFO","message":"{line}"}},"timestamp":"{now}","epoch":"{epoch}","offset":{number}}}"#
    )
    .into()
}
