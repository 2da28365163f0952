//! The monitor: every active job as it is at this moment.
//!
//! [`LiveView`] is a plain fold over facts and readings. [`Monitor`] feeds it from the bus and from the runners, and says
//! what changed. Whoever owns the monitor takes snapshots and changes from the same hands, so nothing falls between.
//! [`ResourceWatch`] looks at what the machine has left, and raises alerts.

mod machine;
mod monitor;
mod resources;
mod threshold;
mod view;

pub use machine::Machine;
pub use monitor::{Monitor, Stopped};
pub use resources::{READ_EVERY, ResourceUse, ResourceWatch, Resources};
pub use view::{LiveJob, LiveView, RECENT_LOGS_MAX, Update};
