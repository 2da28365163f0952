//! The system's clock, and one that a test walks.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use etlplus_core::ports::Clock;

/// The system's clocks.
pub(crate) struct SystemClock(pub(crate) Instant);

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Clocks that stand still until they are walked or set.
pub(crate) struct ManualClock(Mutex<(DateTime<Utc>, Duration)>);

impl ManualClock {
    /// Both clocks at `start`.
    pub(crate) fn at(start: &str) -> Self {
        Self(Mutex::new((start.parse().expect("a time"), Duration::ZERO)))
    }

    /// Time passes.
    pub(crate) fn walk(&self, time: Duration) {
        let mut clocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.0 += time;
        clocks.1 += time;
    }

    /// Somebody sets the time of day forward or back.
    pub(crate) fn set(&self, by: TimeDelta) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
