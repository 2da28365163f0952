//! Makes jobs by the schedules of the pipelines that are kept.
//!
//! The wall clock says which times are due, and it is looked at again at least every half minute, so that a clock that is
//! set and a machine that slept change nothing for long. How far a schedule was followed is recorded with the job that
//! was made for it, so that no crash makes a second one.

mod board;
mod followed;

pub use board::ScheduleInfo;

pub(crate) use board::Board;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_core::job::{JobDefinition, JobStatus};
use etlplus_core::log::LogLevel;
use etlplus_core::pipeline;
use etlplus_core::ports::{IdempotencyKey, JobQuery, ScheduledFor, StoreUnavailable, StoredPipeline};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::jobs::Jobs;
use crate::parts::Parts;
use crate::submit::{Submission, SubmitError};
use followed::Followed;

/// The longest sleep: the clock may be set, and the machine may sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long a store that is away, or a queue that is full, is given before it is asked again.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// A schedule that was followed so far into the future was followed by a clock that ran ahead, and begins anew.
const AHEAD: Duration = Duration::from_secs(3 * 60 * 60);
/// Times of one schedule that are seen to before the others have their turn: one that has much to catch up on must not hold
/// them up.
const TIMES_PER_TURN: usize = 16;

/// What becomes of a time that is due.
enum Made {
    /// It is seen to.
    Done,
    /// The store or the queue cannot take its job now.
    Later,
}

/// The scheduler's task.
pub(crate) struct Scheduler {
    context: Arc<Parts>,
    jobs: Jobs,
    /// Every pipeline with the version that was looked at; `None` where that has no schedule.
    pipelines: BTreeMap<String, (u64, Option<Arc<Followed>>)>,
    /// The last times that were seen to; `None` before they were read.
    marks: Option<BTreeMap<String, DateTime<Utc>>>,
    /// The times up to these need nothing any more.
    done: BTreeMap<String, DateTime<Utc>>,
}

impl Scheduler {
    pub(crate) fn new(context: Arc<Parts>, jobs: Jobs) -> Self {
        Self { context, jobs, pipelines: BTreeMap::new(), marks: None, done: BTreeMap::new() }
    }

    /// Follows the schedules until the server ends.
    pub(crate) async fn run(self) {
        let shutdown = self.context.shutdown.clone();
        shutdown.run_until_cancelled_owned(self.follow_all()).await;
    }

    async fn follow_all(mut self) {
        let board = self.jobs.board.clone();
        let mut is_stale = true;
        loop {
            let wait = match self.turn(&mut is_stale).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "schedules wait for the store");
                    TRY_AGAIN
                }
            };
            tokio::select! {
                () = board.woken() => is_stale = true,
                () = sleep(wait) => {}
            }
        }
    }

    /// Sees to all times that are due, and gives how long there is nothing more to do.
    async fn turn(&mut self, is_stale: &mut bool) -> Result<Duration, StoreUnavailable> {
        if *is_stale {
            self.read().await?;
            *is_stale = false;
        }
        let mut wait = LOOK_AGAIN;
        let names: Vec<String> = self.pipelines.keys().cloned().collect();
        for name in names {
            wait = wait.min(self.follow(&name).await?);
        }
        self.show();
        Ok(wait)
    }

    /// Reads the pipelines, and the schedules of those that are new or changed.
    async fn read(&mut self) -> Result<(), StoreUnavailable> {
        if self.marks.is_none() {
            self.marks = Some(self.context.schedules.schedule_marks().await?.into_iter().collect());
        }
        for stored in self.context.pipelines.pipelines().await? {
            let (name, version, put_at) = (stored.name.clone(), stored.version, stored.updated_at);
            if self.pipelines.get(&name).is_none_or(|(known, _)| *known != version) {
                let followed = parse(stored).await.map(Arc::new);
                // A schedule that was changed has missed nothing.
                let done = self.last(&name).map_or(put_at, |mark| mark.max(put_at));
                self.done.insert(name.clone(), done);
                self.pipelines.insert(name, (version, followed));
            }
        }
        Ok(())
    }

    /// The last time of a pipeline that was seen to.
    fn last(&self, pipeline: &str) -> Option<DateTime<Utc>> {
        self.marks.as_ref().and_then(|marks| marks.get(pipeline)).copied()
    }

    /// Sees to what is due of one pipeline's schedule, [`TIMES_PER_TURN`] at most, and gives how long it has nothing more
    /// to do.
    async fn follow(&mut self, name: &str) -> Result<Duration, StoreUnavailable> {
        let Some((_, Some(followed))) = self.pipelines.get(name) else { return Ok(LOOK_AGAIN) };
        let followed = followed.clone();
        for _ in 0..TIMES_PER_TURN {
            let now = self.context.clock.now();
            let mut done = self.done.get(name).copied().unwrap_or(now);
            if done > now + AHEAD {
                tracing::warn!(pipeline = name, %done, "the clock was set back, and the schedule begins anew");
                self.mark(name, now).await?;
                done = now;
            }
            let due = followed.due(done, now);
            if let Some(missed) = due.passed_over {
                tracing::info!(pipeline = name, until = %missed, "times of the schedule were missed and are passed over");
                self.mark(name, missed).await?;
            }
            let Some(at) = due.now else {
                let next = followed.schedule.next_after(now.max(done));
                return Ok(next.map_or(LOOK_AGAIN, |next| (next - now).to_std().unwrap_or_default().min(LOOK_AGAIN)));
            };
            match self.make(&followed, at).await? {
                Made::Done => {}
                Made::Later => return Ok(TRY_AGAIN),
            }
        }
        Ok(Duration::ZERO)
    }

    /// Makes the job of a time that is due, or passes over it.
    async fn make(&mut self, followed: &Followed, at: DateTime<Utc>) -> Result<Made, StoreUnavailable> {
        let name = followed.stored.name.as_str();
        if followed.skips_overlap() && self.has_active(name).await? {
            tracing::info!(pipeline = name, %at, "an earlier job has not ended, and this time of the schedule is skipped");
            self.mark(name, at).await?;
            return Ok(Made::Done);
        }
        match self.jobs.submit(submission(&followed.stored, at)).await {
            Ok(submitted) if submitted.is_new => {
                tracing::info!(pipeline = name, %at, job = %submitted.record.header.id, "a scheduled job is accepted");
                self.seen_to(name, at);
                Ok(Made::Done)
            }
            // It was made before its mark was set back.
            Ok(_) | Err(SubmitError::KeyReused { .. }) => self.mark(name, at).await.map(|()| Made::Done),
            Err(SubmitError::QueueFull(full)) => {
                tracing::warn!(pipeline = name, %at, %full, "a scheduled job waits for room in the queue");
                Ok(Made::Later)
            }
            Err(SubmitError::Unavailable(error)) => Err(error),
            Err(SubmitError::Stopped) => Ok(Made::Later),
            Err(error) => {
                tracing::error!(pipeline = name, %at, %error, "a scheduled job was not accepted, and its time is passed over");
                self.mark(name, at).await.map(|()| Made::Done)
            }
        }
    }

    async fn has_active(&self, pipeline: &str) -> Result<bool, StoreUnavailable> {
        let query = JobQuery {
            statuses: vec![JobStatus::Pending, JobStatus::Running, JobStatus::Paused],
            pipeline: Some(pipeline.to_owned()),
            job_type: None,
            tag: None,
            from: None,
            until: None,
            text: None,
            before: None,
            limit: NonZeroUsize::MIN,
        };
        Ok(!self.context.history.jobs(query).await?.is_empty())
    }

    async fn mark(&mut self, pipeline: &str, at: DateTime<Utc>) -> Result<(), StoreUnavailable> {
        self.context.schedules.mark_schedule(pipeline.to_owned(), at).await?;
        self.seen_to(pipeline, at);
        Ok(())
    }

    fn seen_to(&mut self, pipeline: &str, at: DateTime<Utc>) {
        self.marks.get_or_insert_default().insert(pipeline.to_owned(), at);
        self.done.insert(pipeline.to_owned(), at);
    }

    fn show(&self) {
        let now = self.context.clock.now();
        let infos = self.pipelines.iter().filter_map(|(name, (_, followed))| {
            let next = followed.as_ref()?.schedule.next_after(self.done.get(name).map_or(now, |done| now.max(*done)));
            Some(followed.as_ref()?.info(self.last(name), next))
        });
        self.jobs.board.show(infos.collect());
    }
}

/// The schedule of a pipeline, where it has one that can be followed.
async fn parse(stored: StoredPipeline) -> Option<Followed> {
    let name = stored.name.clone();
    let parsed = spawn_blocking(move || match pipeline::parse(&stored.definition) {
        Ok(pipeline) => Ok(pipeline.schedule.map(|schedule| Followed { stored, schedule })),
        Err(mistakes) => Err(mistakes.first().map(ToString::to_string).unwrap_or_default()),
    });
    match parsed.await {
        Ok(Ok(followed)) => followed,
        Ok(Err(mistake)) => {
            tracing::warn!(pipeline = %name, %mistake, "a pipeline has mistakes, and its schedule is not followed");
            None
        }
        Err(error) => {
            tracing::error!(pipeline = %name, %error, "a pipeline cannot be read, and its schedule is not followed");
            None
        }
    }
}

/// The job of a time of a schedule. The time is its run clock, so that a late job gives the rows of one that was not.
fn submission(stored: &StoredPipeline, at: DateTime<Utc>) -> Submission {
    let definition = JobDefinition {
        pipeline: stored.definition.clone(),
        folder: stored.folder.clone(),
        parameters: BTreeMap::new(),
        as_of: at,
        log_level: LogLevel::Info,
    };
    // A time has one job, whatever the pipeline said when it was made.
    let key = format!("schedule:{}:{}", stored.name, at.to_rfc3339());
    Submission {
        idempotency: Some(IdempotencyKey { key, digest: "schedule".to_owned() }),
        scheduled_for: Some(ScheduledFor { pipeline: stored.name.clone(), at }),
        ..Submission::from(definition)
    }
}
