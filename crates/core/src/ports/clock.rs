//! The time, as its readers see it.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Two clocks, because neither can do the other's work. The core takes times as arguments; this is for those who call it.
pub trait Clock: Send + Sync {
    /// The time of day, for what is recorded and shown. It can be set forward and back while the program runs, so no
    /// timeout and no rate may be measured with it.
    fn now(&self) -> DateTime<Utc>;

    /// The time since a moment that is fixed for the life of the process, for everything that is measured. It never
    /// goes back, and means nothing to another process.
    fn monotonic(&self) -> Duration;
}
