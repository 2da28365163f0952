//! The settings while the server runs: read by everyone, changed in one place.

use std::sync::Arc;

use etlplus_core::Mistake;
use etlplus_core::mistake::Position;
use etlplus_core::ports::{
    Answer, Change, Clock, Ledger, LedgerError, LiveSettings, SettingsChange, SettingsError, SettingsVersion,
    StoreUnavailable, Versioned,
};
use etlplus_core::settings::{Layers, Settings};
use tokio::sync::{Mutex, watch};
use tracing_subscriber::EnvFilter;

/// What a store is laid over, and what is laid over it.
pub(super) struct Configuration {
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
        Ok(Self { sender, state: Mutex::new(State { layers, version }), start, ledger, clock })
    }

    /// The settings as they change.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<Versioned>> {
        self.sender.subscribe()
    }

    async fn apply(
        &self,
        change: String,
        expected: Option<SettingsVersion>,
        by: String,
    ) -> Result<Arc<Versioned>, SettingsError> {
        let mut state = self.state.lock().await;
        let current = state.version;
        let changed = state.layers.changed.changed_by(&change).map_err(SettingsError::Mistakes)?;
        let layers = Layers { changed: changed.layer, ..state.layers.clone() };
        let settled = layers.settle().map_err(SettingsError::Mistakes)?;
        let found = mistakes(&changed.keys, &settled.settings);
        if !found.is_empty() {
            return Err(SettingsError::Mistakes(found));
        }
        // A change that is wrong by itself is told so first (RFC 9110, section 13.2.1).
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            return Err(SettingsError::Stale { expected, current });
        }
        if changed.keys.is_empty() {
            return Ok(self.current());
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
        self.sender.borrow().clone()
    }

    fn change(
        &self,
        change: String,
        expected: Option<SettingsVersion>,
        by: String,
    ) -> Answer<'_, Result<Arc<Versioned>, SettingsError>> {
        Box::pin(self.apply(change, expected, by))
    }
}

/// What is wrong with a change that the core cannot know.
fn mistakes(keys: &[(String, Option<String>)], settings: &Settings) -> Vec<Mistake> {
    let mut found: Vec<Mistake> = level_mistake(settings).into_iter().collect();
    if keys.iter().any(|(key, _)| key == "server.data") {
        found.push(Mistake {
            position: Position::START,
            key: "server.data".to_owned(),
            message: "changes are kept in the data folder itself, so they cannot say where it is".to_owned(),
            remedy: "say it in the settings file or with --data, and start the server again".to_owned(),
        });
    }
    found
}

/// What is wrong with `log.level`, whose grammar is that of the log.
pub(crate) fn level_mistake(settings: &Settings) -> Option<Mistake> {
    let error = EnvFilter::try_new(&settings.log.level).err()?;
    Some(Mistake {
        position: Position::START,
        key: "log.level".to_owned(),
        message: format!("{:?} is not understood: {error}", settings.log.level),
        remedy: "write a level such as debug, or target=level pairs such as info,etlplus_jobs=debug".to_owned(),
    })
}
