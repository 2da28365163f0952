//! What the core needs of the world, as traits. Whoever composes the program decides what stands behind them. Their futures
//! name no async runtime, and are boxed, so that a port can stand behind `dyn`.

use std::pin::Pin;

mod alerts;
mod clock;
mod executor;
mod history;
mod ledger;
mod pipelines;
mod settings;

pub use alerts::{Alert, AlertStatus, Alerts};
pub use clock::Clock;
pub use executor::{Control, Executor, Outcome, RunReport, StagePreview, TargetReport};
pub use history::{
    History, HistoryError, JobQuery, JobRecord, LogQuery, LogRange, Snapshot, SpoolPosition, StoredLine,
};
pub use ledger::{
    AttemptReport, Change, Fact, Ledger, LedgerError, LogPosition, Reading, Recorded, Sample, StoreUnavailable,
};
pub use pipelines::{Pipelines, StoredPipeline};
pub use settings::{Settings, SettingsError, SettingsVersion, Versioned};

/// What a port gives, in time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
