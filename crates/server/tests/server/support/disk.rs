//! A server over the real store, which outlives it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chrono::Utc;
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::JobInput;
use etlplus_core::log::LogLevel;
use etlplus_core::ports::{Change, History, Ledger, LogPosition};
use etlplus_store::{Opened, Store};
use serde_json::Value;
use tempfile::TempDir;

use super::{Running, TestClock, TestSettings, new_job, progress, said, ws};

pub(crate) struct Disk {
    folder: TempDir,
    settings: Value,
    opened: Opened,
    running: Running,
}

impl Disk {
    /// A server with these settings, as a settings file says them, over an empty store.
    pub(crate) async fn start(settings: Value) -> Self {
        Self::over(tempfile::tempdir().unwrap(), settings).await
    }

    async fn over(folder: TempDir, settings: Value) -> Self {
        let opened = Store::open(folder.path()).await.unwrap();
        let clock = Arc::new(TestClock { began: Instant::now(), ahead: Mutex::default() });
        let record = Box::new(|_| panic!("nobody changes them here"));
        let (current, changes) = TestSettings::new(record, clock.clone(), &settings);
        let store = Arc::new(opened.store.clone());
        let running = Running::start(store, opened.bus.clone(), current, changes, clock).await;
        Self { folder, settings, opened, running }
    }

    /// Ends the server and its store, and starts another over what is left.
    pub(crate) async fn restart(self) -> Self {
        let Self { folder, settings, opened, running } = self;
        running.lifecycle.shutdown.cancel();
        let Running { task, _manager, .. } = running;
        task.await.unwrap().unwrap();
        drop(_manager);
        opened.writer.close().await.unwrap();
        Self::over(folder, settings).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    pub(crate) fn store(&self) -> &Store {
        &self.opened.store
    }

    pub(crate) fn position(&self) -> LogPosition {
        self.opened.bus.position()
    }

    pub(crate) fn epoch(&self) -> String {
        self.position().epoch.to_string()
    }

    pub(crate) async fn record(&self, change: Change) -> LogPosition {
        self.opened.store.record(vec![change]).await.unwrap()
    }

    pub(crate) async fn step(&self, job: JobId, input: JobInput) {
        let record = self.opened.store.job(job).await.unwrap().unwrap();
        for fact in record.state.apply(input, Utc::now()).unwrap().facts {
            self.record(Change::Move { job, fact, report: None }).await;
        }
    }

    pub(crate) async fn start_job(&self, pipeline: &str, tag: &str) -> JobId {
        let job = new_job(pipeline, tag);
        let id = job.header.id;
        self.record(Change::Submit(Box::new(job))).await;
        self.step(id, JobInput::Start { attempt: AttemptNumber::FIRST }).await;
        id
    }

    pub(crate) async fn complete(&self, job: JobId) {
        let input = JobInput::Completed { attempt: AttemptNumber::FIRST, progress: progress(1000) };
        self.step(job, input).await;
    }

    pub(crate) async fn say(&self, job: JobId, level: LogLevel, messages: impl IntoIterator<Item = String>) {
        self.record(said(job, level, messages)).await;
    }

    /// A client that is greeted, and told nothing before it says what it wants.
    pub(crate) async fn greeted(&self) -> ws::Client {
        let mut client = ws::connect(self.address(), "/ws?start=subscribe", "").await.unwrap();
        assert_eq!(client.frame().await["type"], "connection_ack");
        client
    }
}
