//! The handle of the job manager.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etlplus_core::Mistake;
use etlplus_core::ids::JobId;
use etlplus_core::job::{IllegalMove, JobDefinition, JobFact, JobHeader, JobInput, JobType};
use etlplus_core::pipeline::{ArgumentError, Pipeline};
use etlplus_core::ports::{Change, JobRecord, LedgerError, StagePreview, StoreUnavailable};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use uuid::Uuid;

use crate::inspect::{self, InspectError};
use crate::manager::Command;
use crate::runner::{Unfit, spec};
use crate::supervisor::Context;

/// How long a command waits for the manager to hear of a job that is recorded.
const HEARSAY_WAIT: Duration = Duration::from_millis(10);
const HEARSAY_TRIES: u32 = 500;
/// Checks and previews that run at the same time: each is a process with an engine of its own.
const INSPECTIONS_MAX: usize = 2;

/// Submits, cancels, checks. Clones are the same handle.
#[derive(Clone)]
pub struct Jobs {
    context: Arc<Context>,
    commands: mpsc::Sender<Command>,
    waiting: Arc<AtomicUsize>,
    inspections: Arc<Semaphore>,
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
    /// Too many jobs wait.
    #[error(
        "{waiting} jobs wait already, and no more may: submit it again when some have run, or raise max_queued_jobs"
    )]
    QueueFull {
        /// How many wait.
        waiting: usize,
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

/// Why a command was not followed. The job is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such job.
    #[error("there is no such job")]
    Unknown,
    /// The job is where the command means nothing.
    #[error(transparent)]
    Illegal(#[from] IllegalMove),
    /// The store refuses what would become of the job.
    #[error("{0}")]
    Refused(String),
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The server is about to end.
    #[error("the server is about to end: ask the next one")]
    Stopped,
}

impl Jobs {
    pub(crate) fn new(context: Arc<Context>, commands: mpsc::Sender<Command>, waiting: Arc<AtomicUsize>) -> Self {
        Self { context, commands, waiting, inspections: Arc::new(Semaphore::new(INSPECTIONS_MAX)) }
    }

    /// Accepts a job: when this answers, it is recorded and survives a crash. Its pipeline and parameters are checked;
    /// its files and its SQL are when it starts.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn submit(&self, definition: JobDefinition) -> Result<JobRecord, SubmitError> {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting >= self.context.options.max_queued_jobs {
            return Err(SubmitError::QueueFull { waiting });
        }
        let id = JobId::from_uuid(Uuid::now_v7());
        let checking = definition.clone();
        let checked = spawn_blocking(move || spec(id, &checking).map(|spec| spec.pipeline().clone()));
        let pipeline = checked.await.map_err(|_| SubmitError::Stopped)?.map_err(|unfit| match unfit {
            Unfit::Pipeline(mistakes) => SubmitError::Mistakes(mistakes),
            Unfit::Arguments(errors) => SubmitError::Arguments(errors),
        })?;
        let header = self.header(id, &pipeline);
        // A task of its own: whoever asked may go away, and a recorded job must reach the queue all the same.
        tokio::spawn(self.clone().accept(header, definition)).await.map_err(|_| SubmitError::Stopped)?
    }

    fn header(&self, id: JobId, pipeline: &Pipeline) -> JobHeader {
        JobHeader {
            id,
            pipeline: pipeline.name.clone(),
            job_type: JobType::of(pipeline),
            tags: pipeline.tags.clone(),
            submitted_at: self.context.clock.now(),
        }
    }

    async fn accept(self, header: JobHeader, definition: JobDefinition) -> Result<JobRecord, SubmitError> {
        let state = JobFact::submitted(header.submitted_at, None).state;
        let change = Change::Submit { header: header.clone(), definition };
        self.context.ledger.record(vec![change]).await.map_err(|error| match error {
            LedgerError::Unavailable(error) => SubmitError::Unavailable(error),
            error @ (LedgerError::Conflict { .. } | LedgerError::Refused(_)) => SubmitError::Refused(error.to_string()),
        })?;
        let record = JobRecord { header: Arc::new(header), state, report: None };
        // A manager that has ended leaves the job to the next server's, which finds it recorded.
        let _ = self.commands.send(Command::Accepted(record.clone())).await;
        Ok(record)
    }

    /// Asks a job to stop. It is CANCELLED once its runner is seen to be gone, and at once where it has none.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn cancel(&self, job: JobId) -> Result<JobRecord, CommandError> {
        for _ in 0..HEARSAY_TRIES {
            let (reply, answer) = oneshot::channel();
            let command = Command::Cancel { job, reply };
            self.commands.send(command).await.map_err(|_| CommandError::Stopped)?;
            match answer.await.map_err(|_| CommandError::Stopped)? {
                // The manager knows the jobs that have not ended.
                Err(CommandError::Unknown) => self.ensure_active(job).await?,
                other => return other,
            }
            // The job was recorded a moment ago, and its manager is about to hear of it.
            sleep(HEARSAY_WAIT).await;
        }
        Err(CommandError::Stopped)
    }

    /// # Errors
    /// There is no such job, or it has ended.
    async fn ensure_active(&self, job: JobId) -> Result<(), CommandError> {
        let record = self.context.history.job(job).await?.ok_or(CommandError::Unknown)?;
        record.state.apply(JobInput::Cancel, self.context.clock.now())?;
        Ok(())
    }

    /// Every mistake of a pipeline that can be known before a row is read, found by a runner process.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn validate(&self, definition: JobDefinition) -> Result<Vec<Mistake>, InspectError> {
        let _place = self.inspections.try_acquire().map_err(|_| InspectError::Busy)?;
        inspect::validate(&self.context.options.runner, definition).await
    }

    /// The first `rows` rows after each stage of a pipeline, made by a runner process.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn preview(&self, definition: JobDefinition, rows: u16) -> Result<Vec<StagePreview>, InspectError> {
        let _place = self.inspections.try_acquire().map_err(|_| InspectError::Busy)?;
        inspect::preview(&self.context.options.runner, definition, rows).await
    }
}
