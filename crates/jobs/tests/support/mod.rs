//! A manager over a real store, with a scripted runner in real processes.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, Utc};
use etlplus_bus::{Bus, Subscription};
use etlplus_core::LogLevel;
use etlplus_core::ids::{JobId, Offset};
use etlplus_core::job::{JobDefinition, JobState, JobStatus};
use etlplus_core::ports::{
    Answer, Change, Clock, Fact, History, Ledger, LedgerError, LogPosition, Reading, Recorded, StoreUnavailable,
};
use etlplus_jobs::{Jobs, Manager, Options, RunnerProgram};
use etlplus_store::{Opened, Store, Writer};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Far beyond what anything here takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

const PIPELINE: &str = "\
name: scripted
parameters:
  behave: { type: string, default: complete }
source:
  csv: { path: in.csv }
schema:
  id: int64
target:
  csv: { path: out.csv }
";

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A ledger that can be made to refuse.
pub(crate) struct Fickle {
    store: Store,
    is_away: AtomicBool,
    refused: AtomicUsize,
}

impl Fickle {
    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}

impl Ledger for Fickle {
    fn record(&self, changes: Vec<Change>) -> Answer<'_, Result<LogPosition, LedgerError>> {
        if self.is_away.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let error = StoreUnavailable { message: "the test says so".to_owned(), remedy: "wait".to_owned() };
            return Box::pin(async { Err(error.into()) });
        }
        self.store.record(changes)
    }
}

/// A store with all that stands on it.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) ledger: Arc<Fickle>,
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    _writer: Writer,
}

/// A manager that runs.
pub(crate) struct Managing {
    pub(crate) jobs: Jobs,
    pub(crate) readings: mpsc::Receiver<Reading>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let Opened { store, bus, writer } = Store::open(folder.path()).await.expect("a new store opens");
        let ledger =
            Arc::new(Fickle { store: store.clone(), is_away: AtomicBool::new(false), refused: AtomicUsize::new(0) });
        Self { folder, ledger, store, bus, _writer: writer }
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            folder: self.folder.path().to_owned(),
            max_concurrent_jobs: 2,
            max_queued_jobs: 100,
            log_max_bytes: 64 << 20,
            runner: scripted(&[]),
        }
    }

    pub(crate) async fn manage(&self, options: Options) -> Managing {
        manage_on(options, self.ledger.clone(), self.store.clone()).await
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts { subscription: self.bus.subscribe_after(Offset::START), seen: Vec::new() }
    }

    pub(crate) fn attempt_folders(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("attempts")).map_or(0, Iterator::count)
    }

    pub(crate) async fn state(&self, job: JobId) -> JobState {
        self.store.job(job).await.expect("the store answers").expect("the job is known").state
    }
}

/// Starts a manager on the current runtime.
pub(crate) async fn manage_on(options: Options, ledger: Arc<Fickle>, store: Store) -> Managing {
    let (sender, readings) = mpsc::channel(1024);
    let (clock, shutdown) = (Arc::new(SystemClock(Instant::now())), CancellationToken::new());
    let started = Manager::start(options, ledger, Arc::new(store), clock, sender, shutdown.clone()).await;
    let (manager, jobs) = started.expect("the store can be read");
    Managing { jobs, readings, shutdown, task: tokio::spawn(manager.run()) }
}

pub(crate) fn scripted(arguments: &[&str]) -> RunnerProgram {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/runner.py");
    let arguments = [script.into_os_string()].into_iter().chain(arguments.iter().map(Into::into));
    RunnerProgram { program: PathBuf::from("python3"), arguments: arguments.collect() }
}

pub(crate) fn job(behave: &str) -> JobDefinition {
    JobDefinition {
        pipeline: PIPELINE.to_owned(),
        folder: PathBuf::from("/nowhere"),
        parameters: BTreeMap::from([("behave".to_owned(), behave.to_owned())]),
        as_of: Utc::now().trunc_subsecs(6),
        log_level: LogLevel::Info,
    }
}

/// All facts, as they are told.
pub(crate) struct Facts {
    subscription: Subscription,
    pub(crate) seen: Vec<Arc<Recorded>>,
}

impl Facts {
    /// Reads on until a fact makes `is_it` true.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&Recorded) -> bool) {
        let reading = async {
            loop {
                let facts = self.subscription.next().await.expect("facts are not lost");
                let has_come = facts.iter().any(|fact| is_it(fact));
                self.seen.extend(facts);
                if has_come {
                    return;
                }
            }
        };
        let result = tokio::time::timeout(DEADLINE, reading).await;
        assert!(result.is_ok(), "it never came; the moves were {:?}", self.moves());
    }

    pub(crate) async fn until_status(&mut self, job: JobId, status: JobStatus) {
        if !self.statuses(job).contains(&status) {
            self.until(|recorded| matches!(&recorded.fact, Fact::Job { job: header, fact } if header.id == job && fact.state.status() == status)).await;
        }
    }

    /// Each job's moves, by id and status.
    pub(crate) fn moves(&self) -> Vec<(JobId, JobStatus)> {
        let of = |recorded: &Arc<Recorded>| match &recorded.fact {
            Fact::Job { job, fact } => Some((job.id, fact.state.status())),
            Fact::Log { .. } => None,
        };
        self.seen.iter().filter_map(of).collect()
    }

    pub(crate) fn statuses(&self, job: JobId) -> Vec<JobStatus> {
        self.moves().into_iter().filter(|(id, _)| *id == job).map(|(_, status)| status).collect()
    }

    /// The messages of a job's log lines, in order.
    pub(crate) fn lines(&self, job: JobId) -> Vec<String> {
        let of = |recorded: &Arc<Recorded>| match &recorded.fact {
            Fact::Log { job: header, line, .. } if header.id == job => Some(line.message.clone()),
            _ => None,
        };
        self.seen.iter().filter_map(of).collect()
    }
}

/// Waits until `is_so`, which something else brings about.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
