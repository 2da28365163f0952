//! Somebody who takes webhooks, and does not always.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::DEADLINE;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It is answered with this status.
    Answer(u16),
    /// It is read, and the connection is cut without an answer.
    Cut,
}

/// A request that arrived whole.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// By name, in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn key(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a webhook is JSON")
    }
}

/// A receiver on a free port of this machine. Its thread ends with the test's process.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    manner: Manner,
    received: Vec<Received>,
}

impl Receiver {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(Mutex::new(State { manner, received: Vec::new() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn set(&self, manner: Manner) {
        self.state.lock().expect("no thread panicked").manner = manner;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().expect("no thread panicked").received.clone()
    }

    /// Waits until what was received is as wanted.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_there: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let received = self.received();
            if is_there(&received) {
                return received;
            }
            assert!(Instant::now() < deadline, "never received {what}: {received:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some(received) = read(&mut reader) {
        let manner = {
            let mut state = state.lock().expect("no thread panicked");
            state.received.push(received);
            state.manner
        };
        match manner {
            Manner::Answer(status) => {
                let answer = format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n");
                if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            Manner::Cut => return,
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { headers, body: String::from_utf8(body).expect("a webhook is UTF-8") })
}
