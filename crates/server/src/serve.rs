//! The server: accepts connections, serves them, and ends in bounded time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use etlplus_bus::Bus;
use etlplus_core::ports::{
    AlertChannels, Alerts, Clock, History, LiveSettings, Pipelines, StoreUnavailable, Tokens, Versioned,
};
use etlplus_jobs::Jobs;
use etlplus_monitor::Monitor;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::access::{Attempts, Rate, Tickets, TokenBook};
use crate::app::{App, Began};
use crate::live::{ConnectionCount, Hub, Log};
use crate::peer::Peer;
use crate::places::{self, Place, Places, RESERVE_HEADER_WAIT, RESERVE_LASTS_MAX};
use crate::rest;
use crate::transport::Transport;

/// How long a request's head may take to arrive, and how long a connection may wait for its next request.
const HEADER_WAIT: Duration = Duration::from_secs(30);
/// Bytes of a request's head, and of a response that waits to be written.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// Headers of a request: browsers send about twenty.
const HEADERS_MAX: usize = 100;
/// What the kernel keeps for a client that does not read: with its default, which grows to 4 MB, a thousand stalled
/// clients would hide 4 GB. Linux doubles the number for its own bookkeeping.
const SEND_BUFFER_BYTES: usize = 256 << 10;
/// Wait after a failed accept, such as when no file descriptor is left: trying at once would only burn time.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// How long requests may go on once the server is asked to end.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// What renders the server's metrics as Prometheus reads them.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What the server stands on.
pub struct Parts {
    /// What was recorded.
    pub history: Arc<dyn History>,
    /// The pipelines that are kept.
    pub pipelines: Arc<dyn Pipelines>,
    /// The job manager, which knows the schedules as well.
    pub jobs: Jobs,
    /// The live view.
    pub monitor: Monitor,
    /// The facts as they are recorded.
    pub bus: Bus,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The settings. They are read anew for each request.
    pub settings: Arc<dyn LiveSettings>,
    /// The same settings as they change. A change is seen here no later than anything that is recorded after it.
    pub settings_changes: watch::Receiver<Arc<Versioned>>,
    /// The tokens that are kept.
    pub tokens: Arc<dyn Tokens>,
    /// The alerts that were recorded.
    pub alerts: Arc<dyn Alerts>,
    /// The channels by which alerts leave.
    pub channels: Arc<dyn AlertChannels>,
    /// What renders the metrics.
    pub metrics_text: MetricsText,
    /// Counts the connections of the live channel, for whoever watches how many there are.
    pub connections: ConnectionCount,
    /// The program's version.
    pub version: &'static str,
}

/// Where the server listens.
pub struct Listeners {
    /// For everything.
    pub main: TcpListener,
    /// For the live channel alone (`monitoring.websocket.port`).
    pub live: Option<TcpListener>,
}

/// How the server ends, in two steps.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// From then on `/readyz` says no and no job is accepted; everything else goes on.
    pub draining: CancellationToken,
    /// From then on no connection is accepted, WebSockets are closed with 1001, and requests end within ten seconds or
    /// are cut off.
    pub shutdown: CancellationToken,
}

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The tokens cannot be read, so that nobody could be told from anybody.
    #[error("the tokens cannot be read: {0}")]
    Tokens(#[from] StoreUnavailable),
}

/// Serves `listeners` until `lifecycle.shutdown`.
///
/// # Errors
/// Where the tokens cannot be read. A failed accept is none: it is tried again.
pub async fn serve(listeners: Listeners, parts: Parts, lifecycle: Lifecycle) -> Result<(), ServeError> {
    let Parts { history, pipelines, jobs, monitor, bus, clock, settings, settings_changes, tokens, .. } = parts;
    let book = Arc::new(TokenBook::load(tokens, clock.clone()).await?);
    let count = parts.connections;
    let tasks = TaskTracker::new();
    let log = Log { bus: bus.clone(), history: history.clone(), tasks: tasks.clone() };
    let (hub, live) = Hub::new(monitor, settings_changes, settings.clone(), count, book.clone(), clock.clone(), log);
    let shutdown = lifecycle.shutdown.clone();
    let app = Arc::new(App {
        history,
        pipelines,
        alerts: parts.alerts,
        channels: parts.channels,
        rate: Rate::new(settings.current().values.server.requests_per_second),
        settings,
        jobs,
        bus,
        began: Began { wall: clock.now(), monotonic: clock.monotonic() },
        clock,
        live,
        book,
        tickets: Tickets::default(),
        attempts: Attempts::default(),
        unauthenticated: ConnectionCount::default(),
        metrics_text: parts.metrics_text,
        version: parts.version,
        lifecycle,
        tasks: tasks.clone(),
    });
    tasks.spawn(hub.run(shutdown.clone()));
    let cut = CancellationToken::new();
    let places = Arc::new(Places::new());
    let server = |router| Server {
        router,
        places: places.clone(),
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
        cut: cut.clone(),
    };
    let (main, live) = (server(rest::router(&app)), server(rest::live_router(&app)));
    let accept_live = async {
        match listeners.live {
            Some(listener) => live.accept_all(listener).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = main.accept_all(listeners.main) => {}
        () = accept_live => {}
        () = shutdown.cancelled() => {}
    }
    tasks.close();
    if tokio::time::timeout(DRAIN_MAX, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "connections that did not end in time are cut off");
        cut.cancel();
    }
    Ok(())
}

struct Server {
    router: Router,
    places: Arc<Places>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    cut: CancellationToken,
}

impl Server {
    async fn accept_all(&self, listener: TcpListener) {
        loop {
            // Everybody is accepted: who waited in the kernel's queue could not tell this server from a dead one.
            match listener.accept().await {
                Ok((stream, remote)) => match self.places.take() {
                    Some(place) => self.start(stream, remote, place),
                    None => places::turn_away(&stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    fn start(&self, stream: TcpStream, remote: SocketAddr, place: Place) {
        let Ok(local) = stream.local_addr() else { return };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small frames may be held back by the kernel");
        }
        if let Err(error) = set_socket_send_buffer_size(&stream, SEND_BUFFER_BYTES) {
            tracing::debug!(%error, "the kernel keeps its own size of send buffer");
        }
        let is_reserve = matches!(place, Place::Reserve(_));
        let lasts_max = if is_reserve { RESERVE_LASTS_MAX } else { Duration::MAX };
        let peer = Peer::new(remote, local.ip(), place);
        let (shutdown, cut) = (self.shutdown.clone(), self.cut.clone());
        let connection = converse(self.router.clone(), stream, peer, is_reserve, shutdown);
        self.tasks.spawn(async move {
            tokio::select! {
                _in_time = tokio::time::timeout(lasts_max, connection) => {}
                () = cut.cancelled() => {}
            }
        });
    }
}

/// Serves the requests of one connection, one after the other; from the reserve a single one, if it has to come through.
async fn converse(router: Router, stream: TcpStream, peer: Peer, is_reserve: bool, shutdown: CancellationToken) {
    let remote = peer.remote;
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let router = router.clone();
        async move {
            if is_reserve && !places::is_vital(request.method(), request.uri().path()) {
                return Ok(places::refusal().into_response());
            }
            router.oneshot(request).await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(if is_reserve { RESERVE_HEADER_WAIT } else { HEADER_WAIT })
        .keep_alive(!is_reserve)
        .max_buf_size(BUFFER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Transport::new(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%remote, %error, "a connection broke off");
    }
}
