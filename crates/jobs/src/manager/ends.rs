//! What the ends of attempts lead to.

use chrono::{DateTime, Utc};
use etlplus_core::Failure;
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{JobInput, JobState};
use etlplus_core::ports::{AttemptReport, LedgerError, Outcome, RunReport};

use super::{ApplyError, Ended, Manager, STORE_RETRY, recovery};
use crate::housekeeping;
use crate::supervisor::AttemptEnd;
use crate::telemetry;

impl Manager {
    /// Records the ends that the store could not take before.
    pub(super) async fn try_again(&mut self) {
        self.retry_at = None;
        while let Some(ended) = self.unrecorded.pop_front() {
            if let Err(ended) = self.end(ended).await {
                self.unrecorded.push_front(ended);
                self.retry_at = Some(self.context.clock.monotonic() + STORE_RETRY);
                return;
            }
        }
    }

    /// Records the end of an attempt; hands it back where the store cannot take it now.
    async fn end(&mut self, ended: Ended) -> Result<(), Ended> {
        let Ended { job, attempt, ref end, .. } = ended;
        let (input, report, progress) = match end {
            AttemptEnd::Abandoned => return Ok(()),
            AttemptEnd::Lost { failure, progress } => {
                let now = self.context.clock.now();
                let retry_at = recovery::retry_at(failure, attempt, now);
                let (failure, retry_at) = self.plan_retry(job, attempt, failure, retry_at);
                (JobInput::Lost { attempt, failure, progress: *progress, retry_at }, None, *progress)
            }
            AttemptEnd::Reported(report) => {
                let (input, left) = self.reported(job, attempt, report);
                (input, Some(left), Some(report.progress))
            }
        };
        match self.apply(job, input, report).await {
            Ok(_) => progress.iter().for_each(telemetry::attempt_ended),
            Err(ApplyError::Ledger(LedgerError::Unavailable(error))) => {
                tracing::warn!(%job, %error, "the end of an attempt waits for the store");
                return Err(ended);
            }
            Err(error) => {
                tracing::error!(%job, %attempt, %error, "the end of an attempt cannot be recorded");
                self.give_up(job, attempt, &error).await;
            }
        }
        if let Some(managed) = self.jobs.get_mut(&job) {
            managed.attempt = None;
        }
        self.forget_ended(job);
        self.clear_away(ended);
        Ok(())
    }

    /// What an attempt that reported its end leads to, and what it left.
    fn reported(&self, job: JobId, attempt: AttemptNumber, report: &RunReport) -> (JobInput, AttemptReport) {
        let progress = report.progress;
        let (input, target) = match &report.outcome {
            Outcome::Completed(target) => (JobInput::Completed { attempt, progress }, Some(target.clone())),
            Outcome::Failed(failure) => {
                let (failure, retry_at) = self.plan_retry(job, attempt, failure, None);
                (JobInput::Failed { attempt, failure, progress: Some(progress), retry_at }, None)
            }
            Outcome::Cancelled => (JobInput::Stopped { attempt, progress: Some(progress) }, None),
        };
        (input, AttemptReport { target, rejects: report.rejects.clone(), reject_file: report.reject_file.clone() })
    }

    /// When a job whose attempt failed is tried again: at `retry_at` where that is given, else by its policy. The failure's
    /// remedy says so, where it comes to that.
    fn plan_retry(
        &self,
        job: JobId,
        attempt: AttemptNumber,
        failure: &Failure,
        retry_at: Option<DateTime<Utc>>,
    ) -> (Failure, Option<DateTime<Utc>>) {
        let mut failure = failure.clone();
        let Some(managed) = self.jobs.get(&job) else { return (failure, retry_at) };
        let by_policy = || {
            let policy = managed.policy.retry;
            let wait = policy.wait_after(attempt.get(), rand::random()).filter(|_| failure.kind.is_retryable())?;
            Some(self.context.clock.now() + wait)
        };
        let retry_at = retry_at.or_else(by_policy);
        if retry_at.is_some() && matches!(managed.state, JobState::Running { stop: None, .. }) {
            "nothing has to be done: the job is tried again by itself".clone_into(&mut failure.remedy);
        }
        (failure, retry_at)
    }

    /// Ends a job whose attempt's end the store refuses, so that nothing waits for it for ever.
    async fn give_up(&mut self, job: JobId, attempt: AttemptNumber, error: &ApplyError) {
        let failure = Failure::bug(format!("the end of the attempt cannot be recorded: {error}"));
        let input = JobInput::Lost { attempt, failure, progress: None, retry_at: None };
        if let Err(error) = self.apply(job, input, None).await {
            tracing::error!(%job, %attempt, %error, "nor can that");
        }
    }

    /// Removes the directory of an attempt whose end is recorded.
    fn clear_away(&self, ended: Ended) {
        let Ended { job, attempt, end, hold } = ended;
        let has_rejects = matches!(&end, AttemptEnd::Reported(report) if report.reject_file.is_some());
        let (context, folder) = (self.context.clone(), self.context.folder(job, attempt));
        self.attempts.spawn_blocking(move || {
            if has_rejects {
                housekeeping::prune_rejects(&context);
            }
            if let Err(error) = folder.remove() {
                tracing::warn!(folder = %folder.path().display(), %error, "an attempt directory stays behind");
            }
            drop(hold);
        });
    }
}
