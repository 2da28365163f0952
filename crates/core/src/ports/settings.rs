//! Settings that can change while the program runs.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Answer, StoreUnavailable};
use crate::mistake::Mistake;
use crate::settings::{Entry, Settings};

/// Which settings hold. Each change makes the next version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettingsVersion(u64);

impl SettingsVersion {
    /// The version that a store kept as a number; 0 is what is said at the start alone.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The version after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// As a number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SettingsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Checked settings with their version. A reader that keeps one sees one version throughout.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned {
    /// The version.
    pub version: SettingsVersion,
    /// The settings in force. What needs a restart is as it was at the start.
    pub values: Settings,
    /// Each key with its value and where that comes from; a value that waits for a restart is the new one, marked.
    pub entries: Vec<Entry>,
}

/// Settings were changed: a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsChange {
    /// The version that the change made.
    pub version: SettingsVersion,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// The keys that were given, by their dotted path, each with what it was set to; `None` where its earlier origin
    /// holds again. Secrets are masked.
    pub keys: Vec<(String, Option<String>)>,
}

/// What is laid over the settings that were given at the start: a JSON object, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSettings {
    /// Its version.
    pub version: SettingsVersion,
    /// A JSON object with the keys that were changed.
    pub overlay: String,
}

/// Keeps what was changed.
pub trait SettingsStore: Send + Sync {
    /// What was changed since the store was made; `None` where nothing was. It is recorded by
    /// [`Change::Settings`](super::Change::Settings).
    fn stored_settings(&self) -> Answer<'_, Result<Option<StoredSettings>, StoreUnavailable>>;
}

/// A change of settings that was refused; they are as they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The change is wrong; all its mistakes.
    #[error("{} in the settings: mend them and send the change again", mistakes(.0))]
    Mistakes(Vec<Mistake>),
    /// Somebody else changed the settings in between.
    #[error("the settings are at version {current}, not {expected}: read them and change them anew")]
    Stale {
        /// The version that the change was made for.
        expected: SettingsVersion,
        /// The version that holds.
        current: SettingsVersion,
    },
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

fn mistakes(mistakes: &[Mistake]) -> String {
    match mistakes {
        [one] => format!("a mistake ({one})"),
        [first, ..] => format!("{} mistakes, the first {first}", mistakes.len()),
        [] => "a mistake".to_owned(),
    }
}

/// The settings, read by everyone and changed in one place.
pub trait LiveSettings: Send + Sync {
    /// The settings that hold now. Never waits.
    fn current(&self) -> Arc<Versioned>;

    /// Lays `change`, a JSON object with some of the settings, over those that hold, and gives what holds then. The
    /// change is checked as a whole, recorded as a fact, and seen by no reader before that. Where `expected` is given,
    /// the settings must be at that version. `by` says who changes them.
    fn change(
        &self,
        change: String,
        expected: Option<SettingsVersion>,
        by: String,
    ) -> Answer<'_, Result<Arc<Versioned>, SettingsError>>;
}
