//! Watches one attempt: its runner process, what it says, and how it ends.

mod ingest;
mod memory;
mod verdict;

use verdict::Remains;
pub(crate) use verdict::{SERVER_ENDED, SERVER_STOPPED};

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::JobDefinition;
use etlplus_core::ports::{Reading, RunReport, Sample};
use etlplus_core::progress::RateMeter;
use etlplus_core::{Failure, Progress, RejectSummary};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::attempt::{AttemptFolder, Hold, create_private};
use crate::parts::Parts;
use crate::program::{Runner, SERVER_SHORT, is_shortage, nonsense, secrets};
use crate::protocol::{FrameError, FromRunner, RunTask, Task, ToRunner};
use ingest::Ingest;

/// How long a runner that was asked to stop may take, before it is killed. It stops within a batch.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// How long the server waits at its own end for runners to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// What a supervisor is told while its attempt runs.
pub(crate) struct Orders {
    /// The attempt is to stop.
    pub(crate) stop: CancellationToken,
    /// Whether it is to hold still.
    pub(crate) paused: watch::Receiver<bool>,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum AttemptEnd {
    /// It said so itself.
    Reported(RunReport),
    /// It is gone without a word.
    Lost {
        /// How, as far as that is known.
        failure: Failure,
        /// Its last reading.
        progress: Option<Progress>,
    },
    /// The server ends; the next one takes the attempt over.
    Abandoned,
}

/// An attempt to watch.
pub(crate) struct Attempt {
    pub(crate) context: Arc<Parts>,
    pub(crate) job: JobId,
    pub(crate) number: AttemptNumber,
}

impl Attempt {
    /// Runs the attempt to its end, and hands on what it is told meanwhile. When this returns, no process of the attempt is
    /// left, and every line that it said is recorded.
    pub(crate) async fn run(self, definition: JobDefinition, mut orders: Orders) -> AttemptEnd {
        let folder = self.context.folder(self.job, self.number);
        let mut runner = match self.start(&folder, definition.pipeline.clone()).await {
            Ok(runner) => runner,
            Err(failure) => return AttemptEnd::Lost { failure, progress: None },
        };
        let text = definition.pipeline.clone();
        let memory_max_bytes = spawn_blocking(move || memory::max_bytes(&text)).await.unwrap_or(u64::MAX);
        let silence_max = self.context.setting(|settings| settings.monitoring.job_tracking.progress_update_interval);
        let task = RunTask {
            job: self.job,
            attempt: self.number,
            definition,
            folder: folder.path().to_owned(),
            reject_copy: self.context.reject_copy(self.job, self.number),
            log_max_bytes: self.context.options.log_max_bytes,
            silence_max_ms: u64::try_from(silence_max.as_millis()).unwrap_or(u64::MAX),
        };
        let ingest = Ingest::start(self.context.clone(), self.job, self.number);
        let mut watched = Watched {
            attempt: &self,
            ingest: &ingest,
            memory_max_bytes,
            meter: RateMeter::default(),
            last: None,
            rejects: Arc::new([]),
            said: None,
        };
        let greeted = tokio::select! {
            greeted = runner.greet(Task::Run(task)) => Some(greeted),
            () = orders.stop.cancelled() => None,
            () = self.context.shutdown.cancelled() => None,
        };
        let broken = match greeted {
            Some(Ok(())) => watched.watch(&mut runner, &mut orders).await,
            Some(Err(failure)) => Some(failure),
            None => {
                // It has not begun, so there is nothing that it should end well.
                runner.kill();
                None
            }
        };
        let Watched { last: progress, said, .. } = watched;
        if broken.is_some() {
            runner.kill();
        }
        let status = wait(&mut runner, &self.context.shutdown).await;
        if self.context.shutdown.is_cancelled() {
            let _ = spawn_blocking(move || folder.mark_stopped()).await;
            return AttemptEnd::Abandoned;
        }
        ingest.finish().await;
        self.verdict(&folder, Remains { status, broken, progress, said }).await
    }

    async fn start(&self, folder: &AttemptFolder, pipeline: String) -> Result<Runner, Failure> {
        let (folder, rejects) = (folder.clone(), self.context.reject_copy(self.job, self.number));
        let shown = folder.path().display().to_string();
        let made = spawn_blocking(move || {
            folder.create()?;
            create_private(rejects.parent().unwrap_or(&rejects))?;
            Ok((folder.create_stderr()?, secrets(&pipeline)))
        });
        let (stderr, secrets) = made.await.map_err(std::io::Error::from).flatten().map_err(|error| {
            let message = format!("cannot write {shown}: {error}");
            let code = if is_shortage(&error) { SERVER_SHORT } else { "attempt_folder" };
            Failure::transient(code, message, "make room and access there, then submit the job again")
        })?;
        Runner::spawn(&self.context.options.runner, secrets, Stdio::from(stderr), false)
    }

    /// Takes over an attempt of a server that is gone: ends its runner, records what it said, and tells how it ended. The
    /// hold is to be kept until that is recorded and the attempt directory is removed: until then, a runner that comes
    /// late must find the attempt held.
    pub(crate) async fn take_over(self) -> (AttemptEnd, Option<Hold>) {
        let folder = self.context.folder(self.job, self.number);
        let holding = folder.clone();
        let hold = spawn_blocking(move || holding.take_over()).await.map_err(std::io::Error::from).flatten();
        let hold = match hold {
            Ok(hold) => hold,
            Err(error) => {
                let failure = Failure::bug(format!("the runner of an earlier server cannot be ended: {error}"));
                return (AttemptEnd::Lost { failure, progress: None }, None);
            }
        };
        Ingest::start(self.context.clone(), self.job, self.number).finish().await;
        if self.context.shutdown.is_cancelled() {
            return (AttemptEnd::Abandoned, None);
        }
        (self.verdict(&folder, Remains::default()).await, hold)
    }
}

/// Waits for the runner's end, which is near: it has ended its output, was killed, or is about to hear that the server
/// ends. It gets a moment to stop by itself.
async fn wait(runner: &mut Runner, shutdown: &CancellationToken) -> Option<ExitStatus> {
    tokio::select! {
        status = runner.child.wait() => return status.ok(),
        () = shutdown.cancelled() => {}
        () = sleep(STOP_GRACE) => {}
    }
    runner.hang_up();
    if timeout(SHUTDOWN_GRACE, runner.child.wait()).await.is_err() {
        runner.kill();
    }
    runner.child.wait().await.ok()
}

/// A runner while it works.
struct Watched<'a> {
    attempt: &'a Attempt,
    ingest: &'a Ingest,
    meter: RateMeter,
    last: Option<Progress>,
    rejects: Arc<[RejectSummary]>,
    memory_max_bytes: u64,
    /// What the runner said of its end, where it could not write it down.
    said: Option<RunReport>,
}

impl Watched<'_> {
    /// Hears the runner until it ends its output, which it does when it ends; gives a failure where it has to be ended,
    /// since it speaks nonsense or takes too much.
    async fn watch(&mut self, runner: &mut Runner, orders: &mut Orders) -> Option<Failure> {
        let shutdown = &self.attempt.context.shutdown;
        let Orders { stop, paused } = orders;
        let mut kill_at: Option<Instant> = None;
        loop {
            tokio::select! {
                frame = runner.output.next() => match frame {
                    Ok(Some(frame)) => if let Err(failure) = self.hear(frame).await { return Some(failure) },
                    Ok(None) => return None,
                    // It was killed in mid-frame: its exit status says more.
                    Err(FrameError::Pipe(_)) => return None,
                    Err(error) => return Some(nonsense(&error.to_string())),
                },
                () = stop.cancelled(), if kill_at.is_none() => {
                    // A runner that cannot hear any more has ended or is about to be killed.
                    let _ = runner.say(&ToRunner::Cancel).await;
                    kill_at = Some(Instant::now() + STOP_GRACE);
                }
                // It was paused before it began, or since. Nobody says anything any more where the manager is gone.
                Ok(()) = paused.changed(), if kill_at.is_none() => {
                    let order = if *paused.borrow_and_update() { ToRunner::Pause } else { ToRunner::Resume };
                    let _ = runner.say(&order).await;
                }
                () = sleep_until(kill_at.unwrap_or_else(Instant::now)), if kill_at.is_some() => {
                    runner.kill();
                    return None;
                }
                () = shutdown.cancelled() => return None,
            }
        }
    }

    async fn hear(&mut self, frame: FromRunner) -> Result<(), Failure> {
        match frame {
            FromRunner::Spooled => self.ingest.hint(),
            FromRunner::Ended(report) => self.said = Some(report),
            FromRunner::Reading { elapsed_ms, progress, rejects } => {
                if let Some(rejects) = rejects {
                    self.rejects = rejects.into();
                }
                self.read(Duration::from_millis(elapsed_ms), progress).await;
                memory::check(&progress, self.memory_max_bytes)?;
            }
            other => return Err(nonsense(&format!("it answered what nobody asked: {:.200}", format!("{other:?}")))),
        }
        Ok(())
    }

    async fn read(&mut self, elapsed: Duration, progress: Progress) {
        let Attempt { context, job, number } = self.attempt;
        self.meter.observe(elapsed, progress);
        self.last = Some(progress);
        let sample = Sample {
            job: *job,
            attempt: *number,
            at: context.clock.now(),
            progress,
            rows_per_second: self.meter.rows_per_second(),
            cores: self.meter.cores(),
        };
        self.ingest.sample(sample.clone());
        let reading = Reading { sample, eta: self.meter.eta(), rejects: self.rejects.clone() };
        // Nobody may be watching any more: the server is about to end.
        let _ = context.readings.send(reading).await;
    }
}
