//! What a store has to bring to be tested.

use std::time::Duration;

use etlplus_bus::Bus;
use etlplus_core::ports::{Alerts, History, Ledger, Pipelines, Retention, Schedules, SettingsStore, Tokens};

/// How long a test waits for what has to come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A store of its own for one test.
pub(crate) trait Fixture: Sized + Send {
    type Store: Ledger
        + History
        + Pipelines
        + Schedules
        + Alerts
        + SettingsStore
        + Tokens
        + Retention
        + Clone
        + Send
        + Sync
        + 'static;
    /// What keeps the store from committing, until it is released.
    type Hindrance: Send;

    /// An empty store.
    fn new() -> impl Future<Output = Self> + Send;

    fn store(&self) -> Self::Store;

    fn bus(&self) -> Bus;

    /// Ends the store in good order and opens what it left.
    fn reopen(self) -> impl Future<Output = Self> + Send;

    /// From now on no commit succeeds.
    fn hinder(&self) -> impl Future<Output = Self::Hindrance> + Send;

    /// From now on commits succeed again.
    fn release(hindrance: Self::Hindrance) -> impl Future<Output = ()> + Send;
}
