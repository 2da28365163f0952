//! Many clients who all get everything from a server that is made to speak.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::Failed;
use crate::process::cpu_seconds;
use crate::socket::Socket;

/// Flat out: so many messages are said at a time, ...
const BATCH: u64 = 50;
/// ... as soon as no more than so many are on their way to some client. No server gives a client up for being so far behind.
const UNDER_WAY_MAX: u64 = 400;
/// Said before anything is measured.
const WARM_UP: u64 = 100;
const MESSAGE: &[u8] = br#"{"type":"job_log_message""#;

/// What to do.
#[derive(Deserialize)]
pub struct Plan {
    /// The server: prints its address, sends each client a snapshot first, and says N messages for each line `N` on its standard input.
    command: Vec<String>,
    /// How many watch.
    clients: u64,
    /// Messages per second; flat out where it is left out.
    rate: Option<f64>,
    /// For how long.
    seconds: f64,
}

/// What came of it.
#[derive(Serialize)]
pub struct Report {
    /// Messages that were said.
    said: u64,
    /// Messages that clients got: `said` times the clients.
    delivered: u64,
    /// Bytes of text of a message.
    message_bytes: f64,
    /// From the first to the last.
    seconds: f64,
    /// Processor time of the server's process meanwhile.
    server_cpu_seconds: f64,
    /// Milliseconds from saying a batch until the last client had it.
    delays: Vec<f64>,
}

/// What all clients together got.
#[derive(Default)]
struct Delivered {
    messages: u64,
    bytes: u64,
    /// Batches under way: how many messages there are in all when it has arrived, and when it was said.
    under_way: VecDeque<(u64, Instant)>,
    delays: Vec<f64>,
}

struct Counter {
    delivered: RefCell<Delivered>,
    changed: Notify,
}

/// A server that speaks when it is told to.
struct Speaker {
    process: Child,
    input: ChildStdin,
    address: String,
}

/// Does what `plan` says.
pub async fn run(plan: Plan) -> Result<Report, Failed> {
    LocalSet::new().run_until(run_here(plan)).await
}

async fn run_here(plan: Plan) -> Result<Report, Failed> {
    let mut speaker = Speaker::start(&plan.command).await?;
    let counter = Rc::new(Counter { delivered: RefCell::default(), changed: Notify::new() });
    let mut clients = JoinSet::new();
    for _ in 0..plan.clients {
        let socket = Socket::connect(&speaker.address).await?;
        clients.spawn_local(count(socket, counter.clone()));
    }
    let measured = measure(&plan, &mut speaker, &counter);
    let report = tokio::select! {
        report = measured => report?,
        lost = clients.join_next() => return Err(format!("a client ended early: {lost:?}").into()),
    };
    speaker.process.kill().await?;
    Ok(report)
}

async fn measure(plan: &Plan, speaker: &mut Speaker, counter: &Counter) -> Result<Report, Failed> {
    let mut said = WARM_UP;
    speaker.say(WARM_UP).await?;
    counter.wait_for(said * plan.clients).await;
    *counter.delivered.borrow_mut() = Delivered { messages: said * plan.clients, ..Delivered::default() };
    let pid = speaker.process.id().ok_or("the server has ended")?;
    let (begun, cpu) = (Instant::now(), cpu_seconds(pid)?);
    let mut ticks = interval(plan.rate.map_or(Duration::MAX, |rate| Duration::from_secs_f64(1.0 / rate)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while begun.elapsed().as_secs_f64() < plan.seconds {
        let batch = match plan.rate {
            Some(_) => {
                ticks.tick().await;
                1
            }
            None => {
                counter.wait_for(said.saturating_sub(UNDER_WAY_MAX - BATCH) * plan.clients).await;
                BATCH
            }
        };
        said += batch;
        counter.delivered.borrow_mut().under_way.push_back((said * plan.clients, Instant::now()));
        speaker.say(batch).await?;
    }
    counter.wait_for(said * plan.clients).await;
    let (seconds, server_cpu_seconds) = (begun.elapsed().as_secs_f64(), cpu_seconds(pid)? - cpu);
    let delivered = counter.delivered.take();
    let (said, count) = (said - WARM_UP, delivered.messages - WARM_UP * plan.clients);
    let message_bytes = delivered.bytes as f64 / count as f64;
    Ok(Report { said, delivered: count, message_bytes, seconds, server_cpu_seconds, delays: delivered.delays })
}

async fn count(mut socket: Socket, counter: Rc<Counter>) -> io::Result<()> {
    loop {
        let (mut messages, mut bytes) = (0, 0);
        let read = socket.read(|text| {
            let is_message = text.starts_with(MESSAGE);
            messages += u64::from(is_message);
            bytes += if is_message { text.len() as u64 } else { 0 };
        });
        read.await?;
        counter.add(messages, bytes);
    }
}

impl Counter {
    fn add(&self, messages: u64, bytes: u64) {
        let delivered = &mut *self.delivered.borrow_mut();
        delivered.messages += messages;
        delivered.bytes += bytes;
        while let Some((_, said)) = delivered.under_way.pop_front_if(|(target, _)| *target <= delivered.messages) {
            delivered.delays.push(1e3 * said.elapsed().as_secs_f64());
        }
        self.changed.notify_waiters();
    }

    async fn wait_for(&self, messages: u64) {
        loop {
            let changed = self.changed.notified();
            if self.delivered.borrow().messages >= messages {
                return;
            }
            changed.await;
        }
    }
}

impl Speaker {
    async fn start(command: &[String]) -> Result<Self, Failed> {
        let [program, arguments @ ..] = command else { return Err("the command is empty".into()) };
        let mut command = Command::new(program);
        let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let (Some(input), Some(output)) = (input, output) else { return Err("the server has no pipes".into()) };
        let address = BufReader::new(output).lines().next_line().await?.ok_or("the server did not start")?;
        Ok(Self { process, input, address })
    }

    async fn say(&mut self, messages: u64) -> io::Result<()> {
        self.input.write_all(format!("{messages}\n").as_bytes()).await?;
        self.input.flush().await
    }
}
