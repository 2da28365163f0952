//! `etlplus serve`: the server, put together in the order in which data passes through it.

use std::io::IsTerminal;
use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::ports::{Clock, StoreUnavailable};
use etlplus_jobs::{Manager, RunnerProgram};
use etlplus_monitor::Monitor;
use etlplus_server::{Options, Parts, ServeError};
use etlplus_store::{FatalError, Opened, Store, Writer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::cli::serve::ServeArgs;
use crate::clock::SystemClock;
use crate::exit::Exit;
use crate::output;

/// Readings on their way to the live view. It takes them faster than runners make them.
const READINGS_MAX: usize = 1024;
/// What is logged where ETLPLUS_LOG does not say.
const LOGGED: &str = "info";

/// Runs the server until it is told to end.
pub(super) fn execute(arguments: &ServeArgs) -> Result<Exit, Failure> {
    with_guest(arguments, async |address| {
        output::data(&format!("{address}\n"))?;
        std::future::pending().await
    })
}

/// Runs the server until it is told to end, and beside it `guest`, which is told the server's address and is dropped with
/// the server. Where the guest gives up, the server ends with it.
pub(super) fn with_guest(
    arguments: &ServeArgs,
    guest: impl AsyncFnOnce(String) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    if !arguments.listen.ip().is_loopback() {
        let message =
            format!("{} can be reached from other machines, and nobody is asked who they are", arguments.listen);
        return Err(Failure::user("not_loopback", message, "listen on 127.0.0.1 or [::1], and let a proxy or SSH ask"));
    }
    if arguments.data.to_str().is_none() {
        let message = format!("the data folder {} has a name that is no UTF-8", arguments.data.display());
        return Err(Failure::user("data_folder", message, "name another folder with --data"));
    }
    start_log()?;
    raise_open_files();
    let runtime = Runtime::new().map_err(|error| {
        Failure::transient("no_threads", format!("cannot start threads: {error}"), "raise the limit of processes")
    })?;
    runtime.block_on(serve(arguments, guest))
}

fn start_log() -> Result<(), Failure> {
    let filter = std::env::var("ETLPLUS_LOG").unwrap_or_else(|_| LOGGED.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        let message = format!("ETLPLUS_LOG={filter} is not understood: {error}");
        Failure::user("log_filter", message, "write a level such as debug, or target=level pairs")
    })?;
    let has_colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A log that nobody can take, as on a full disk, must not end the server.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_ansi(has_colours).log_internal_errors(false).init();
    Ok(())
}

/// Lets the process open as many files as the system allows: the usual limit, 1,024, is less than the connections that may
/// watch. Where it cannot be raised, connections are refused before jobs are.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

async fn serve(arguments: &ServeArgs, guest: impl AsyncFnOnce(String) -> Result<(), Failure>) -> Result<Exit, Failure> {
    let mut signals = Signals::install()?;
    // Before anything is made: a port in use should leave nothing behind.
    let listener = listen(arguments).await?;
    let opened = Store::open(&arguments.data).await;
    let Opened { store, bus, mut writer } =
        opened.map_err(|error| Failure::user("store_unusable", error.to_string(), "the server did not start"))?;
    let address = listener.local_addr().map_err(|error| Failure::bug(format!("a listener has no address: {error}")))?;

    let shutdown = CancellationToken::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let store = Arc::new(store);
    let (readings_in, readings_out) = mpsc::channel(READINGS_MAX);
    let monitor = Monitor::start(store.clone(), bus.clone(), readings_out).await.map_err(unavailable)?;
    let (manager, jobs) = Manager::start(
        job_options(arguments)?,
        store.clone(),
        store.clone(),
        clock.clone(),
        readings_in,
        shutdown.clone(),
    )
    .await
    .map_err(unavailable)?;
    let options = Options { max_connections: arguments.max_connections as usize, ..Options::default() };
    let parts = Parts { history: store.clone(), pipelines: store, jobs, monitor, bus, clock, options };

    let manager = tokio::spawn(manager.run());
    let mut server = tokio::spawn(etlplus_server::serve(listener, parts, shutdown.clone()));
    tracing::info!(%address, data = %arguments.data.display(), "the server runs");
    let ended = tokio::select! {
        ended = until_the_end(&mut signals, &mut writer, &mut server) => ended,
        ended = guest(format!("http://{address}")) => ended,
    };
    shutdown.cancel();
    // Whatever ended the server, its runners are to be gone before it is.
    let _ = manager.await;
    ended?;
    if !server.is_finished() {
        served(server.await)?;
    }
    writer.close().await.map_err(store_failed)?;
    tracing::info!("the server has ended");
    Ok(Exit::Done)
}

/// The signals that end the server. They are heard from its first moment on: one that came before would end it at once,
/// and its runners without a word.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn install() -> Result<Self, Failure> {
        let refused = |error| Failure::bug(format!("the system refuses a signal handler: {error}"));
        let interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate()).map_err(refused)? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Waits for a signal, or for what makes going on useless.
async fn until_the_end(signals: &mut Signals, writer: &mut Writer, server: &mut Serving) -> Result<(), Failure> {
    tokio::select! {
        name = signals.next() => {
            tracing::info!("{name}: the server ends");
            Ok(())
        }
        error = writer.failed() => Err(store_failed(error)),
        ended = server => served(ended),
    }
}

/// The task that serves.
type Serving = JoinHandle<Result<(), ServeError>>;

fn served(ended: Result<Result<(), ServeError>, JoinError>) -> Result<(), Failure> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::transient("server_failed", error.to_string(), "start it again")),
        Err(error) => Err(Failure::bug(format!("the server's task ended early: {error}"))),
    }
}

fn store_failed(error: FatalError) -> Failure {
    Failure::transient("store_failed", error.message, error.remedy)
}

async fn listen(arguments: &ServeArgs) -> Result<TcpListener, Failure> {
    TcpListener::bind(arguments.listen).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "end the program that listens there, or name another port with --listen",
            std::io::ErrorKind::PermissionDenied => "name a port above 1023 with --listen",
            _ => "name another address with --listen",
        };
        Failure::user("cannot_listen", format!("cannot listen on {}: {error}", arguments.listen), remedy)
    })
}

fn job_options(arguments: &ServeArgs) -> Result<etlplus_jobs::Options, Failure> {
    let folder = std::path::absolute(&arguments.data).map_err(|error| {
        Failure::user("no_folder", format!("the working folder is gone: {error}"), "start elsewhere")
    })?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(etlplus_jobs::Options {
        folder,
        max_concurrent_jobs: arguments.max_concurrent_jobs.map_or_else(cores, usize::from),
        max_queued_jobs: arguments.max_queued_jobs as usize,
        log_max_bytes: arguments.log_max_mib << 20,
        // The very program that runs, also where its file was replaced since.
        runner: RunnerProgram { program: "/proc/self/exe".into(), arguments: vec!["runner".into()] },
    })
}

fn unavailable(error: StoreUnavailable) -> Failure {
    Failure::transient("store_unusable", error.message, error.remedy)
}
