//! Many clients, many cut sockets and some restarts of the server: every fact arrives once and in order.
#![allow(clippy::print_stderr, reason = "a test of faults says how many there were")]

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use etlplus_core::log::LogLevel;
use futures::{SinkExt, StreamExt};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::disk::Disk;
use crate::support::ws::request;

/// How much there is of everything.
#[derive(Clone, Copy)]
struct Scale {
    clients: u64,
    restarts: u64,
    /// Log lines between two restarts, a multiple of 20.
    lines: u64,
}

const SMALL: Scale = Scale { clients: 20, restarts: 5, lines: 800 };
/// About 10,000 facts.
const LARGE: Scale = Scale { clients: 100, restarts: 20, lines: 480 };

/// A socket that breaks once so many bytes have come.
struct Cut {
    socket: TcpStream,
    left: usize,
    cuts: Arc<AtomicU64>,
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            self.cuts.fetch_add(1, Ordering::Relaxed);
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        // Within a frame as well as between two.
        let room = buffer.remaining().min(self.left);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let read = Pin::new(&mut self.socket).poll_read(context, &mut part);
        let count = part.filled().len();
        buffer.advance(count);
        self.left -= count;
        read
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// A client that keeps its place and comes back.
struct Watcher {
    filters: Value,
    /// Whether it says where it was when it comes back. One that does not is the control.
    resumes: bool,
    place: Option<(String, u64)>,
    /// The places of all facts that it was told.
    told: Vec<u64>,
    random: StdRng,
    cuts: Arc<AtomicU64>,
}

impl Watcher {
    /// Watches until it was told all up to the last fact, which `last` names once it is recorded.
    async fn watch(mut self, mut server: watch::Receiver<SocketAddr>, last: watch::Receiver<u64>) -> Vec<u64> {
        loop {
            let address = *server.borrow_and_update();
            // Whatever breaks, it comes again.
            let _broken = self.once(address, &last).await;
            let known = *last.borrow();
            if known > 0 && self.place.as_ref().is_some_and(|(_, place)| *place >= known) {
                return self.told;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn once(&mut self, address: SocketAddr, last: &watch::Receiver<u64>) -> Option<()> {
        let socket = TcpStream::connect(address).await.ok()?;
        let left = self.random.random_range(200..120_000);
        let cut = Cut { socket, left, cuts: self.cuts.clone() };
        let request = request(address, "/ws?start=subscribe", "");
        let (mut socket, _) = timeout(Duration::from_secs(5), client_async(request, cut)).await.ok()?.ok()?;
        let mut last = last.clone();
        loop {
            let message = tokio::select! {
                message = socket.next() => message?.ok()?,
                // The last fact is known from now on.
                Ok(()) = last.changed() => continue,
            };
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == "connection_ack" {
                let subscribe = self.subscribe(&frame);
                socket.send(Message::text(subscribe)).await.ok()?;
            }
            self.take(&frame);
            let known = *last.borrow();
            if known > 0 && self.place.as_ref().is_some_and(|(_, place)| *place >= known) {
                return Some(());
            }
        }
    }

    fn subscribe(&self, ack: &Value) -> String {
        let start = (ack["data"]["position"]["epoch"].as_str().unwrap().to_owned(), 0);
        let (epoch, offset) = self.place.clone().unwrap_or(start);
        let since = json!({"epoch": epoch, "offset": offset});
        let since = if self.resumes || self.place.is_none() { since } else { Value::Null };
        json!({"type": "subscribe", "data": {"since": since, "filters": self.filters}}).to_string()
    }

    fn take(&mut self, frame: &Value) {
        let Some(offset) = frame["offset"].as_u64() else { return };
        assert_ne!(frame["type"], "gap", "{frame}");
        if frame["type"] != "bookmark" && frame["type"] != "snapshot" {
            self.told.push(offset);
        }
        if frame["data"]["more"] != json!(true) {
            self.place = Some((frame["epoch"].as_str().unwrap().to_owned(), offset));
        }
    }
}

/// What watchers with these filters were told, how many sockets were cut, and the places of all lines of `orders`, with the
/// last fact of all.
async fn soak(
    Scale { restarts, lines: count, .. }: Scale,
    filters: &[Value],
    resumes: bool,
) -> (Vec<Vec<u64>>, u64, Vec<u64>, u64) {
    let settings = json!({"monitoring": {"websocket": {"heartbeat_interval": "500ms"}},
        "server": {"requests_per_second": 100_000}});
    let mut disk = Disk::start(settings).await;
    let (address, server) = watch::channel(disk.address());
    let (is_last, last) = watch::channel(0);
    let cuts = Arc::new(AtomicU64::new(0));
    let mut watchers = JoinSet::new();
    for (number, filters) in filters.iter().enumerate() {
        let (random, filters) = (StdRng::seed_from_u64(number as u64), filters.clone());
        let watcher = Watcher { filters, resumes, place: None, told: Vec::new(), random, cuts: cuts.clone() };
        let (server, last) = (server.clone(), last.clone());
        watchers.spawn(async move { (number, watcher.watch(server, last).await) });
    }
    let mut lines = Vec::new();
    for round in 0..=restarts {
        let (orders, people) = (disk.start_job("orders", "nightly").await, disk.start_job("people", "hourly").await);
        for part in 0..count / 20 {
            disk.say(people, LogLevel::Debug, (0..10).map(|line| format!("{line} {}", "p".repeat(300)))).await;
            let before = disk.position().offset.get();
            disk.say(orders, LogLevel::Info, (0..10).map(|line| format!("{round} {part} {line}"))).await;
            lines.extend(before + 1..=before + 10);
        }
        disk.complete(orders).await;
        disk.complete(people).await;
        if round < restarts {
            disk = disk.restart().await;
            address.send_replace(disk.address());
        }
    }
    let newest = disk.position().offset.get();
    is_last.send_replace(newest);
    let ended = timeout(Duration::from_secs(120), watchers.join_all()).await.expect("all arrive in time");
    let mut told = vec![Vec::new(); filters.len()];
    ended.into_iter().for_each(|(number, of_one)| told[number] = of_one);
    (told, cuts.load(Ordering::Relaxed), lines, newest)
}

/// How many of `expected` are missing in `told`, how many are there more than once, and how many come after a later one.
fn faults(told: &[u64], expected: &[u64]) -> (usize, usize, usize) {
    let mut sorted = told.to_vec();
    sorted.sort_unstable();
    let all = sorted.len();
    sorted.dedup();
    let missing = expected.iter().filter(|place| sorted.binary_search(place).is_err()).count();
    let disordered = told.windows(2).filter(|pair| pair[0] > pair[1]).count();
    (missing, all - sorted.len(), disordered)
}

async fn assert_whole(scale: Scale, cuts_min: u64) {
    let Scale { clients, restarts, .. } = scale;
    let of_lines = json!([{"pipelines": ["orders"], "types": ["job_log_message"]}]);
    let filter = |number| if number % 4 == 3 { of_lines.clone() } else { json!([]) };
    let filters: Vec<_> = (0..clients).map(filter).collect();
    let (told, cuts, lines, newest) = soak(scale, &filters, true).await;
    let everything: Vec<u64> = (1..=newest).collect();
    eprintln!("{clients} clients, {newest} facts, {restarts} restarts: {cuts} sockets were cut while they were read");
    for (number, (told, filters)) in told.iter().zip(&filters).enumerate() {
        let expected = if *filters == of_lines { &lines } else { &everything };
        assert_eq!(faults(told, expected), (0, 0, 0), "missing, doubled, out of order: client {number}");
        assert_eq!(told.len(), expected.len(), "client {number} was told more than it asked for");
    }
    assert!(cuts >= cuts_min, "the faults fired: {cuts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_is_missing_doubled_or_out_of_order_after_hundreds_of_cuts_and_some_restarts() {
    assert_whole(SMALL, 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes long: a hundred clients, ten thousand facts, twenty restarts"]
async fn nor_after_thousands_of_cuts_and_many_restarts() {
    assert_whole(LARGE, 1000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_place_to_go_on_from_facts_are_missing() {
    let (told, cuts, _, newest) = soak(SMALL, &[json!([]), json!([])], false).await;
    let everything: Vec<u64> = (1..=newest).collect();
    let missing: Vec<_> = told.iter().map(|told| faults(told, &everything).0).collect();
    eprintln!("{cuts} sockets were cut, and {missing:?} of {newest} facts are missing");
    assert!(cuts > 0 && missing.iter().all(|missing| *missing > 0), "{missing:?} after {cuts} cuts");
}
