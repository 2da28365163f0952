//! The system's clocks.

use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, Utc};
use etlplus_core::ports::Clock;

/// The clocks of this machine.
#[derive(Debug)]
pub(crate) struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Its monotonic time begins now.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    /// Microseconds are what the store keeps; finer times would not read back as they were told.
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
