//! The handle of the job manager.

use std::sync::Arc;
use std::time::Duration;

use etlplus_core::Mistake;
use etlplus_core::ids::JobId;
use etlplus_core::job::{IllegalMove, JobDefinition};
use etlplus_core::ports::{JobRecord, StagePreview, StoreUnavailable};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::sleep;

use crate::inspect::{self, InspectError};
use crate::manager::{Command, Order};
use crate::parts::Parts;
use crate::room::{Place, QueueFull, Room};
use crate::scheduler::{Board, ScheduleInfo};

/// How long a command waits for the manager to hear of a job that is recorded.
const HEARSAY_WAIT: Duration = Duration::from_millis(10);
const HEARSAY_TRIES: u32 = 500;
/// Checks and previews that run at the same time: each is a process with an engine of its own.
const INSPECTIONS_MAX: usize = 2;

/// Submits jobs and says what is to become of them; checks pipelines. Clones are the same handle.
#[derive(Clone)]
pub struct Jobs {
    pub(crate) context: Arc<Parts>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) board: Arc<Board>,
    room: Room,
    inspections: Arc<Semaphore>,
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
    /// Too many jobs wait for one more to be tried again.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// As many jobs are paused as may be with a runner that waits.
    #[error("{paused} jobs are paused already, and no more than {max} may: resume or cancel one of them first")]
    PausedFull {
        /// How many are paused, their runners alive.
        paused: usize,
        /// How many may be.
        max: usize,
    },
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
    pub(crate) fn new(context: Arc<Parts>, commands: mpsc::Sender<Command>, room: Room) -> Self {
        let inspections = Arc::new(Semaphore::new(INSPECTIONS_MAX));
        Self { context, commands, board: Arc::default(), room, inspections }
    }

    /// A place in the queue for one more job.
    ///
    /// # Errors
    /// As many jobs wait as may.
    pub(crate) fn take_place(&self) -> Result<Place, QueueFull> {
        self.room.take(self.context.setting(|settings| settings.jobs.max_queued_jobs))
    }

    /// Asks a job to stop. It is CANCELLED once its runner is seen to be gone, and at once where it has none.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn cancel(&self, job: JobId) -> Result<JobRecord, CommandError> {
        self.order(job, Order::Cancel).await
    }

    /// Has a RUNNING job hold still between two batches. It is PAUSED at once; its runner comes to rest within a batch, and
    /// keeps its memory. Its place is given to another job meanwhile, and its time does not count. So as many jobs may be
    /// paused with a living runner as may run; where more are asked for, it is refused.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn pause(&self, job: JobId) -> Result<JobRecord, CommandError> {
        self.order(job, Order::Pause).await
    }

    /// Lets a PAUSED job go on: at once where its runner waits, else by a new attempt when there is a place. Where other
    /// jobs have all places by then, more run than places for a while, at most twice as many, and none is started until
    /// there is a place again.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn resume(&self, job: JobId) -> Result<JobRecord, CommandError> {
        self.order(job, Order::Resume).await
    }

    /// Has a FAILED or CANCELLED job tried again, as a new attempt of the same job.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn retry(&self, job: JobId) -> Result<JobRecord, CommandError> {
        // It is held until the manager has counted the job among those that wait.
        let _place = self.take_place()?;
        self.order(job, Order::Retry).await
    }

    async fn order(&self, job: JobId, order: Order) -> Result<JobRecord, CommandError> {
        for _ in 0..HEARSAY_TRIES {
            let (reply, answer) = oneshot::channel();
            let command = Command::Order { job, order, reply };
            self.commands.send(command).await.map_err(|_| CommandError::Stopped)?;
            match answer.await.map_err(|_| CommandError::Stopped)? {
                // The manager knows the jobs that have not ended.
                Err(CommandError::Unknown) => self.ensure_fitting(job, order).await?,
                other => return other,
            }
            // The job was recorded a moment ago, and its manager is about to hear of it.
            sleep(HEARSAY_WAIT).await;
        }
        Err(CommandError::Stopped)
    }

    /// # Errors
    /// There is no such job, or the order does not fit it.
    async fn ensure_fitting(&self, job: JobId, order: Order) -> Result<(), CommandError> {
        let record = self.context.history.job(job).await?.ok_or(CommandError::Unknown)?;
        record.state.apply(order.input(), self.context.clock.now())?;
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

    /// To be called when a pipeline was put: its schedule is followed from then on.
    pub fn pipelines_changed(&self) {
        self.board.pipelines_changed();
    }

    /// The schedules that are followed, by the name of their pipeline.
    pub fn schedules(&self) -> Vec<ScheduleInfo> {
        self.board.shown()
    }
}
