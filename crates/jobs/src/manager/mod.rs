//! One task owns every job that has not ended: who waits, who runs, and what the ends of attempts lead to.

mod commands;
mod ends;
mod limits;
mod managed;
mod queue;
mod recovery;

pub(crate) use commands::Order;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{IllegalMove, JobInput, JobState};
use etlplus_core::ports::{AttemptReport, Change, JobRecord, LedgerError, StoreUnavailable};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::attempt::Hold;
use crate::jobs::{CommandError, Jobs};
use crate::parts::{Moment, Parts};
use crate::room::{Place, Room};
use crate::scheduler::Scheduler;
use crate::supervisor::AttemptEnd;
use crate::{housekeeping, telemetry};
use managed::Managed;

/// Commands that wait for the manager. More wait at the door.
const COMMANDS_MAX: usize = 1024;
/// How long the manager waits before it asks a store again that was away.
const STORE_RETRY: Duration = Duration::from_millis(500);
/// How long the manager sleeps at most while a job waits for its time: the clock may be set, and the machine may sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What is asked of the manager.
pub(crate) enum Command {
    /// A job was recorded. Its place in the queue is held until it is counted among those that wait.
    Accepted { record: JobRecord, place: Place },
    /// Something is to become of a job.
    Order { job: JobId, order: Order, reply: oneshot::Sender<Result<JobRecord, CommandError>> },
    /// An attempt ended.
    Ended(Ended),
}

/// The end of an attempt.
pub(crate) struct Ended {
    job: JobId,
    attempt: AttemptNumber,
    end: AttemptEnd,
    /// Keeps others from the attempt until its directory is gone.
    hold: Option<Hold>,
}

/// The manager's task.
pub struct Manager {
    context: Arc<Parts>,
    jobs: BTreeMap<JobId, Managed>,
    commands: mpsc::Receiver<Command>,
    ended: mpsc::Sender<Command>,
    attempts: TaskTracker,
    room: Room,
    /// Ends that the store could not take yet, in order.
    unrecorded: VecDeque<Ended>,
    /// When a store that was away is asked again, by the clock that is not set. Nothing is begun before that.
    retry_at: Option<Duration>,
    handle: Jobs,
}

impl Manager {
    /// Takes up what an earlier server left, and gives the handle. [`Manager::run`] does the rest.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn start(parts: Parts) -> Result<(Self, Jobs), StoreUnavailable> {
        let records = parts.history.snapshot().await?.jobs;
        let folder = parts.options.folder.clone();
        let found = spawn_blocking(move || recovery::attempt_folders(&folder)).await.unwrap_or_default();
        let context = Arc::new(parts);
        let (ended, commands) = mpsc::channel(COMMANDS_MAX);
        let room = Room::default();
        let handle = Jobs::new(context.clone(), ended.clone(), room.clone());
        let mut manager = Self {
            context,
            jobs: BTreeMap::new(),
            commands,
            ended,
            attempts: TaskTracker::new(),
            room,
            unrecorded: VecDeque::new(),
            retry_at: None,
            handle: handle.clone(),
        };
        manager.recover(records, found);
        manager.count();
        Ok((manager, handle))
    }

    /// Runs jobs until the server ends, and waits for the runners to be gone. Schedules are followed and what is old is
    /// forgotten meanwhile.
    pub async fn run(mut self) {
        self.attempts.spawn(Scheduler::new(self.context.clone(), self.handle.clone()).run());
        self.attempts.spawn(housekeeping::run(self.context.clone()));
        let (shutdown, mut settings) = (self.context.shutdown.clone(), self.context.settings.clone());
        loop {
            let begun = self.context.moment();
            if self.retry_at.is_some_and(|at| at <= begun.monotonic) {
                self.try_again().await;
            }
            self.keep_limits().await;
            self.fill_places().await;
            self.count();
            let wait = self.wait(begun);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.follow(command).await,
                    None => break,
                },
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                // Whoever makes settings may be gone; those that hold then hold on.
                Ok(()) = settings.changed() => {}
                () = shutdown.cancelled() => break,
            }
        }
        self.attempts.close();
        // The ends of attempts are told to nobody any more: the next server finds them in the attempt directories.
        self.commands.close();
        self.attempts.wait().await;
    }

    /// How long nothing is to be done without being asked, where all that was due at `begun` is done: until the store is
    /// tried again, or else a job's wait is over or an attempt comes to a limit.
    fn wait(&self, begun: Moment) -> Option<Duration> {
        let since = self.context.clock.monotonic().saturating_sub(begun.monotonic);
        let wait = match self.retry_at {
            Some(at) => Some(at.saturating_sub(begun.monotonic)),
            None => {
                let waits = self.jobs.values().filter(|job| job.is_pending()).map(|job| job.wait(begun));
                // A job that is due and has no place waits for an event.
                let wait = waits.filter(|wait| !wait.is_zero()).min().map(|wait| wait.min(LOOK_AGAIN));
                wait.into_iter().chain(self.next_limit(begun)).min()
            }
        };
        wait.map(|wait| wait.saturating_sub(since))
    }

    async fn follow(&mut self, command: Command) {
        match command {
            Command::Accepted { record, place } => {
                self.jobs.insert(record.header.id, Managed::new(&record, self.context.moment()));
                self.count();
                drop(place);
            }
            Command::Order { job, order, reply } => {
                let answer = self.order(job, order).await;
                // Whoever asked gives back the place of a job that waits again.
                self.count();
                let _ = reply.send(answer);
            }
            Command::Ended(ended) => {
                self.unrecorded.push_back(ended);
                self.try_again().await;
            }
        }
    }

    fn count(&self) {
        let waiting = self.jobs.values().filter(|job| job.is_pending()).count();
        self.room.count(waiting);
        telemetry::counts(self.running(), waiting);
    }

    /// Moves a job: decided by the core, then recorded, then believed.
    async fn apply(
        &mut self,
        id: JobId,
        input: JobInput,
        report: Option<AttemptReport>,
    ) -> Result<JobState, ApplyError> {
        let Some(job) = self.jobs.get_mut(&id) else {
            let conflict = LedgerError::Conflict { job: id, expected: None, found: None };
            return Err(ApplyError::Ledger(conflict));
        };
        let now = self.context.moment();
        let step = job.state.apply(input, now.wall).map_err(ApplyError::Illegal)?;
        let (mut report, is_news) = (report, !step.facts.is_empty());
        let moves = step.facts.into_iter().map(|fact| Change::Move { job: id, fact, report: report.take() }).collect();
        self.context.ledger.record(moves).await.map_err(ApplyError::Ledger)?;
        job.come_to(step.state.clone(), now);
        if is_news {
            telemetry::moved(&step.state);
        }
        Ok(step.state)
    }

    /// Lets go of a job where it has ended and no process of it is left.
    fn forget_ended(&mut self, id: JobId) {
        let is_over = |job: &Managed| job.state.status().is_terminal() && job.attempt.is_none();
        if self.jobs.get(&id).is_some_and(is_over) {
            self.jobs.remove(&id);
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error(transparent)]
    Illegal(IllegalMove),
    #[error(transparent)]
    Ledger(LedgerError),
}

/// A move that the manager makes by its own knowledge of the job's state always fits; were it not so, the job stays.
fn unreachable_move(job: JobId, error: &IllegalMove) -> LedgerError {
    tracing::error!(%job, %error, "a job is not where its manager believes");
    LedgerError::Conflict { job, expected: None, found: None }
}
