//! The live channel alone, for `bench/live.py`: no store on a disk and no jobs, so that what it costs to tell a line to
//! many clients can be measured flat out.
//!
//! It prints its address. For each line `N` on its standard input it records N log lines as one batch, as the store does
//! that takes all that has queued. It ends with its input. The argument is how many clients may connect.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement that fails tells so by ending")]

#[path = "../tests/server/support/mod.rs"]
mod support;

use etlplus_core::log::LogLevel;
use serde_json::json;
use support::Server;

/// Characters of a log line.
const LINE_CHARS: usize = 120;

#[tokio::main]
async fn main() {
    let max_connections: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let settings = json!({
        // All clients come at once, from one address.
        "server": {"requests_per_second": 1_000_000},
        "monitoring": {"websocket": {"max_connections": max_connections}},
    });
    let server = Server::with(settings).await;
    let job = server.running("orders");
    println!("http://{}", server.address);
    let speak = move || {
        for count in std::io::stdin().lines() {
            let count: usize = count.unwrap().parse().unwrap();
            server.say(job, LogLevel::Info, (0..count).map(|_| "x".repeat(LINE_CHARS)));
        }
    };
    // Waiting for the input takes none of the threads that serve.
    tokio::task::spawn_blocking(speak).await.unwrap();
}
