//! A server on a port of its own, over a store in memory, and jobs that do what a test says.
#![allow(dead_code, reason = "each test uses its part")]

mod alerts;
mod conform;
pub(crate) mod disk;
mod held;
pub(crate) mod http;
mod settings;
pub(crate) mod store;
mod tokens;
pub(crate) mod ws;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_bus::Bus;
use etlplus_core::access::{Role, TokenId};
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{JobDefinition, JobHeader, JobInput, JobPolicy, JobType};
use etlplus_core::log::{LogLevel, LogLine};
use etlplus_core::ports::{
    Alerts, AttemptReport, Change, Clock, History, Ledger, NewJob, Pipelines, Reading, Retention, Sample, Schedules,
    Tokens, Versioned,
};
use etlplus_core::progress::{Progress, Stage, Usage};
use etlplus_jobs::{Manager, RunnerProgram};
use etlplus_monitor::Monitor;
use etlplus_server::{ConnectionCount, Lifecycle, Listeners, NewToken, Parts, ServeError, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub(crate) use self::alerts::TestChannels;
pub(crate) use self::settings::TestSettings;
pub(crate) use self::store::MemoryStore;

/// How long a test waits for what has to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Of the live channel's own port.
    pub(crate) live_address: SocketAddr,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) settings: Arc<TestSettings>,
    pub(crate) channels: Arc<TestChannels>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) readings: mpsc::Sender<Reading>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
    /// What requests are sent with where they say nothing else: whole lines.
    pub(crate) headers: String,
    _manager: DropGuard,
}

/// Time that goes on by itself, and leaps where a test says so.
pub(crate) struct TestClock {
    began: Instant,
    ahead: Mutex<Duration>,
}

impl TestClock {
    pub(crate) fn leap(&self, by: Duration) {
        *self.ahead.lock().unwrap() += by;
    }

    fn ahead(&self) -> Duration {
        *self.ahead.lock().unwrap()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::from_std(self.ahead()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed() + self.ahead()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// A server with these settings, as a settings file says them.
    pub(crate) async fn with(settings: Value) -> Self {
        let (store, bus) = MemoryStore::new();
        Self::over(store, bus, settings).await
    }

    pub(crate) async fn over(store: Arc<MemoryStore>, bus: Bus, settings: Value) -> Self {
        let clock = Arc::new(TestClock { began: Instant::now(), ahead: Mutex::default() });
        let recorder = store.clone();
        let record = Box::new(move |change| {
            recorder.apply(vec![change]);
        });
        let (settings, changes) = TestSettings::new(record, clock.clone(), &settings);
        let running = Running::start(store.clone(), bus, settings.clone(), changes, clock.clone()).await;
        let Running { address, live_address, channels, readings, lifecycle, task, _manager } = running;
        let headers = String::new();
        Self { address, live_address, store, settings, channels, clock, readings, lifecycle, task, headers, _manager }
    }

    /// A server that asks everybody who they are. Its own requests come with a token of an admin.
    pub(crate) async fn guarded() -> Self {
        Self::guarded_with(json!({})).await
    }

    pub(crate) async fn guarded_with(mut settings: Value) -> Self {
        settings["access"]["required"] = json!(true);
        let (store, bus) = MemoryStore::new();
        let NewToken { text, record } = NewToken::make("first".to_owned(), Role::Admin, None, Utc::now());
        store.create_token(record).await.unwrap();
        let mut server = Self::over(store, bus, settings).await;
        server.headers = bearer(&text);
        server
    }

    /// A new token, made over REST: its text and its id.
    pub(crate) async fn token(&self, name: &str, role: Role, expires_at: Option<DateTime<Utc>>) -> (String, TokenId) {
        let body = json!({"name": name, "role": role.as_str(), "expiresAt": expires_at});
        let answer = self.post("/api/tokens", &body.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made = answer.json();
        (made["token"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().parse().unwrap())
    }

    pub(crate) fn submit(&self, pipeline: &str) -> JobId {
        let job = new_job(pipeline, "nightly");
        let id = job.header.id;
        self.store.apply(vec![Change::Submit(Box::new(job))]);
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
        self.store.apply(vec![said(job, level, messages)]);
    }

    pub(crate) async fn read(&self, job: JobId, rows: u64) {
        self.readings.send(reading(job, rows)).await.unwrap();
    }
}

/// What goes on while a server runs, over whatever store.
struct Running {
    address: SocketAddr,
    live_address: SocketAddr,
    channels: Arc<TestChannels>,
    readings: mpsc::Sender<Reading>,
    lifecycle: Lifecycle,
    task: JoinHandle<Result<(), ServeError>>,
    _manager: DropGuard,
}

impl Running {
    async fn start<S>(
        store: Arc<S>,
        bus: Bus,
        settings: Arc<TestSettings>,
        changes: watch::Receiver<Arc<Versioned>>,
        clock: Arc<TestClock>,
    ) -> Self
    where
        S: Ledger + History + Pipelines + Schedules + Retention + Tokens + Alerts + 'static,
    {
        let (readings, received) = mpsc::channel(64);
        let monitor = Monitor::start(store.clone(), bus.clone(), received).await.unwrap();
        let of_manager = CancellationToken::new();
        let parts = etlplus_jobs::Parts {
            options: etlplus_jobs::Options {
                folder: std::env::temp_dir(),
                log_max_bytes: 1 << 20,
                runner: RunnerProgram { program: "/bin/false".into(), arguments: Vec::new() },
            },
            settings: changes.clone(),
            ledger: store.clone(),
            history: store.clone(),
            pipelines: store.clone(),
            schedules: store.clone(),
            retention: store.clone(),
            clock: clock.clone(),
            readings: readings.clone(),
            shutdown: of_manager.clone(),
        };
        let (manager, jobs) = Manager::start(parts).await.unwrap();
        tokio::spawn(manager.run());
        let (main, live) = (bind().await, bind().await);
        let (address, live_address) = (main.local_addr().unwrap(), live.local_addr().unwrap());
        let (lifecycle, channels) = (Lifecycle::default(), Arc::new(TestChannels::default()));
        let parts = Parts {
            history: store.clone(),
            pipelines: store.clone(),
            jobs,
            monitor,
            bus,
            clock: clock.clone(),
            settings,
            settings_changes: changes,
            tokens: store.clone(),
            alerts: store.clone(),
            channels: channels.clone(),
            metrics_text: Arc::new(|| "# TYPE etlplus_test counter\netlplus_test 1\n".to_owned()),
            connections: ConnectionCount::default(),
            version: "0.0.0-test",
        };
        let task = tokio::spawn(serve(Listeners { main, live: Some(live) }, parts, lifecycle.clone()));
        Self { address, live_address, channels, readings, lifecycle, task, _manager: of_manager.drop_guard() }
    }
}

async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

pub(crate) fn said(job: JobId, level: LogLevel, messages: impl IntoIterator<Item = String>) -> Change {
    let line = |(line, message)| LogLine::new(line as u64 + 1, Utc::now(), level, message);
    let lines = messages.into_iter().enumerate().map(line).collect();
    Change::Log { job, attempt: AttemptNumber::FIRST, lines, spool_bytes: 0 }
}

pub(crate) fn new_job(pipeline: &str, tag: &str) -> NewJob {
    let header = JobHeader {
        id: JobId::from_uuid(Uuid::now_v7()),
        pipeline: pipeline.to_owned(),
        job_type: JobType::Load,
        tags: vec![tag.to_owned()],
        submitted_at: Utc::now(),
    };
    let definition = JobDefinition {
        pipeline: String::new(),
        folder: PathBuf::from("/"),
        parameters: Default::default(),
        as_of: Utc::now(),
        log_level: LogLevel::Info,
    };
    let (policy, not_before, idempotency, scheduled_for) = (JobPolicy::default(), None, None, None);
    NewJob { header, definition, policy, not_before, idempotency, scheduled_for }
}

/// The header that says who asks, as a whole line.
pub(crate) fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

pub(crate) fn progress(rows: u64) -> Progress {
    Progress {
        stage: Stage::Stream,
        bytes_total: 100_000,
        bytes_read: rows * 10,
        rows_total: None,
        records_successful: rows,
        records_failed: 0,
        rows_skipped: 0,
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
