//! The server, put together in the order in which data passes through it.

mod files;
mod logging;
pub(crate) mod offline;
mod settings;
mod signals;
mod systemd;
mod telemetry;
pub(crate) mod tokens;

pub(crate) use files::{gather, settings_file};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::ports::{Clock, LiveSettings, Reading, SettingsStore, SettingsVersion, StoreUnavailable};
use etlplus_core::settings::{Layers, Settings};
use etlplus_jobs::{Manager, RunnerProgram};
use etlplus_monitor::{Machine, Monitor, READ_EVERY, ResourceWatch};
use etlplus_notify::Notifier;
use etlplus_server::{ConnectionCount, Lifecycle, Listeners, ServeError};
use etlplus_store::{FatalError, OpenError, Opened, Store, Writer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::cli::serve::ServeArgs;
use crate::clock::SystemClock;
use crate::exit::Exit;
use crate::output;
use settings::{Configuration, addresses};
use signals::Signals;
use telemetry::Telemetry;

/// Readings on their way to the live view. It takes them faster than runners make them.
const READINGS_MAX: usize = 1024;

/// Runs the server until it is told to end, and beside it `guest`, which is told the server's address and is dropped with
/// the server. Where the guest gives up, the server ends with it.
///
/// # Errors
/// Where the server cannot start or go on.
pub(crate) fn run(
    arguments: &ServeArgs,
    guest: impl AsyncFnOnce(String) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    if let Some(data) = arguments.data.as_ref().filter(|data| data.to_str().is_none()) {
        let message = format!("the data folder {} has a name that is no UTF-8", data.display());
        return Err(Failure::user("data_folder", message, "name another folder with --data"));
    }
    let file = settings_file(arguments.config.as_deref());
    let Some((layers, settled)) = gather(file.as_deref(), &arguments.pairs())? else { return Ok(Exit::Error) };
    let log = logging::start(&settled.settings.log)?;
    raise_open_files();
    let runtime = Runtime::new().map_err(|error| {
        Failure::transient("no_threads", format!("cannot start threads: {error}"), "raise the limit of processes")
    })?;
    runtime.block_on(async {
        let mut signals = Signals::install()?;
        match Ground::prepare(layers, &settled.settings, log).await? {
            Some(ground) => serve(ground, &mut signals, guest).await,
            None => Ok(Exit::Error),
        }
    })
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

/// What the server stands on.
struct Ground {
    listeners: Listeners,
    opened: Opened,
    configuration: Arc<Configuration>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    log: logging::Log,
}

impl Ground {
    /// Opens the store, settles the settings with what was changed while an earlier server ran, and listens. `None` where
    /// these do not fit together any more, which stderr then shows.
    async fn prepare(layers: Layers, given: &Settings, mut log: logging::Log) -> Result<Option<Self>, Failure> {
        // Before anything is made: a port in use should leave nothing behind.
        let bound = listen(given).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        // What is measured is described by who measures it, as soon as they begin.
        let telemetry = Telemetry::start(clock.now())?;
        let opened = Store::open(&given.server.data).await.map_err(unusable)?;
        let Some(configuration) = configure(layers, &opened.store, &clock).await? else {
            opened.writer.close().await.map_err(store_failed)?;
            return Ok(None);
        };
        let configuration = Arc::new(configuration);
        let current = configuration.current();
        log.set(&current.values.log)?;
        let listeners = match addresses(given).eq(addresses(&current.values)) {
            true => bound,
            false => {
                // One of the addresses may be the same.
                drop(bound);
                listen(&current.values).await?
            }
        };
        if current.values.access_required() {
            tokens::make_first(&opened.store, clock.now()).await?;
        }
        Ok(Some(Self { listeners, opened, configuration, clock, telemetry, log }))
    }
}

/// Puts everything together and runs it until the end.
async fn serve(
    ground: Ground,
    signals: &mut Signals,
    guest: impl AsyncFnOnce(String) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let Ground { listeners, opened, configuration, clock, telemetry, log } = ground;
    let Opened { store, bus, mut writer } = opened;
    let store = Arc::new(store);
    let address = listeners.main.local_addr();
    let address = address.map_err(|error| Failure::bug(format!("a listener has no address: {error}")))?;
    let lifecycle = Lifecycle::default();
    let (readings_in, readings_out) = mpsc::channel(READINGS_MAX);
    let monitor = Monitor::start(store.clone(), bus.clone(), readings_out).await.map_err(unavailable)?;
    let (manager, jobs) =
        Manager::start(of_jobs(&configuration, &store, &clock, readings_in, lifecycle.draining.clone())?)
            .await
            .map_err(unavailable)?;
    let (notifier, channels) = Notifier::new(etlplus_notify::Parts {
        settings: configuration.changes(),
        ledger: store.clone(),
        alerts: store.clone(),
        history: store.clone(),
        bus: bus.clone(),
        clock: clock.clone(),
    });
    let connections = ConnectionCount::default();
    let resources = watch_resources(&configuration, &store, &clock, connections.clone()).await?;
    let data = configuration.current().values.server.data.clone();
    let parts = etlplus_server::Parts {
        history: store.clone(),
        pipelines: store.clone(),
        jobs,
        monitor,
        bus,
        clock,
        settings: configuration.clone(),
        settings_changes: configuration.changes(),
        tokens: store.clone(),
        alerts: store,
        channels: Arc::new(channels),
        connections,
        metrics_text: telemetry.clone().text(),
        version: env!("CARGO_PKG_VERSION"),
    };

    let mut beside = JoinSet::new();
    beside.spawn(follow_level(configuration, log));
    beside.spawn(telemetry.upkeep());
    beside.spawn(systemd::watchdog());
    beside.spawn(resources.run(READ_EVERY, lifecycle.shutdown.clone()));
    let notifier = tokio::spawn(notifier.run(lifecycle.shutdown.clone()));
    let manager = tokio::spawn(manager.run());
    let mut server = tokio::spawn(etlplus_server::serve(listeners, parts, lifecycle.clone()));
    tracing::info!(%address, data = %data.display(), "the server runs");
    systemd::ready();
    let ended = tokio::select! {
        ended = until_the_end(signals, &mut writer, &mut server) => ended,
        ended = guest(format!("http://{}", reachable(address))) => ended,
    };
    systemd::stopping();
    lifecycle.draining.cancel();
    // Whatever ended the server, its runners are to be gone before it is.
    let _ = manager.await;
    lifecycle.shutdown.cancel();
    let _ = notifier.await;
    beside.shutdown().await;
    ended?;
    if !server.is_finished() {
        served(server.await)?;
    }
    writer.close().await.map_err(store_failed)?;
    tracing::info!("the server has ended");
    Ok(Exit::Done)
}

fn of_jobs(
    configuration: &Configuration,
    store: &Arc<Store>,
    clock: &Arc<dyn Clock>,
    readings: mpsc::Sender<Reading>,
    shutdown: CancellationToken,
) -> Result<etlplus_jobs::Parts, Failure> {
    Ok(etlplus_jobs::Parts {
        options: job_options(&configuration.current().values)?,
        settings: configuration.changes(),
        ledger: store.clone(),
        history: store.clone(),
        pipelines: store.clone(),
        schedules: store.clone(),
        retention: store.clone(),
        clock: clock.clone(),
        readings,
        shutdown,
    })
}

/// The settings with what was changed while an earlier server ran over them; `None` where that does not fit any more,
/// which stderr then shows.
async fn configure(layers: Layers, store: &Store, clock: &Arc<dyn Clock>) -> Result<Option<Configuration>, Failure> {
    let stored = store.stored_settings().await.map_err(unavailable)?;
    let (version, changed) = match &stored {
        Some(stored) => (stored.version, files::changed(&stored.overlay)),
        None => (SettingsVersion::from_number(0), Ok(layers.changed.clone())),
    };
    let made = changed.and_then(|changed| {
        let layers = Layers { changed, ..layers };
        Configuration::new(layers, version, Arc::new(store.clone()), clock.clone())
    });
    if made.is_err() {
        output::talk(
            "What was changed while the server ran does not fit: take it back with `etlplus config unset --data FOLDER KEY`",
        );
    }
    Ok(made.inspect_err(|found| files::tell(found)).ok())
}

async fn watch_resources(
    configuration: &Configuration,
    store: &Arc<Store>,
    clock: &Arc<dyn Clock>,
    connections: ConnectionCount,
) -> Result<ResourceWatch<(Machine, impl FnMut() -> Option<f64> + Send + use<>)>, Failure> {
    let settings = configuration.changes();
    let machine = Machine::new(settings.borrow().values.server.data.clone());
    let limits = settings.clone();
    let in_use = move || {
        let max = limits.borrow().values.monitoring.websocket.max_connections;
        Some(connections.get() as f64 / max as f64 * 100.0)
    };
    let watch = ResourceWatch::start((machine, in_use), settings, store.clone(), store.as_ref(), clock.clone());
    watch.await.map_err(unavailable)
}

/// Logs by the level that holds.
async fn follow_level(configuration: Arc<Configuration>, mut log: logging::Log) {
    let mut changes = configuration.changes();
    loop {
        let settings = changes.borrow_and_update().clone();
        log.set_level(&settings.values.log.level);
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// An address at which this machine reaches a server that listens on `address`: the one that stands for all its addresses
/// is none to go to.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => address,
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

async fn listen(settings: &Settings) -> Result<Listeners, Failure> {
    let main = bind(settings.server.listen, "server.listen").await?;
    let live = match settings.monitoring.websocket.port {
        Some(port) => {
            let address = SocketAddr::new(settings.server.listen.ip(), port);
            Some(bind(address, "monitoring.websocket.port").await?)
        }
        None => None,
    };
    Ok(Listeners { main, live })
}

async fn bind(address: SocketAddr, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("end the program that listens there, or name another port: {key} in the settings, or --listen")
            }
            std::io::ErrorKind::PermissionDenied => format!("name a port above 1023: {key} in the settings"),
            _ => format!("name another address: {key} in the settings"),
        };
        Failure::user("cannot_listen", format!("cannot listen on {address}: {error}"), remedy)
    })
}

fn job_options(settings: &Settings) -> Result<etlplus_jobs::Options, Failure> {
    let folder = std::path::absolute(&settings.server.data).map_err(|error| {
        Failure::user("no_folder", format!("the working folder is gone: {error}"), "start elsewhere")
    })?;
    Ok(etlplus_jobs::Options {
        folder,
        log_max_bytes: settings.jobs.log_max_bytes,
        // The very program that runs, also where its file was replaced since.
        runner: RunnerProgram { program: "/proc/self/exe".into(), arguments: vec!["runner".into()] },
    })
}

fn unavailable(error: StoreUnavailable) -> Failure {
    Failure::transient("store_unusable", error.message, error.remedy)
}

fn unusable(error: OpenError) -> Failure {
    Failure::user("store_unusable", error.to_string(), "the server did not start")
}

fn store_failed(error: FatalError) -> Failure {
    Failure::transient("store_failed", error.message, error.remedy)
}
