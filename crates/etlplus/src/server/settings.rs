//! The settings while the server runs: read by everyone, changed in one place.

use std::iter;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use etlplus_core::Mistake;
use etlplus_core::mistake::Position;
use etlplus_core::ports::{
    Answer, Change, Clock, Ledger, LedgerError, LiveSettings, SettingsChange, SettingsError, SettingsVersion,
    StoreUnavailable, Versioned,
};
use etlplus_core::settings::{Checked, Layers, Settings};
use tokio::sync::{Mutex, watch};
use tracing_subscriber::EnvFilter;

/// The settings of a server. Clones are the same.
#[derive(Clone)]
pub(super) struct Configuration(Arc<Inner>);

struct Inner {
    /// What holds, for those who follow it.
    sender: watch::Sender<Arc<Versioned>>,
    /// Held from the check of a change until it is in force, so that changes come one after the other.
    state: Mutex<State>,
    /// What holds for those keys that need a restart.
    start: Settings,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
}

struct State {
    layers: Layers,
    version: SettingsVersion,
}

impl Configuration {
    /// The settings of a server that starts with `layers`, of which those that were changed are at `version`.
    ///
    /// # Errors
    /// Every mistake that shows when the layers are seen together.
    pub(super) fn new(
        layers: Layers,
        version: SettingsVersion,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<Mistake>> {
        let settled = layers.settle()?;
        let start = settled.settings.clone();
        let versioned = Versioned { version, values: settled.settings, entries: settled.entries };
        let sender = watch::Sender::new(Arc::new(versioned));
        Ok(Self(Arc::new(Inner { sender, state: Mutex::new(State { layers, version }), start, ledger, clock })))
    }

    /// The settings as they change.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<Versioned>> {
        self.0.sender.subscribe()
    }
}

impl Inner {
    async fn apply(
        self: Arc<Self>,
        change: String,
        expected: Option<SettingsVersion>,
        by: String,
    ) -> Result<Arc<Versioned>, SettingsError> {
        let mut state = self.state.lock().await;
        let current = state.version;
        let Checked { made: changed, mistakes: mut found } = state.layers.changed.changed_by(&change);
        let layers = Layers { changed: changed.layer, ..state.layers.clone() };
        found.extend(layers.overridden(&changed.keys));
        let settled = layers.settle_beside(found).map_err(SettingsError::Mistakes)?;
        let found = mistakes(&changed.keys, &settled.settings, &self.start);
        if !found.is_empty() {
            return Err(SettingsError::Mistakes(found));
        }
        // A change that is wrong by itself is told so first (RFC 9110, section 13.2.1).
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            return Err(SettingsError::Stale { expected, current });
        }
        if changed.keys.is_empty() {
            return Ok(self.sender.borrow().clone());
        }
        let version = current.next();
        let fact = SettingsChange { version, at: self.clock.now(), by, keys: changed.keys };
        let overlay = layers.changed.to_json();
        let recorded = self.ledger.record(vec![Change::Settings { expected: current, overlay, change: fact }]).await;
        recorded.map_err(|error| match error {
            LedgerError::Unavailable(error) => SettingsError::Unavailable(error),
            LedgerError::StaleSettings { expected, current } => SettingsError::Stale { expected, current },
            error => {
                let remedy = "please report it with the version".to_owned();
                SettingsError::Unavailable(StoreUnavailable { message: error.to_string(), remedy })
            }
        })?;
        let settled = settled.since_start(&self.start);
        let versioned = Arc::new(Versioned { version, values: settled.settings, entries: settled.entries });
        *state = State { layers, version };
        self.sender.send_replace(versioned.clone());
        Ok(versioned)
    }
}

impl LiveSettings for Configuration {
    fn current(&self) -> Arc<Versioned> {
        self.0.sender.borrow().clone()
    }

    fn change(
        &self,
        change: String,
        expected: Option<SettingsVersion>,
        by: String,
    ) -> Answer<'_, Result<Arc<Versioned>, SettingsError>> {
        // A task of its own: whoever asked may go away, and what is recorded must come into force all the same.
        let applied = tokio::spawn(self.0.clone().apply(change, expected, by));
        Box::pin(async move {
            applied.await.unwrap_or_else(|error| {
                let remedy = "please report it with the version".to_owned();
                Err(SettingsError::Unavailable(StoreUnavailable { message: error.to_string(), remedy }))
            })
        })
    }
}

/// What is wrong with a change that the core cannot know.
fn mistakes(keys: &[(String, Option<String>)], settings: &Settings, start: &Settings) -> Vec<Mistake> {
    let mut found: Vec<Mistake> = level_mistake(settings).into_iter().collect();
    if start.access_required() && !settings.access_required() {
        let message = "everybody who reaches the server could do everything after the next start";
        let remedy = "say it in the settings file, where whoever runs the server sees it, or leave it out";
        found.push(mistake("access.required", message, remedy));
    }
    for (key, address) in addresses(settings) {
        let is_held = addresses(start).any(|(_, held)| held == address);
        if !is_held && keys.iter().any(|(given, _)| given == key) {
            found.extend(taken(key, address));
        }
    }
    found
}

/// What is wrong with `log.level`, whose grammar is that of the log.
pub(crate) fn level_mistake(settings: &Settings) -> Option<Mistake> {
    let error = EnvFilter::try_new(&settings.log.level).err()?;
    let message = format!("{:?} is not understood: {error}", settings.log.level);
    let remedy = "write a level such as debug, or target=level pairs such as info,etlplus_jobs=debug";
    Some(mistake("log.level", message, remedy))
}

fn mistake(key: &str, message: impl Into<String>, remedy: impl Into<String>) -> Mistake {
    Mistake { position: Position::START, key: key.to_owned(), message: message.into(), remedy: remedy.into() }
}

/// Where a server listens, each address with the key that says it.
pub(super) fn addresses(settings: &Settings) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    let listen = settings.server.listen;
    let live = settings.monitoring.websocket.port.map(|port| SocketAddr::new(listen.ip(), port));
    let live = live.map(|address| ("monitoring.websocket.port", address));
    iter::once(("server.listen", listen)).chain(live)
}

/// Why a server could not listen at `address`, where it is tried now: the next start would fail.
fn taken(key: &str, address: SocketAddr) -> Option<Mistake> {
    let error = TcpListener::bind(address).err()?;
    let message = format!("a server could not listen on {address}: {error}");
    Some(mistake(key, message, "name an address of this machine, and a port that no other program has"))
}
