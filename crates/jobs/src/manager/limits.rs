//! How long attempts may run: a warning while there is time, and the end at the limit. Both are measured by a clock that is
//! not set, and leave pauses out.

use std::collections::BTreeMap;
use std::time::Duration;

use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::job::{JobInput, JobState};
use etlplus_core::ports::{Alert, AlertRule, AlertStatus, Change, LedgerError};

use super::managed::{Managed, Running};
use super::{ApplyError, Manager, STORE_RETRY};
use crate::parts::Moment;

/// The code of the failure of a job that took longer than it may.
pub(crate) const JOB_TIMEOUT: &str = "job_timeout";
/// The share of its own limit at which a job is warned of, where that comes first.
const WARNING_SHARE: f64 = 0.8;

impl Manager {
    /// The settings' threshold; `None` where nobody wants to be warned.
    fn warning_threshold(&self) -> Option<Duration> {
        self.context.setting(|settings| {
            let monitoring = &settings.monitoring;
            let is_wanted = monitoring.notifications.enabled && monitoring.notifications.timeout_warnings;
            is_wanted.then_some(monitoring.job_tracking.timeout_warning_threshold)
        })
    }

    /// When the next attempt is warned of or ended: how long after `now`.
    pub(super) fn next_limit(&self, now: Moment) -> Option<Duration> {
        let threshold = self.warning_threshold();
        let limits = self.jobs.values().filter_map(|job| {
            let running = under_way(job)?;
            let warning = threshold.filter(|_| !running.is_warned).map(|threshold| warn_at(running, threshold));
            let limit = warning.into_iter().chain(running.timeout).min()?;
            Some(limit.saturating_sub(running.elapsed(now)))
        });
        limits.min()
    }

    /// Warns of attempts that run long, and ends those that run too long.
    pub(super) async fn keep_limits(&mut self) {
        let (now, threshold) = (self.context.moment(), self.warning_threshold());
        let (mut late, mut long) = (Vec::new(), Vec::new());
        for (id, job) in &self.jobs {
            let Some(running) = under_way(job) else { continue };
            let elapsed = running.elapsed(now);
            if let Some(timeout) = running.timeout.filter(|timeout| elapsed >= *timeout) {
                late.push((*id, timeout));
            } else if threshold.is_some_and(|threshold| !running.is_warned && elapsed >= warn_at(running, threshold)) {
                long.push(*id);
            }
        }
        for id in long {
            self.warn(id, now).await;
        }
        for (id, timeout) in late {
            self.end_late(id, timeout, now).await;
        }
    }

    async fn warn(&mut self, id: JobId, now: Moment) {
        if self.retry_at.is_some() {
            return;
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(running) = &mut job.attempt else { return };
        let alert = near(id, &job.header.pipeline, running, now);
        match self.context.ledger.record(vec![Change::Alert(alert)]).await {
            Ok(_) => running.is_warned = true,
            Err(LedgerError::Unavailable(error)) => {
                tracing::warn!(job = %id, %error, "a warning waits for the store");
                self.retry_at = Some(now.monotonic + STORE_RETRY);
            }
            Err(error) => {
                tracing::error!(job = %id, %error, "a warning cannot be recorded");
                running.is_warned = true;
            }
        }
    }

    async fn end_late(&mut self, id: JobId, timeout: Duration, now: Moment) {
        if self.retry_at.is_some() {
            return;
        }
        let Some(attempt) = self.jobs.get(&id).map(|job| job.state.attempt()) else { return };
        let message = format!("attempt {attempt} ran for {} without its pauses, which is its limit", shown(timeout));
        let remedy = "look at its log for what took so long, then raise timeout in the pipeline or jobs.timeout in the \
                      settings, or give it less to do";
        let failure = Failure::limit(JOB_TIMEOUT, message, remedy);
        let applied = self.apply(id, JobInput::Abort { attempt, failure }, None).await;
        if let Err(ApplyError::Ledger(LedgerError::Unavailable(error))) = applied {
            tracing::warn!(job = %id, %error, "the end of a job that takes too long waits for the store");
            self.retry_at = Some(now.monotonic + STORE_RETRY);
            return;
        }
        if let Err(error) = applied {
            tracing::error!(job = %id, %error, "the end of a job that takes too long cannot be recorded");
        }
        if let Some(running) = self.jobs.get_mut(&id).and_then(|job| job.attempt.as_mut()) {
            running.timeout = None;
            running.stop();
        }
    }
}

/// The attempt of a job whose time counts: it runs, and was not asked to stop.
fn under_way(job: &Managed) -> Option<&Running> {
    job.attempt.as_ref().filter(|_| matches!(job.state, JobState::Running { stop: None, .. }))
}

fn warn_at(running: &Running, threshold: Duration) -> Duration {
    running.timeout.map_or(threshold, |timeout| threshold.min(timeout.mul_f64(WARNING_SHARE)))
}

fn near(id: JobId, pipeline: &str, running: &Running, now: Moment) -> Alert {
    let ran = shown(running.elapsed(now));
    let (end, remedy) = match running.timeout {
        Some(timeout) => (
            format!(", and is ended at {}", shown(timeout)),
            "look at its log and its rate; if it is to go on for longer, raise timeout in the pipeline for the next job",
        ),
        None => (String::new(), "look at its log and its rate; cancel it if it does not come forward"),
    };
    Alert {
        rule: AlertRule::JobTimeoutNear,
        labels: BTreeMap::from([("pipeline".to_owned(), pipeline.to_owned()), ("job".to_owned(), id.to_string())]),
        status: AlertStatus::Firing,
        at: now.wall,
        message: format!("job {id} of pipeline {pipeline} has run for {ran}{end}"),
        remedy: remedy.to_owned(),
        job: Some(id),
    }
}

/// A time for people: what is above a second in whole seconds.
fn shown(time: Duration) -> String {
    etlplus_core::duration::show(if time < Duration::from_secs(1) { time } else { Duration::from_secs(time.as_secs()) })
}
