//! Measures the live channel: processor time of the server for each message that reached a client, and memory for each
//! idle connection.
//!
//! ```sh
//! cargo run --release -p etlplus-server --example fanout -- 1000
//! ```
//!
//! The clients are another process, so that their work is not counted.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement that fails tells so by ending")]

#[path = "../tests/server/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use etlplus_core::log::LogLevel;
use etlplus_server::Options;
use support::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Characters of a log line.
const LINE_CHARS: usize = 120;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.as_slice() {
        [address, count] => runtime.block_on(clients(address, count.parse().unwrap())),
        [count] => runtime.block_on(measure(count.parse().unwrap())),
        _ => println!("say how many clients"),
    }
}

async fn measure(count: u64) {
    let max_connections = usize::try_from(count).unwrap() + 1;
    let server = Server::with(Options { max_connections, ..Options::default() }).await;
    // Pages and threads that everything needs are there before the first client.
    drop(server.watch().await);
    let memory = resident_bytes();
    let mut child = start_clients(&server, count);
    let delivered = follow(&mut child);
    wait_for(&delivered, 2 * count).await;
    println!("{count} clients, {} bytes of memory for each", (resident_bytes() - memory) / count);
    let job = server.running("orders");
    let mut target = 4 * count;
    wait_for(&delivered, target).await;
    for batch in [1, 10, 100] {
        let (begun, cpu, before) = (Instant::now(), cpu_time(), target);
        while begun.elapsed() < Duration::from_secs(5) {
            server.say(job, LogLevel::Info, (0..batch).map(|_| "x".repeat(LINE_CHARS)));
            target += batch * count;
            wait_for(&delivered, target).await;
        }
        report(&format!("flat out, batches of {batch}"), target - before, begun.elapsed(), cpu_time() - cpu);
    }
    let (begun, cpu, before) = (Instant::now(), cpu_time(), target);
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    while begun.elapsed() < Duration::from_secs(10) {
        ticks.tick().await;
        server.say(job, LogLevel::Info, ["x".repeat(LINE_CHARS)]);
        target += count;
    }
    wait_for(&delivered, target).await;
    report("200 messages a second", target - before, begun.elapsed(), cpu_time() - cpu);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn report(what: &str, messages: u64, took: Duration, cpu: Duration) {
    let per_message = cpu.as_secs_f64() / messages as f64 * 1e6;
    let rate = messages as f64 / took.as_secs_f64();
    let cores = cpu.as_secs_f64() / took.as_secs_f64();
    println!("{what}: {rate:.0} messages/s delivered, {per_message:.2} us of processor each, {cores:.2} cores");
}

fn start_clients(server: &Server, count: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([server.address.to_string(), count.to_string()]);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// How many frames the clients have had, as they tell it.
fn follow(child: &mut Child) -> Arc<AtomicU64> {
    let (mut output, delivered) = (child.stdout.take().unwrap(), Arc::new(AtomicU64::new(0)));
    let told = delivered.clone();
    std::thread::spawn(move || {
        let mut number = [0; 8];
        while output.read_exact(&mut number).is_ok() {
            told.store(u64::from_le_bytes(number), Ordering::Relaxed);
        }
    });
    delivered
}

async fn wait_for(delivered: &AtomicU64, target: u64) {
    while delivered.load(Ordering::Relaxed) < target {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn clients(address: &str, count: u64) {
    let frames = Arc::new(AtomicU64::new(0));
    for _ in 0..count {
        let stream = TcpStream::connect(address).await.unwrap();
        tokio::spawn(client(stream, frames.clone()));
    }
    let mut last = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let now = frames.load(Ordering::Relaxed);
        if now != last {
            last = now;
            let mut output = std::io::stdout();
            output.write_all(&now.to_le_bytes()).and_then(|()| output.flush()).unwrap();
        }
    }
}

/// Counts the frames of a connection without looking into them.
async fn client(mut stream: TcpStream, frames: Arc<AtomicU64>) {
    let handshake = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut bytes = Vec::with_capacity(16 << 10);
    let mut is_upgraded = false;
    loop {
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return;
        }
        let mut at = 0;
        if !is_upgraded {
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            (is_upgraded, at) = (true, end + 4);
        }
        let mut count = 0;
        while let Some(length) = frame_length(&bytes[at..]).filter(|length| at + length <= bytes.len()) {
            at += length;
            count += 1;
        }
        bytes.drain(..at);
        frames.fetch_add(count, Ordering::Relaxed);
    }
}

fn frame_length(bytes: &[u8]) -> Option<usize> {
    match *bytes.get(1)? {
        126 => Some(4 + usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => Some(10 + u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        short => Some(2 + usize::from(short)),
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Processor time of this process, in ticks of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}
