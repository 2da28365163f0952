//! What the core needs of the world, as traits. Whoever composes the program decides what stands behind them. Their futures
//! name no async runtime, and are boxed, so that a port can stand behind `dyn`.

use std::pin::Pin;

mod alerts;
mod clock;
mod executor;
mod history;
mod ledger;
mod pipelines;
mod retention;
mod run_plan;
mod schedules;
mod settings;
mod tokens;

pub use alerts::{
    Alert, AlertChannels, AlertQuery, AlertRecord, AlertRule, AlertStatus, Alerts, ChannelState, Consequences,
    Delivery, DeliveryState, DeliveryTry, Rules, TRIES_KEPT, TestSendError,
};
pub use clock::Clock;
pub use executor::{Control, Executor, Outcome, RunReport, StagePreview, TargetReport};
pub use history::{
    History, HistoryError, JobQuery, JobRecord, LogFound, LogQuery, LogRange, LogSearch, Snapshot, SpoolPosition,
    StoredLine,
};
pub use ledger::{
    AttemptReport, Change, Fact, IdempotencyKey, Ledger, LedgerError, LogPosition, NewJob, Reading, Recorded, Sample,
    ScheduledFor, StoreUnavailable,
};
pub use pipelines::{Pipelines, StoredPipeline};
pub use retention::{Pruned, Retention, RetentionLimits};
pub use run_plan::{PlannedColumn, PlannedInterval, PlannedSource, PlannedTarget, RunPlan};
pub use schedules::Schedules;
pub use settings::{
    LiveSettings, SettingsChange, SettingsError, SettingsStore, SettingsVersion, StoredSettings, Versioned,
};
pub use tokens::{CreateTokenError, TOKENS_MAX, TokenHash, TokenRecord, Tokens};

/// What a port gives, in time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
