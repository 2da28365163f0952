//! What the design that the product grew from promises, where no other test says the same. `docs/seed-coverage.md` lists them all.

mod going_on;
mod load;
mod shape;
mod warnings;

use futures::StreamExt;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::server::{DEADLINE, Server};

/// Enough rows that a job can be met while it runs.
const MANY: u64 = 3_000_000;

/// A client that reads frames as they are.
struct Watcher(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>);

impl Watcher {
    /// Connects and reads up to the snapshot.
    async fn start(server: &Server) -> Self {
        let address = format!("{}/ws", server.address.replace("http://", "ws://"));
        let mut watcher = Self(tokio_tungstenite::connect_async(address).await.expect("it connects").0);
        watcher.until(|frame| frame["type"] == "snapshot").await;
        watcher
    }

    async fn next(&mut self) -> Value {
        let text = tokio::time::timeout(DEADLINE, async {
            loop {
                match self.0.next().await.expect("the socket stays open").expect("the frames are frames") {
                    Message::Text(text) => return text,
                    Message::Close(close) => panic!("closed: {close:?}"),
                    _ => {}
                }
            }
        });
        serde_json::from_str(&text.await.expect("a frame in time")).expect("a frame is JSON")
    }

    /// All frames up to the first that is `wanted`, that one included.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.next().await);
            if wanted(frames.last().expect("one was just added")) {
                return frames;
            }
        }
    }
}

fn is_move(frame: &Value, job: &str, status: &str) -> bool {
    frame["type"] == "job_status_update" && frame["data"]["jobId"] == job && frame["data"]["status"] == status
}

fn last(frames: &[Value]) -> &Value {
    frames.last().expect("frames came")
}
