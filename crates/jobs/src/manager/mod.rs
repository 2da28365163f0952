//! One task owns every job that has not ended: who waits, who runs, and what the ends of attempts lead to.

mod recovery;
mod rejects;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etlplus_core::Failure;
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{JobHeader, JobInput, JobState, JobStatus};
use etlplus_core::ports::{
    AttemptReport, Change, Clock, History, JobRecord, Ledger, LedgerError, Outcome, Reading, StoreUnavailable,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempt::Hold;
use crate::jobs::{CommandError, Jobs};
use crate::options::Options;
use crate::supervisor::{Attempt, AttemptEnd, Context};

/// Commands that wait for the manager. More wait at the door.
const COMMANDS_MAX: usize = 1024;
/// How long the manager waits before it asks a store again that was away.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// What is asked of the manager.
pub(crate) enum Command {
    /// A job was recorded.
    Accepted(JobRecord),
    /// End a job.
    Cancel { job: JobId, reply: oneshot::Sender<Result<JobRecord, CommandError>> },
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

/// A job that has not ended.
struct Managed {
    header: Arc<JobHeader>,
    state: JobState,
    /// Asks its attempt to stop; `None` where it has none.
    stop: Option<CancellationToken>,
    /// Not started before this, by a clock that is not set back.
    due: Instant,
}

/// The manager's task.
pub struct Manager {
    context: Arc<Context>,
    jobs: BTreeMap<JobId, Managed>,
    commands: mpsc::Receiver<Command>,
    ended: mpsc::Sender<Command>,
    attempts: TaskTracker,
    waiting: Arc<AtomicUsize>,
    /// Ends that the store could not take yet, in order.
    unrecorded: VecDeque<Ended>,
    retry_at: Option<Instant>,
}

impl Manager {
    /// Takes up what an earlier server left, and gives the handle. [`Manager::run`] does the rest.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn start(
        options: Options,
        ledger: Arc<dyn Ledger>,
        history: Arc<dyn History>,
        clock: Arc<dyn Clock>,
        readings: mpsc::Sender<Reading>,
        shutdown: CancellationToken,
    ) -> Result<(Self, Jobs), StoreUnavailable> {
        let records = history.snapshot().await?.jobs;
        let folder = options.folder.clone();
        let found = spawn_blocking(move || recovery::attempt_folders(&folder)).await.unwrap_or_default();
        let context = Arc::new(Context { options, ledger, history, clock, readings, shutdown });
        let (ended, commands) = mpsc::channel(COMMANDS_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let jobs = Jobs::new(context.clone(), ended.clone(), waiting.clone());
        let mut manager = Self {
            context,
            jobs: BTreeMap::new(),
            commands,
            ended,
            attempts: TaskTracker::new(),
            waiting,
            unrecorded: VecDeque::new(),
            retry_at: None,
        };
        manager.recover(records, found);
        Ok((manager, jobs))
    }

    /// Runs jobs until the server ends, and waits for the runners to be gone.
    pub async fn run(mut self) {
        let shutdown = self.context.shutdown.clone();
        loop {
            self.fill_places().await;
            self.count_waiting();
            let wake_at = self.wake_at();
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.follow(command).await,
                    None => break,
                },
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => self.try_again().await,
                () = shutdown.cancelled() => break,
            }
        }
        self.attempts.close();
        // The ends of attempts are told to nobody any more: the next server finds them in the attempt directories.
        self.commands.close();
        self.attempts.wait().await;
    }

    /// When something is to be done without being asked: the store is tried again, or a job's delay is over.
    fn wake_at(&self) -> Option<Instant> {
        let has_place = self.running() < self.context.options.max_concurrent_jobs;
        let pending = self.jobs.values().filter(|job| job.state.status() == JobStatus::Pending).map(|job| job.due);
        match self.retry_at {
            Some(at) => Some(at),
            None => pending.min().filter(|_| has_place),
        }
    }

    async fn follow(&mut self, command: Command) {
        match command {
            Command::Accepted(record) => {
                let job = Managed { header: record.header, state: record.state, stop: None, due: Instant::now() };
                self.jobs.insert(job.header.id, job);
            }
            Command::Cancel { job, reply } => {
                let _ = reply.send(self.cancel(job).await);
            }
            Command::Ended(ended) => {
                self.unrecorded.push_back(ended);
                self.try_again().await;
            }
        }
    }

    async fn try_again(&mut self) {
        self.retry_at = None;
        while let Some(ended) = self.unrecorded.pop_front() {
            if let Err(ended) = self.end(ended).await {
                self.unrecorded.push_front(ended);
                self.retry_at = Some(Instant::now() + STORE_RETRY);
                return;
            }
        }
    }

    fn running(&self) -> usize {
        self.jobs.values().filter(|job| job.stop.is_some()).count()
    }

    fn count_waiting(&self) {
        let waiting = self.jobs.values().filter(|job| job.state.status() == JobStatus::Pending).count();
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// Gives free places to the jobs that have waited longest.
    async fn fill_places(&mut self) {
        while self.retry_at.is_none() && self.running() < self.context.options.max_concurrent_jobs {
            let now = Instant::now();
            let is_next = |job: &&Managed| job.state.status() == JobStatus::Pending && job.due <= now;
            let Some(id) = self.jobs.values().find(is_next).map(|job| job.header.id) else { return };
            if let Err(error) = self.start_attempt(id).await {
                tracing::error!(job = %id, %error, "a job cannot be started");
                self.retry_at = Some(now + STORE_RETRY);
            }
        }
    }

    async fn start_attempt(&mut self, id: JobId) -> Result<(), LedgerError> {
        let attempt = self.jobs[&id].state.attempt();
        let definition = self.context.history.definition(id).await?;
        let Some(definition) = definition else {
            tracing::error!(job = %id, "a job has no definition");
            self.jobs.remove(&id);
            return Ok(());
        };
        self.apply(id, JobInput::Start { attempt }, None).await.map_err(|error| match error {
            ApplyError::Ledger(error) => error,
            ApplyError::Illegal(error) => unreachable_move(id, &error),
        })?;
        let stop = CancellationToken::new();
        if let Some(job) = self.jobs.get_mut(&id) {
            job.stop = Some(stop.clone());
        }
        let (context, ended) = (self.context.clone(), self.ended.clone());
        self.attempts.spawn(async move {
            let end = Attempt { context, job: id, number: attempt }.run(definition, stop).await;
            let _ = ended.send(Command::Ended(Ended { job: id, attempt, end, hold: None })).await;
        });
        Ok(())
    }

    async fn cancel(&mut self, id: JobId) -> Result<JobRecord, CommandError> {
        let header = self.jobs.get(&id).ok_or(CommandError::Unknown)?.header.clone();
        let state = self.apply(id, JobInput::Cancel, None).await.map_err(|error| match error {
            ApplyError::Illegal(error) => CommandError::Illegal(error),
            ApplyError::Ledger(LedgerError::Unavailable(error)) => CommandError::Unavailable(error),
            ApplyError::Ledger(error) => CommandError::Refused(error.to_string()),
        })?;
        if let Some(stop) = self.jobs.get(&id).and_then(|job| job.stop.as_ref()) {
            stop.cancel();
        }
        Ok(JobRecord { header, state, report: None })
    }

    /// Records the end of an attempt; hands it back where the store cannot take it now.
    async fn end(&mut self, ended: Ended) -> Result<(), Ended> {
        let Ended { job, attempt, ref end, .. } = ended;
        let (input, report) = match end {
            AttemptEnd::Abandoned => return Ok(()),
            AttemptEnd::Lost { failure, progress } => {
                let retry_at = recovery::retry_at(failure, attempt, self.context.clock.now());
                let mut failure = failure.clone();
                if retry_at.is_some() {
                    "nothing has to be done: the job is tried again by itself".clone_into(&mut failure.remedy);
                }
                (JobInput::Lost { attempt, failure, progress: *progress, retry_at }, None)
            }
            AttemptEnd::Reported(report) => {
                let (progress, left) = (report.progress, |target| AttemptReport {
                    target,
                    rejects: report.rejects.clone(),
                    reject_file: report.reject_file.clone(),
                });
                match &report.outcome {
                    Outcome::Completed(target) => {
                        (JobInput::Completed { attempt, progress }, Some(left(Some(target.clone()))))
                    }
                    Outcome::Failed(failure) => {
                        let (failure, progress) = (failure.clone(), Some(progress));
                        (JobInput::Failed { attempt, failure, progress, retry_at: None }, Some(left(None)))
                    }
                    Outcome::Cancelled => (JobInput::Stopped { attempt, progress: Some(progress) }, Some(left(None))),
                }
            }
        };
        match self.apply(job, input, report).await {
            Ok(_) => {}
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
            managed.stop = None;
            if managed.state.status().is_terminal() {
                self.jobs.remove(&job);
            }
        }
        let has_rejects = matches!(&ended.end, AttemptEnd::Reported(report) if report.reject_file.is_some());
        let (folder, rejects) = (self.context.folder(job, attempt), self.context.rejects());
        self.attempts.spawn_blocking(move || {
            if has_rejects {
                rejects::prune(&rejects);
            }
            if let Err(error) = folder.remove() {
                tracing::warn!(folder = %folder.path().display(), %error, "an attempt directory stays behind");
            }
            drop(ended.hold);
        });
        Ok(())
    }

    /// Ends a job whose attempt's end the store refuses, so that nothing waits for it for ever.
    async fn give_up(&mut self, job: JobId, attempt: AttemptNumber, error: &ApplyError) {
        let failure = Failure::bug(format!("the end of the attempt cannot be recorded: {error}"));
        let input = JobInput::Lost { attempt, failure, progress: None, retry_at: None };
        if let Err(error) = self.apply(job, input, None).await {
            tracing::error!(%job, %attempt, %error, "nor can that");
        }
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
        let now = self.context.clock.now();
        let step = job.state.apply(input, now).map_err(ApplyError::Illegal)?;
        let mut report = report;
        let moves = step.facts.into_iter().map(|fact| Change::Move { job: id, fact, report: report.take() }).collect();
        self.context.ledger.record(moves).await.map_err(ApplyError::Ledger)?;
        if let JobState::Pending { wait, .. } = &step.state {
            let delay = wait.not_before().and_then(|at| (at - now).to_std().ok()).unwrap_or_default();
            job.due = Instant::now() + delay;
        }
        job.state = step.state.clone();
        if step.state.status().is_terminal() && job.stop.is_none() {
            self.jobs.remove(&id);
        }
        Ok(step.state)
    }
}

#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error(transparent)]
    Illegal(etlplus_core::job::IllegalMove),
    #[error(transparent)]
    Ledger(LedgerError),
}

/// A move that the manager makes by its own knowledge of the job's state always fits; were it not so, the job stays.
fn unreachable_move(job: JobId, error: &etlplus_core::job::IllegalMove) -> LedgerError {
    tracing::error!(%job, %error, "a job is not where its manager believes");
    LedgerError::Conflict { job, expected: None, found: None }
}
