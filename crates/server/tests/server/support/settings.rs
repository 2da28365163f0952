//! Settings that come from a test and change as a server's do.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use etlplus_core::Mistake;
use etlplus_core::ports::{
    Answer, Change, Clock, LiveSettings, SettingsChange, SettingsError, SettingsVersion, Versioned,
};
use etlplus_core::settings::{Format, Layer, Layers, Settings, read};
use serde_json::Value;
use tokio::sync::watch;

/// Records a change of the settings.
pub(super) type Record = Box<dyn Fn(Change) + Send + Sync>;

pub(crate) struct TestSettings {
    record: Record,
    clock: Arc<dyn Clock>,
    file: Layer,
    start: Settings,
    changed: Mutex<Layer>,
    sender: watch::Sender<Arc<Versioned>>,
}

impl TestSettings {
    pub(super) fn new(
        record: Record,
        clock: Arc<dyn Clock>,
        file: &Value,
    ) -> (Arc<Self>, watch::Receiver<Arc<Versioned>>) {
        let file = read(&file.to_string(), Format::Json).whole().unwrap();
        let settled = layers(&file, Layer::default()).settle().unwrap();
        let start = settled.settings.clone();
        let first = versioned(SettingsVersion::from_number(0), settled.settings, settled.entries);
        let (sender, receiver) = watch::channel(first);
        (Arc::new(Self { record, clock, file, start, changed: Mutex::default(), sender }), receiver)
    }

    fn change_now(
        &self,
        change: &str,
        expected: Option<SettingsVersion>,
        by: String,
    ) -> Result<Arc<Versioned>, SettingsError> {
        let mut changed = self.changed.lock().unwrap();
        let current = self.current().version;
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            return Err(SettingsError::Stale { expected, current });
        }
        let mistakes = |mistakes: Vec<Mistake>| SettingsError::Mistakes(mistakes);
        let change = changed.changed_by(change).whole().map_err(mistakes)?;
        let settled = layers(&self.file, change.layer.clone()).settle().map_err(mistakes)?.since_start(&self.start);
        let version = current.next();
        let overlay = change.layer.to_json();
        let told = SettingsChange { version, at: self.clock.now(), by, keys: change.keys };
        (self.record)(Change::Settings { expected: current, overlay, change: told });
        *changed = change.layer;
        self.sender.send_replace(versioned(version, settled.settings, settled.entries));
        Ok(self.current())
    }
}

fn layers(file: &Layer, changed: Layer) -> Layers {
    Layers { file: Some((PathBuf::from("/etc/etlplus.json"), file.clone())), changed, ..Layers::default() }
}

fn versioned(
    version: SettingsVersion,
    mut values: Settings,
    entries: Vec<etlplus_core::settings::Entry>,
) -> Arc<Versioned> {
    // Nothing starts: what jobs do is the test's to say.
    values.jobs.max_concurrent_jobs = Some(0);
    values.jobs.max_queued_jobs = 5;
    Arc::new(Versioned { version, values, entries })
}

impl LiveSettings for TestSettings {
    fn current(&self) -> Arc<Versioned> {
        self.sender.borrow().clone()
    }

    fn change(
        &self,
        change: String,
        expected: Option<SettingsVersion>,
        by: String,
    ) -> Answer<'_, Result<Arc<Versioned>, SettingsError>> {
        Box::pin(std::future::ready(self.change_now(&change, expected, by)))
    }
}
