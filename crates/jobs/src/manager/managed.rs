//! A job that has not ended, as its manager has it in mind.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_core::job::{JobHeader, JobPolicy, JobState, JobStatus, Wait};
use etlplus_core::ports::JobRecord;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::parts::Moment;
use crate::supervisor::Orders;

/// A job that has not ended.
pub(super) struct Managed {
    pub(super) header: Arc<JobHeader>,
    pub(super) policy: JobPolicy,
    pub(super) state: JobState,
    /// Its attempt, where one is under way.
    pub(super) attempt: Option<Running>,
    /// When it may start.
    due: Due,
}

impl Managed {
    /// The job of a record, at `now`.
    pub(super) fn new(record: &JobRecord, now: Moment) -> Self {
        let JobRecord { header, policy, state, .. } = record;
        let due = Due::new(state, policy, now);
        Self { header: header.clone(), policy: *policy, state: state.clone(), attempt: None, due }
    }

    /// The job has come to `state`.
    pub(super) fn come_to(&mut self, state: JobState, now: Moment) {
        self.due = Due::new(&state, &self.policy, now);
        self.state = state;
    }

    /// Whether it waits for an attempt.
    pub(super) fn is_pending(&self) -> bool {
        self.state.status() == JobStatus::Pending
    }

    /// Whether it takes a place from others. A paused job does not, though its runner lives.
    pub(super) fn holds_place(&self) -> bool {
        self.attempt.is_some() && self.state.status() != JobStatus::Paused
    }

    /// Whether it is paused and its runner lives.
    pub(super) fn is_held(&self) -> bool {
        self.attempt.is_some() && self.state.status() == JobStatus::Paused
    }

    /// How long it has to wait yet, at most; nothing where it is due.
    pub(super) fn wait(&self, now: Moment) -> Duration {
        self.due.wait(now)
    }

    /// The job as it is recorded, without what its last attempt left.
    pub(super) fn record(&self) -> JobRecord {
        JobRecord { header: self.header.clone(), policy: self.policy, state: self.state.clone(), report: None }
    }
}

/// When a job may start: at a time of day, or after a time that is measured, whichever comes first. So neither a clock that
/// is set back holds it, nor a machine that slept.
#[derive(Debug, Clone, Copy)]
struct Due {
    wall: DateTime<Utc>,
    monotonic: Duration,
}

impl Due {
    fn new(state: &JobState, policy: &JobPolicy, now: Moment) -> Self {
        let wait = match state {
            JobState::Pending { wait, .. } => wait,
            _ => return Self { wall: now.wall, monotonic: now.monotonic },
        };
        let wall = wait.not_before().unwrap_or(now.wall);
        let left = (wall - now.wall).to_std().unwrap_or_default();
        let left = match wait {
            // Its clock may have been set back since the wait was drawn.
            Wait::Retry { .. } => left.min(policy.retry.max_delay),
            Wait::Slot | Wait::Delay { .. } => left,
        };
        Self { wall, monotonic: now.monotonic + left }
    }

    fn wait(&self, now: Moment) -> Duration {
        if self.wall <= now.wall { Duration::ZERO } else { self.monotonic.saturating_sub(now.monotonic) }
    }
}

/// An attempt that is under way.
pub(super) struct Running {
    stop: CancellationToken,
    paused: watch::Sender<bool>,
    /// How long it may run.
    pub(super) timeout: Option<Duration>,
    /// Whether it was said that it runs long.
    pub(super) is_warned: bool,
    /// How long it ran up to its last pause.
    ran: Duration,
    /// Since when it has run; `None` in a pause.
    since: Option<Duration>,
}

impl Running {
    /// An attempt that begins at `now`, and what its supervisor is to listen to.
    pub(super) fn start(timeout: Option<Duration>, now: Moment) -> (Self, Orders) {
        let stop = CancellationToken::new();
        let (sender, paused) = watch::channel(false);
        let orders = Orders { stop: stop.clone(), paused };
        let since = Some(now.monotonic);
        (Self { stop, paused: sender, timeout, is_warned: false, ran: Duration::ZERO, since }, orders)
    }

    /// One of an earlier server, which is about to be ended: nobody listens, and no time counts.
    pub(super) fn ending() -> Self {
        let paused = watch::Sender::new(false);
        let stop = CancellationToken::new();
        Self { stop, paused, timeout: None, is_warned: true, ran: Duration::ZERO, since: None }
    }

    /// Asks it to stop.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks it to hold still.
    pub(super) fn pause(&mut self, now: Moment) {
        self.ran = self.elapsed(now);
        self.since = None;
        self.paused.send_replace(true);
    }

    /// Lets it go on.
    pub(super) fn resume(&mut self, now: Moment) {
        self.since = Some(now.monotonic);
        self.paused.send_replace(false);
    }

    /// How long it has run, its pauses left out.
    pub(super) fn elapsed(&self, now: Moment) -> Duration {
        self.ran + self.since.map_or(Duration::ZERO, |since| now.monotonic.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment { wall: DateTime::UNIX_EPOCH + Duration::from_secs(seconds), monotonic: Duration::from_secs(seconds) }
    }

    #[test]
    fn pauses_do_not_count() {
        let (mut running, _orders) = Running::start(None, at(10));
        running.pause(at(15));
        assert_eq!(running.elapsed(at(1_000)), Duration::from_secs(5));
        running.resume(at(1_000));
        assert_eq!(running.elapsed(at(1_002)), Duration::from_secs(7));
        running.pause(at(1_003));
        assert_eq!(running.elapsed(at(2_000)), Duration::from_secs(8));
    }

    #[test]
    fn a_clock_that_is_set_delays_nobody_and_sends_nobody_early_by_what_is_measured() {
        let delayed = |not_before: Moment, now: Moment| {
            let state = etlplus_core::job::JobFact::submitted(now.wall, Some(not_before.wall)).state;
            Due::new(&state, &JobPolicy::default(), now)
        };
        let due = delayed(at(100), at(40));
        assert_eq!(due.wait(at(40)), Duration::from_secs(60));
        assert_eq!(due.wait(Moment { wall: at(0).wall, ..at(100) }), Duration::ZERO, "set back");
        assert_eq!(due.wait(Moment { wall: at(100).wall, ..at(41) }), Duration::ZERO, "the time of day has come");
        assert_eq!(due.wait(Moment { wall: at(50).wall, ..at(90) }), Duration::from_secs(10));
    }
}
