//! The monitor: every active job as it is at this moment.
//!
//! [`LiveView`] is a plain fold over facts and readings. [`Monitor`] feeds it from the bus and from the runners, and says
//! what changed. Whoever owns the monitor takes snapshots and changes from the same hands, so nothing falls between.

mod monitor;
mod view;

pub use monitor::{Monitor, Stopped};
pub use view::{LiveJob, LiveView, RECENT_LOGS_MAX, Update};
