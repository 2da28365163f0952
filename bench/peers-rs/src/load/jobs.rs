//! Jobs of a real server, as those see them who submit and watch.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};

use crate::Failed;
use crate::process::cpu_seconds;
use crate::socket::{Poster, Socket};
use crate::watch::{Watched, watch};

/// What to do.
#[derive(Clone, Deserialize)]
pub struct Plan {
    /// The server.
    address: String,
    /// Its process.
    pid: u32,
    /// The body of `POST /api/jobs`.
    body: String,
    /// How many jobs, all submitters together.
    jobs: usize,
    /// Each submits a job when its last one has ended.
    submitters: usize,
    /// Milliseconds that a submitter waits before each job.
    pause_ms: u64,
    /// How many watch, without a filter.
    clients: usize,
    /// Whether every frame is kept until the end, to tell how old it was when it came.
    is_timed: bool,
}

/// What came of it. Times are milliseconds.
#[derive(Default, Serialize)]
pub struct Report {
    /// From the first POST until every client had seen the last end.
    seconds: f64,
    /// Processor time of the server's process meanwhile; its runners are not counted.
    server_cpu_seconds: f64,
    /// Of each job: from sending the POST to the 202.
    accepted: Vec<f64>,
    /// Of each job: from the 202 to the PENDING frame at the first client; negative where the frame came first.
    pending: Vec<f64>,
    /// Of each job: from sending the POST to the frame of its end at the first client.
    ended: Vec<f64>,
    /// Of each job that ended otherwise than COMPLETED: the frame that said so.
    failed: Vec<String>,
    /// Of each change of a job's status and each client: from the fact's `timestamp` to its receipt.
    changes: Vec<f64>,
    /// The same of log lines.
    lines: Vec<f64>,
    /// Of each client: how many facts it got.
    facts: Vec<u64>,
    /// Of each client: how many rejected rows it was told of by a log line.
    rejected: Vec<u64>,
    /// Whether the offsets of the facts rose by one at every client.
    is_whole: bool,
}

/// When the first client saw what became of a job.
#[derive(Default)]
pub struct Seen {
    pub jobs: RefCell<HashMap<String, Life>>,
    pub changed: Notify,
}

/// When a job's frames came.
#[derive(Debug, Clone, Default)]
pub struct Life {
    pub pending: Option<Instant>,
    pub ended: Option<Instant>,
    /// The frame of its end, where that is not COMPLETED.
    pub failed: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    job_id: String,
}

/// When a job was submitted and accepted, and what the first client saw of it.
struct Submitted {
    at: Instant,
    accepted: Instant,
    seen: Life,
}

/// Does what `plan` says.
pub async fn run(plan: Plan) -> Result<Report, Failed> {
    LocalSet::new().run_until(run_here(plan)).await
}

async fn run_here(plan: Plan) -> Result<Report, Failed> {
    let seen = Rc::new(Seen::default());
    let mut clients = Vec::new();
    for number in 0..plan.clients {
        let socket = Socket::connect(&plan.address).await?;
        let seen = (number == 0).then(|| seen.clone());
        clients.push(spawn_local(watch(socket, plan.jobs, plan.is_timed, seen)));
    }
    let (begun, cpu) = (Instant::now(), cpu_seconds(plan.pid)?);
    let mut submitters = Vec::new();
    for number in 0..plan.submitters {
        let jobs = plan.jobs / plan.submitters + usize::from(number < plan.jobs % plan.submitters);
        submitters.push(spawn_local(submit(plan.clone(), jobs, seen.clone())));
    }
    let mut jobs = Vec::new();
    for submitter in submitters {
        jobs.extend(submitter.await??);
    }
    let mut watched = Vec::new();
    for client in clients {
        watched.push(client.await??);
    }
    let (seconds, server_cpu_seconds) = (begun.elapsed().as_secs_f64(), cpu_seconds(plan.pid)? - cpu);
    let mut report = Report { seconds, server_cpu_seconds, is_whole: true, ..Report::default() };
    jobs.iter().for_each(|job| report.add_job(job));
    watched.iter().try_for_each(|client| report.add_client(client))?;
    Ok(report)
}

async fn submit(plan: Plan, jobs: usize, seen: Rc<Seen>) -> io::Result<Vec<Submitted>> {
    let mut poster = Poster::connect(&plan.address, "/api/jobs", &plan.body).await?;
    let mut submitted = Vec::new();
    for _ in 0..jobs {
        tokio::time::sleep(Duration::from_millis(plan.pause_ms)).await;
        let at = Instant::now();
        let answer = poster.post().await?;
        let accepted = Instant::now();
        let Accepted { job_id } = serde_json::from_slice(&answer)?;
        submitted.push(Submitted { at, accepted, seen: end_of(&seen, &job_id).await });
    }
    Ok(submitted)
}

async fn end_of(seen: &Seen, job: &str) -> Life {
    loop {
        let changed = seen.changed.notified();
        if let Some(life) = seen.jobs.borrow().get(job).filter(|life| life.ended.is_some()) {
            return life.clone();
        }
        changed.await;
    }
}

impl Report {
    fn add_job(&mut self, job: &Submitted) {
        self.accepted.push(milliseconds(job.at, job.accepted));
        self.pending.extend(job.seen.pending.map(|pending| milliseconds(job.accepted, pending)));
        self.ended.extend(job.seen.ended.map(|ended| milliseconds(job.at, ended)));
        self.failed.extend(job.seen.failed.clone());
    }

    fn add_client(&mut self, client: &Watched) -> Result<(), Failed> {
        self.facts.push(client.facts);
        self.rejected.push(client.rejected);
        self.is_whole &= client.is_whole;
        for raw in &client.kept {
            let (is_line, age) = raw.age()?;
            if is_line { &mut self.lines } else { &mut self.changes }.push(age);
        }
        Ok(())
    }
}

/// From one instant to another, which may be the earlier one.
fn milliseconds(from: Instant, to: Instant) -> f64 {
    1e3 * (to.saturating_duration_since(from).as_secs_f64() - from.saturating_duration_since(to).as_secs_f64())
}
