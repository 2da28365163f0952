//! What the core needs of the world, as traits. Whoever composes the program decides what stands behind them. Their futures
//! name no async runtime.

mod alerts;
mod clock;
mod executor;
mod history;
mod ledger;
mod settings;

pub use alerts::{Alert, AlertStatus, Alerts};
pub use clock::Clock;
pub use executor::{Control, Executor, Outcome, RunReport, StagePreview, TargetReport};
pub use history::{History, HistoryError, Snapshot};
pub use ledger::{Fact, Ledger, LedgerError, LogPosition, Recorded, StoreUnavailable};
pub use settings::{Settings, SettingsError, SettingsVersion, Versioned};
