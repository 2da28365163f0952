//! Who is given a free place.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::thread::available_parallelism;

use etlplus_core::ids::JobId;
use etlplus_core::job::JobInput;
use etlplus_core::ports::LedgerError;

use super::managed::{Managed, Running};
use super::{ApplyError, Command, Ended, Manager, STORE_RETRY};
use crate::parts::Moment;
use crate::supervisor::Attempt;
use crate::telemetry;

impl Manager {
    /// Gives free places to the jobs of highest priority that are due, among them to the oldest.
    pub(super) async fn fill_places(&mut self) {
        while self.retry_at.is_none() {
            let now = self.context.moment();
            let Some(id) = self.next_to_start(now) else { return };
            if let Err(error) = self.start_attempt(id, now).await {
                tracing::error!(job = %id, %error, "a job cannot be started");
                self.retry_at = Some(now.monotonic + STORE_RETRY);
            }
        }
    }

    /// A pipeline that has as many jobs under way as it may does not hold up the others. A paused job gave its place to
    /// others, but not to others of its pipeline: who limits those wants no two of them at work on one thing.
    fn next_to_start(&self, now: Moment) -> Option<JobId> {
        if self.running() >= self.places() {
            return None;
        }
        let mut under_way: BTreeMap<&str, u32> = BTreeMap::new();
        for job in self.jobs.values().filter(|job| job.attempt.is_some()) {
            *under_way.entry(&job.header.pipeline).or_default() += 1;
        }
        let has_room = |job: &Managed| {
            let others = under_way.get(job.header.pipeline.as_str()).copied().unwrap_or_default();
            job.policy.concurrency.is_none_or(|most| others < most.get())
        };
        let due = self.jobs.values().filter(|job| job.is_pending() && job.wait(now).is_zero() && has_room(job));
        due.min_by_key(|job| (Reverse(job.policy.priority), job.header.id)).map(|job| job.header.id)
    }

    /// How many jobs may run at once.
    pub(super) fn places(&self) -> usize {
        let cores = || available_parallelism().map_or(1, usize::from);
        self.context.setting(|settings| settings.jobs.max_concurrent_jobs).unwrap_or_else(cores)
    }

    /// Jobs that hold a place.
    pub(super) fn running(&self) -> usize {
        self.jobs.values().filter(|job| job.holds_place()).count()
    }

    async fn start_attempt(&mut self, id: JobId, now: Moment) -> Result<(), LedgerError> {
        let Some(job) = self.jobs.get(&id) else { return Ok(()) };
        let attempt = job.state.attempt();
        let timeout = job.policy.timeout.or_else(|| self.context.setting(|settings| settings.jobs.timeout));
        let definition = self.context.history.definition(id).await?;
        let Some(definition) = definition else {
            tracing::error!(job = %id, "a job has no definition");
            self.jobs.remove(&id);
            return Ok(());
        };
        self.apply(id, JobInput::Start { attempt }, None).await.map_err(|error| match error {
            ApplyError::Ledger(error) => error,
            ApplyError::Illegal(error) => super::unreachable_move(id, &error),
        })?;
        telemetry::attempt_started();
        let (running, orders) = Running::start(timeout, now);
        if let Some(job) = self.jobs.get_mut(&id) {
            job.attempt = Some(running);
        }
        let (context, ended) = (self.context.clone(), self.ended.clone());
        self.attempts.spawn(async move {
            let end = Attempt { context, job: id, number: attempt }.run(definition, orders).await;
            let _ = ended.send(Command::Ended(Ended { job: id, attempt, end, hold: None })).await;
        });
        Ok(())
    }
}
