//! A server on a port of its own, over a store in memory, and jobs that do what a test says.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod http;
pub(crate) mod store;
pub(crate) mod ws;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use etlplus_bus::Bus;
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{JobDefinition, JobHeader, JobInput, JobType};
use etlplus_core::log::{LogLevel, LogLine};
use etlplus_core::ports::{AttemptReport, Change, Clock, History, Reading, Sample};
use etlplus_core::progress::{Progress, Stage, Usage};
use etlplus_jobs::{Manager, RunnerProgram};
use etlplus_monitor::Monitor;
use etlplus_server::{Options, Parts, ServeError, serve};
use store::MemoryStore;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// How long a test waits for what has to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) readings: mpsc::Sender<Reading>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
    _manager: DropGuard,
}

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let (store, bus) = MemoryStore::new();
        Self::over(store, bus, options).await
    }

    pub(crate) async fn over(store: Arc<MemoryStore>, bus: Bus, options: Options) -> Self {
        let (readings, received) = mpsc::channel(64);
        let clock: Arc<dyn Clock> = Arc::new(RealClock(Instant::now()));
        let monitor = Monitor::start(store.clone(), bus.clone(), received).await.unwrap();
        let job_options = etlplus_jobs::Options {
            folder: std::env::temp_dir(),
            // Nothing starts: what jobs do is the test's to say.
            max_concurrent_jobs: 0,
            max_queued_jobs: 5,
            log_max_bytes: 1 << 20,
            runner: RunnerProgram { program: "/bin/false".into(), arguments: Vec::new() },
        };
        let of_manager = CancellationToken::new();
        let (manager, jobs) = Manager::start(
            job_options,
            store.clone(),
            store.clone(),
            clock.clone(),
            readings.clone(),
            of_manager.clone(),
        )
        .await
        .unwrap();
        tokio::spawn(manager.run());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let (history, pipelines) = (store.clone(), store.clone());
        let parts = Parts { history, pipelines, jobs, monitor, bus, clock, options };
        let task = tokio::spawn(serve(listener, parts, shutdown.clone()));
        Self { address, store, readings, shutdown, task, _manager: of_manager.drop_guard() }
    }

    pub(crate) fn submit(&self, pipeline: &str) -> JobId {
        let id = JobId::from_uuid(Uuid::now_v7());
        let header = JobHeader {
            id,
            pipeline: pipeline.to_owned(),
            job_type: JobType::Load,
            tags: vec!["nightly".to_owned()],
            submitted_at: Utc::now(),
        };
        let definition = JobDefinition {
            pipeline: String::new(),
            folder: PathBuf::from("/"),
            parameters: Default::default(),
            as_of: Utc::now(),
            log_level: LogLevel::Info,
        };
        self.store.apply(vec![Change::Submit { header, definition }]);
        id
    }

    pub(crate) fn running(&self, pipeline: &str) -> JobId {
        let job = self.submit(pipeline);
        self.step(job, JobInput::Start { attempt: AttemptNumber::FIRST });
        job
    }

    /// Decides and records what `input` does to the job.
    pub(crate) fn step(&self, job: JobId, input: JobInput) {
        self.step_with(job, input, None);
    }

    pub(crate) fn step_with(&self, job: JobId, input: JobInput, mut report: Option<AttemptReport>) {
        let record = futures::executor::block_on(self.store.job(job)).unwrap().unwrap();
        let step = record.state.apply(input, Utc::now()).unwrap();
        let change = |fact| Change::Move { job, fact, report: report.take() };
        self.store.apply(step.facts.into_iter().map(change).collect());
    }

    pub(crate) fn complete(&self, job: JobId) {
        let input = JobInput::Completed { attempt: AttemptNumber::FIRST, progress: progress(1000) };
        self.step(job, input);
    }

    pub(crate) fn say(&self, job: JobId, level: LogLevel, messages: impl IntoIterator<Item = String>) {
        let line = |(line, message)| LogLine { line: line as u64 + 1, at: Utc::now(), level, message };
        let lines = messages.into_iter().enumerate().map(line).collect();
        self.store.apply(vec![Change::Log { job, attempt: AttemptNumber::FIRST, lines, spool_bytes: 0 }]);
    }

    pub(crate) async fn read(&self, job: JobId, rows: u64) {
        self.readings.send(reading(job, rows)).await.unwrap();
    }
}

pub(crate) fn progress(rows: u64) -> Progress {
    Progress {
        stage: Stage::Stream,
        bytes_total: 100_000,
        bytes_read: rows * 10,
        rows_total: None,
        records_successful: rows,
        records_failed: 0,
        rows_transformed: rows,
        rows_loaded: rows,
        usage: Some(Usage {
            cpu_ms: 10,
            memory_bytes: 1 << 20,
            memory_peak_bytes: 2 << 20,
            read_bytes: Some(5),
            written_bytes: None,
        }),
    }
}

pub(crate) fn reading(job: JobId, rows: u64) -> Reading {
    let (attempt, at) = (AttemptNumber::FIRST, Utc::now());
    let sample = Sample { job, attempt, at, progress: progress(rows), rows_per_second: Some(150.5), cores: Some(0.5) };
    Reading { sample, eta: Some(Duration::from_millis(1500)), rejects: Vec::new().into() }
}

/// Waits until `is_so` says so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < DEADLINE, "in {DEADLINE:?} it did not happen that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
