//! Settings that can change while the program runs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::StoreUnavailable;
use crate::mistake::Mistake;

/// Which settings hold. Each change makes the next version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettingsVersion(u64);

impl SettingsVersion {
    /// The version that a store kept as a number; 0 is what the configuration file alone says.
    pub fn from_number(number: u64) -> Self {
        Self(number)
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The version.
    pub version: SettingsVersion,
    /// The settings.
    pub values: T,
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
pub trait Settings: Send + Sync {
    /// The checked settings.
    type Values: Send + Sync + 'static;

    /// The settings that hold now. Never waits.
    fn current(&self) -> Arc<Versioned<Self::Values>>;

    /// Lays `change`, a JSON object with some of the settings, over those that hold, and gives what holds then. The
    /// change is checked as a whole, recorded as a fact, and seen by no reader before that. Where `expected` is given,
    /// the settings must be at that version.
    fn change(
        &self,
        change: &str,
        expected: Option<SettingsVersion>,
    ) -> impl Future<Output = Result<Arc<Versioned<Self::Values>>, SettingsError>> + Send;
}
