//! How many submits and log lines a second go through the port, how many facts rules are shown, and how many rows are
//! forgotten: `cargo run -p etlplus-store --example measure`.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{JobDefinition, JobHeader, JobInput, JobPolicy, JobType};
use etlplus_core::ports::{Alerts, Change, Consequences, History, Ledger, NewJob, Retention, RetentionLimits, Rules};
use etlplus_core::{LogLevel, LogLine};
use etlplus_store::Store;
use tokio::task::JoinSet;
use uuid::Uuid;

const LINES: u64 = 20_000;
/// Facts that are shown at once, and rows that are forgotten.
const STEP: NonZeroUsize = NonZeroUsize::new(500).expect("500 is not zero");

fn submit() -> (JobId, Change) {
    let (id, now) = (JobId::from_uuid(Uuid::now_v7()), Utc::now());
    let header = JobHeader {
        id,
        pipeline: "orders".to_owned(),
        job_type: JobType::FullEtl,
        tags: vec!["daily".to_owned()],
        submitted_at: now,
    };
    let definition = JobDefinition {
        pipeline: "# a pipeline of ordinary length\n".repeat(60),
        folder: "/srv/pipelines".into(),
        parameters: Default::default(),
        as_of: now,
        log_level: LogLevel::Info,
    };
    let new = NewJob {
        header,
        definition,
        policy: JobPolicy::default(),
        not_before: None,
        idempotency: None,
        scheduled_for: None,
    };
    (id, Change::Submit(Box::new(new)))
}

async fn submits(store: &Store, callers: usize, each: usize) -> f64 {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..each {
                store.record(vec![submit().1]).await.expect("the store works");
            }
        });
    }
    tasks.join_all().await;
    (callers * each) as f64 / start.elapsed().as_secs_f64()
}

async fn lines(store: &Store, per_call: u64) -> f64 {
    let (job, change) = submit();
    store.record(vec![change]).await.expect("the store works");
    let message = "Checked rows 1,000,001 to 1,008,192 of orders.csv, and rejected 3 of them";
    let line = |line| LogLine::new(line, Utc::now(), LogLevel::Info, message.to_owned());
    let all: Vec<_> = (1..=LINES).map(line).collect();
    let calls: Vec<_> = all.chunks(per_call as usize).map(<[LogLine]>::to_vec).collect();
    let (start, mut spool_bytes) = (Instant::now(), 0);
    for lines in calls {
        spool_bytes += lines.len() as u64 * 150;
        let change = Change::Log { job, attempt: AttemptNumber::FIRST, lines, spool_bytes };
        store.record(vec![change]).await.expect("the store works");
    }
    LINES as f64 / start.elapsed().as_secs_f64()
}

/// Ends the jobs that wait, so that they can be forgotten.
async fn end_all(store: &Store) {
    let waiting = store.snapshot().await.expect("the store works").jobs;
    for jobs in waiting.chunks(500) {
        let changes = jobs.iter().map(|job| {
            let step = job.state.apply(JobInput::Cancel, Utc::now()).expect("it waits");
            let fact = step.facts.into_iter().next().expect("it has not ended");
            Change::Move { job: job.header.id, fact, report: None }
        });
        store.record(changes.collect()).await.expect("the store works");
    }
}

/// Facts that rules are shown a second, and how many there were.
async fn advance(store: &Store) -> (f64, usize) {
    let rules: Rules = Arc::new(|_, _| Consequences::default());
    let (start, mut facts) = (Instant::now(), 0);
    loop {
        match store.advance(rules.clone(), STEP).await.expect("the store works") {
            0 => return (facts as f64 / start.elapsed().as_secs_f64(), facts),
            read => facts += read,
        }
    }
}

/// Forgets everything: rows a second, and the longest step in milliseconds.
async fn prune(store: &Store) -> (f64, f64) {
    let limits = RetentionLimits { jobs_max: Some(0), ..RetentionLimits::default() };
    let (start, mut rows, mut longest) = (Instant::now(), 0, 0.0_f64);
    loop {
        let step = Instant::now();
        let pruned = store.prune(limits, STEP).await.expect("the store works");
        longest = longest.max(step.elapsed().as_secs_f64() * 1e3);
        rows += pruned.jobs + pruned.lines + pruned.samples;
        if !pruned.more {
            return (rows as f64 / start.elapsed().as_secs_f64(), longest);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let opened = Store::open(folder.path()).await?;
    let mut out = io::stdout();
    for (callers, each) in [(1, 2_000), (16, 500), (256, 50), (1_000, 20)] {
        let rate = submits(&opened.store, callers, each).await;
        writeln!(out, "{rate:>9.0} submits/s by {callers} callers")?;
    }
    for per_call in [10, 100, 1_000, 20_000] {
        let rate = lines(&opened.store, per_call).await;
        writeln!(out, "{rate:>9.0} log lines/s by calls of {per_call}")?;
    }
    let wal = std::fs::metadata(folder.path().join("etlplus.db-wal"))?;
    writeln!(out, "{:>9} bytes in the write-ahead log", wal.len())?;
    end_all(&opened.store).await;
    let (rate, facts) = advance(&opened.store).await;
    writeln!(out, "{rate:>9.0} facts/s shown to rules, {facts} in all")?;
    let (rate, longest) = prune(&opened.store).await;
    writeln!(out, "{rate:>9.0} rows/s forgotten, {longest:.0} ms for the longest step of {STEP}")?;
    opened.writer.close().await?;
    Ok(())
}
