//! How many submits and log lines a second go through the port: `cargo run -p etlplus-store --example measure`.

use std::io::{self, Write};
use std::time::Instant;

use chrono::Utc;
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{JobDefinition, JobHeader, JobType};
use etlplus_core::ports::{Change, Ledger};
use etlplus_core::{LogLevel, LogLine};
use etlplus_store::Store;
use tokio::task::JoinSet;
use uuid::Uuid;

const LINES: u64 = 20_000;

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
    (id, Change::Submit { header, definition })
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
    let line = |line| LogLine { line, at: Utc::now(), level: LogLevel::Info, message: message.to_owned() };
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
    opened.writer.close().await?;
    Ok(())
}
