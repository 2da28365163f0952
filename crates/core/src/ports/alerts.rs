//! Alerts: what they are, and how the rules that raise them read the log.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Recorded, StoreUnavailable};

/// Whether an alert's reason holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// It holds.
    Firing,
    /// It held, and does no more.
    Resolved,
}

/// Something that a person should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Which alert it is: the rule's name and what it is about. Two alerts with equal labels are the same one.
    pub labels: BTreeMap<String, String>,
    /// Whether its reason holds.
    pub status: AlertStatus,
    /// When the status became what it is.
    pub at: DateTime<Utc>,
    /// What happened and where, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
}

/// The alerts, kept by the store.
pub trait Alerts: Send + Sync {
    /// Shows `rules` the facts that come after those of the last call, with the alerts that are firing, and records what
    /// it gives back: new alerts, and firing ones that are resolved. Gives the number of facts that were read.
    ///
    /// The reading, the alerts and the move past the facts are one transaction, so that a crash neither leaves out a fact
    /// nor raises an alert twice. `rules` decides from its arguments alone: it may be run again on the same facts where
    /// the transaction failed.
    fn advance(
        &self,
        rules: impl Fn(&[Recorded], &[Alert]) -> Vec<Alert> + Send,
    ) -> impl Future<Output = Result<usize, StoreUnavailable>> + Send;

    /// The alerts that are firing.
    fn firing(&self) -> impl Future<Output = Result<Vec<Alert>, StoreUnavailable>> + Send;
}
