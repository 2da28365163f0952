//! Accepting jobs.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_core::ids::JobId;
use etlplus_core::job::{JobDefinition, JobFact, JobHeader, JobPolicy, JobType};
use etlplus_core::pipeline::{ArgumentError, Pipeline, TIMEOUT_MAX, TIMEOUT_MIN};
use etlplus_core::ports::{Change, IdempotencyKey, JobRecord, LedgerError, NewJob, ScheduledFor, StoreUnavailable};
use etlplus_core::{Mistake, duration};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::jobs::Jobs;
use crate::manager::Command;
use crate::room::{Place, QueueFull};
use crate::runner::{Unfit, spec};
use crate::telemetry;

/// A job to accept. What it leaves out, its pipeline says.
#[derive(Debug, Clone)]
pub struct Submission {
    /// What the job is made from.
    pub definition: JobDefinition,
    /// How urgent it is, in place of what the pipeline says: [`JobPolicy::PRIORITY_MIN`] to [`JobPolicy::PRIORITY_MAX`].
    pub priority: Option<i8>,
    /// How long an attempt may run, in place of what the pipeline says: [`TIMEOUT_MIN`] to [`TIMEOUT_MAX`].
    pub timeout: Option<Duration>,
    /// It is not started before this.
    pub not_before: Option<DateTime<Utc>>,
    /// What tells a submit that is sent again from a second one.
    pub idempotency: Option<IdempotencyKey>,
    /// The time of its pipeline's schedule that it is made for.
    pub scheduled_for: Option<ScheduledFor>,
}

impl From<JobDefinition> for Submission {
    /// A job that is treated as its pipeline says, at once.
    fn from(definition: JobDefinition) -> Self {
        let (priority, timeout) = (None, None);
        Self { definition, priority, timeout, not_before: None, idempotency: None, scheduled_for: None }
    }
}

/// A job that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The job.
    pub record: JobRecord,
    /// Whether this submit made it; otherwise the same was submitted before under its idempotency key.
    pub is_new: bool,
}

/// Why a job was not accepted. Nothing is recorded.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The pipeline has mistakes; all of them.
    #[error("the pipeline has mistakes")]
    Mistakes(Vec<Mistake>),
    /// Parameters do not fit; all of them.
    #[error("parameters do not fit")]
    Arguments(Vec<ArgumentError>),
    /// What is said of the job's treatment is out of range.
    #[error("{0}")]
    OutOfRange(String),
    /// Too many jobs wait.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The idempotency key was used for something else.
    #[error("the idempotency key {key:?} was used for job {job} and another submit: use a new key for a new job")]
    KeyReused {
        /// The key.
        key: String,
        /// The job that was accepted with it.
        job: JobId,
    },
    /// The store refuses the job.
    #[error("{0}")]
    Refused(String),
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The server is about to end.
    #[error("the server is about to end: submit the job to the next one")]
    Stopped,
}

impl Jobs {
    /// Accepts a job: when this answers, it is recorded and survives a crash. Its pipeline and parameters are checked;
    /// its files and its SQL are when it starts. The same submit under the same idempotency key gives the job that it made
    /// before.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, SubmitError> {
        // A submit that is sent again has its job, whatever has become of the queue and of the pipeline since.
        if let Some(key) = &submission.idempotency
            && let Some(record) = self.already_submitted(key).await?
        {
            return Ok(Submitted { record, is_new: false });
        }
        let place = self.take_place()?;
        let id = JobId::from_uuid(Uuid::now_v7());
        let checking = submission.definition.clone();
        let checked = spawn_blocking(move || spec(id, &checking).map(|spec| spec.pipeline().clone()));
        let pipeline = checked.await.map_err(|_| SubmitError::Stopped)?.map_err(|unfit| match unfit {
            Unfit::Pipeline(mistakes) => SubmitError::Mistakes(mistakes),
            Unfit::Arguments(errors) => SubmitError::Arguments(errors),
        })?;
        let policy = policy(&pipeline, &submission)?;
        let Submission { definition, not_before, idempotency, scheduled_for, .. } = submission;
        let header = JobHeader {
            id,
            job_type: JobType::of(&pipeline),
            pipeline: pipeline.name,
            tags: pipeline.tags,
            submitted_at: self.context.clock.now(),
        };
        let job = NewJob { header, definition, policy, not_before, idempotency, scheduled_for };
        // A task of its own: whoever asked may go away, and a recorded job must reach the queue all the same.
        tokio::spawn(self.clone().accept(job, place)).await.map_err(|_| SubmitError::Stopped)?
    }

    /// The job that the same submit made before under this key; `None` where the key is new.
    async fn already_submitted(&self, key: &IdempotencyKey) -> Result<Option<JobRecord>, SubmitError> {
        match self.context.history.by_idempotency_key(key.key.clone()).await? {
            Some((job, digest)) if digest == key.digest => Ok(self.context.history.job(job).await?),
            Some((job, _)) => Err(SubmitError::KeyReused { key: key.key.clone(), job }),
            None => Ok(None),
        }
    }

    async fn accept(self, job: NewJob, place: Place) -> Result<Submitted, SubmitError> {
        let NewJob { header, policy, not_before, .. } = &job;
        let state = JobFact::submitted(header.submitted_at, *not_before).state;
        let record = JobRecord { header: Arc::new(header.clone()), policy: *policy, state, report: None };
        match self.context.ledger.record(vec![Change::Submit(Box::new(job))]).await {
            Ok(_) => {}
            Err(LedgerError::Duplicate { job, is_same: true, .. }) => return self.known(job).await,
            Err(LedgerError::Duplicate { key, job, is_same: false }) => {
                return Err(SubmitError::KeyReused { key, job });
            }
            Err(LedgerError::Unavailable(error)) => return Err(SubmitError::Unavailable(error)),
            Err(error) => return Err(SubmitError::Refused(error.to_string())),
        }
        telemetry::submitted();
        // A manager that has ended leaves the job to the next server's, which finds it recorded.
        let _ = self.commands.send(Command::Accepted { record: record.clone(), place }).await;
        Ok(Submitted { record, is_new: true })
    }

    async fn known(&self, job: JobId) -> Result<Submitted, SubmitError> {
        match self.context.history.job(job).await? {
            Some(record) => Ok(Submitted { record, is_new: false }),
            None => {
                let message = format!("job {job}, which was made with this idempotency key, was just removed");
                Err(SubmitError::Refused(format!("{message}: submit it again")))
            }
        }
    }
}

fn policy(pipeline: &Pipeline, submission: &Submission) -> Result<JobPolicy, SubmitError> {
    let (least, most) = (JobPolicy::PRIORITY_MIN, JobPolicy::PRIORITY_MAX);
    if let Some(priority) = submission.priority.filter(|priority| !(least..=most).contains(priority)) {
        let message = format!("the priority is {priority}: give a whole number from {least} to {most}");
        return Err(SubmitError::OutOfRange(message));
    }
    if let Some(timeout) = submission.timeout.filter(|timeout| !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(timeout)) {
        let (least, most) = (duration::show(TIMEOUT_MIN), duration::show(TIMEOUT_MAX));
        let message = format!("the timeout is {}: give {least} to {most}", duration::show(timeout));
        return Err(SubmitError::OutOfRange(message));
    }
    let JobPolicy { priority, timeout, retry, concurrency } = pipeline.policy;
    let priority = submission.priority.unwrap_or(priority);
    Ok(JobPolicy { priority, timeout: submission.timeout.or(timeout), retry, concurrency })
}
