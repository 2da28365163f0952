//! The clients of the benchmark of the live channel, in a process of their own, so that their work is not the server's.
//! One thread does it all, which leaves the other cores to the server.
//!
//! ```sh
//! load jobs PLAN        submits jobs and watches them; PLAN is a `jobs::Plan` as JSON
//! load fanout PLAN      counts what clients get while the server is made to speak; PLAN is a `fanout::Plan` as JSON
//! load hold ADDRESS N   keeps N connections that say nothing until its standard input ends
//! ```
//!
//! What was measured is printed as one line of JSON. A client that loses its connection or waits for too long ends it all
//! with 1.

mod fanout;
mod jobs;
mod process;
mod socket;
mod watch;

use std::error::Error;
use std::io::Write;

use serde::Serialize;
use socket::Socket;

/// An error for the person in front of the screen.
type Failed = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["jobs", plan] => print(&jobs::run(serde_json::from_str(plan)?).await?),
        ["fanout", plan] => print(&fanout::run(serde_json::from_str(plan)?).await?),
        ["hold", address, count] => hold(address, count.parse()?).await,
        _ => Err("say jobs PLAN, fanout PLAN or hold ADDRESS N".into()),
    }
}

fn print(report: &impl Serialize) -> Result<(), Failed> {
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(report)?)?)
}

async fn hold(address: &str, count: usize) -> Result<(), Failed> {
    for _ in 0..count {
        let mut socket = Socket::connect(address).await?;
        tokio::spawn(async move { while socket.read(|_| {}).await.is_ok() {} });
    }
    print(&"held")?;
    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await?;
    // Not by returning, which would wait for the thread that reads the input.
    std::process::exit(0)
}
