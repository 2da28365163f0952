//! A manager over a real store, with a scripted runner in real processes.

mod clock;
mod facts;

pub(crate) use clock::{ManualClock, SystemClock};
pub(crate) use facts::Facts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{SubsecRound, Utc};
use etlplus_bus::Bus;
use etlplus_core::LogLevel;
use etlplus_core::ids::{JobId, Offset};
use etlplus_core::job::{JobDefinition, JobState, JobStatus};
use etlplus_core::ports::{
    Answer, Change, Clock, History, Ledger, LedgerError, LogPosition, Reading, SettingsVersion, StoreUnavailable,
    Versioned,
};
use etlplus_core::settings::Settings;
use etlplus_jobs::{CommandError, Jobs, Manager, Options, Parts, RunnerProgram, Submission};
use etlplus_store::{Opened, Store, Writer};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Far beyond what anything here takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

const PIPELINE: &str = "\
parameters:
  behave: { type: string, default: complete }
source:
  csv: { path: in.csv }
schema:
  id: int64
target:
  csv: { path: out.csv }
";

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

/// What a manager is started with.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) runner: RunnerProgram,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) folder: PathBuf,
    pub(crate) ledger: Arc<Fickle>,
    pub(crate) store: Store,
}

impl Setup {
    /// The same with other settings.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts a manager on the current runtime.
    pub(crate) async fn start(self) -> Managing {
        let Self { settings, runner, clock, folder, ledger, store } = self;
        let (sender, readings) = mpsc::channel(1024);
        let shutdown = CancellationToken::new();
        let (settings, held) = watch::channel(Arc::new(versioned(settings)));
        let store = Arc::new(store);
        let parts = Parts {
            options: Options { folder, log_max_bytes: 64 << 20, runner },
            settings: held,
            ledger,
            history: store.clone(),
            pipelines: store.clone(),
            schedules: store.clone(),
            retention: store,
            clock,
            readings: sender,
            shutdown: shutdown.clone(),
        };
        let (manager, jobs) = Manager::start(parts).await.expect("the store can be read");
        Managing { jobs, readings, shutdown, settings, task: tokio::spawn(manager.run()) }
    }
}

/// A manager that runs.
pub(crate) struct Managing {
    pub(crate) jobs: Jobs,
    pub(crate) readings: mpsc::Receiver<Reading>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) settings: watch::Sender<Arc<Versioned>>,
    pub(crate) task: JoinHandle<()>,
}

impl Managing {
    /// Submits a job that is accepted.
    pub(crate) async fn accept(&self, submission: Submission) -> JobId {
        self.jobs.submit(submission).await.expect("it is accepted").record.header.id
    }

    /// Changes the settings.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.borrow().values.clone();
        change(&mut settings);
        self.settings.send_replace(Arc::new(versioned(settings)));
    }

    /// When this returns, the manager has done all that was due when it was called. It asks for nothing twice: whatever
    /// was due is done before the second answer.
    pub(crate) async fn turn(&self) {
        for _ in 0..2 {
            let nobody = JobId::from_uuid(Uuid::from_u128(1));
            assert!(matches!(self.jobs.cancel(nobody).await, Err(CommandError::Unknown)));
        }
    }

    /// Ends the manager, as a server does that is told to end.
    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        self.task.await.expect("the manager ends");
    }
}

fn versioned(values: Settings) -> Versioned {
    Versioned { version: SettingsVersion::from_number(1), values, entries: Vec::new() }
}

impl Server {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let Opened { store, bus, writer } = Store::open(folder.path()).await.expect("a new store opens");
        let ledger =
            Arc::new(Fickle { store: store.clone(), is_away: AtomicBool::new(false), refused: AtomicUsize::new(0) });
        Self { folder, ledger, store, bus, _writer: writer }
    }

    /// Two places, and a hundred that wait.
    pub(crate) fn setup(&self) -> Setup {
        let mut settings = Settings::default();
        settings.jobs.max_concurrent_jobs = Some(2);
        settings.jobs.max_queued_jobs = 100;
        Setup {
            settings,
            runner: scripted(&[]),
            clock: Arc::new(SystemClock(Instant::now())),
            folder: self.folder.path().to_owned(),
            ledger: self.ledger.clone(),
            store: self.store.clone(),
        }
    }

    pub(crate) async fn manage(&self) -> Managing {
        self.setup().start().await
    }

    /// A manager with one place.
    pub(crate) async fn manage_one(&self) -> Managing {
        self.setup().with(|settings| settings.jobs.max_concurrent_jobs = Some(1)).start().await
    }

    pub(crate) async fn manage_by(&self, clock: &Arc<ManualClock>) -> Managing {
        Setup { clock: clock.clone(), ..self.setup() }.start().await
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts::of(self.bus.subscribe_after(Offset::START))
    }

    pub(crate) fn attempt_folders(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("attempts")).map_or(0, Iterator::count)
    }

    pub(crate) async fn state(&self, job: JobId) -> JobState {
        self.store.job(job).await.expect("the store answers").expect("the job is known").state
    }

    pub(crate) async fn status(&self, job: JobId) -> JobStatus {
        self.state(job).await.status()
    }
}

pub(crate) fn scripted(arguments: &[&str]) -> RunnerProgram {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jobs/support/runner.py");
    let arguments = [script.into_os_string()].into_iter().chain(arguments.iter().map(Into::into));
    RunnerProgram { program: PathBuf::from("python3"), arguments: arguments.collect() }
}

/// A job whose runner behaves so.
pub(crate) fn job(behave: &str) -> Submission {
    job_of("scripted", "", behave)
}

/// A job of a pipeline of that name, with `sections` beside what it needs.
pub(crate) fn job_of(name: &str, sections: &str, behave: &str) -> Submission {
    Submission::from(JobDefinition {
        pipeline: pipeline(name, sections),
        folder: PathBuf::from("/nowhere"),
        parameters: BTreeMap::from([("behave".to_owned(), behave.to_owned())]),
        as_of: Utc::now().trunc_subsecs(6),
        log_level: LogLevel::Info,
    })
}

/// The text of a pipeline whose runner behaves as the parameter `behave` says.
pub(crate) fn pipeline(name: &str, sections: &str) -> String {
    format!("name: {name}\n{PIPELINE}{sections}\n")
}

/// Waits until `is_so`, which something else brings about.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
