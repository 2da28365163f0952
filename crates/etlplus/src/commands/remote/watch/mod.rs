//! `etlplus watch [ID]`: jobs while they run.

mod live_jobs;
mod view;

use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_api::{Filter, FilterClause, Frame, JobStatus, MessageType, ServerMessage};
use etlplus_client::{Client, Event, JobQuery};
use etlplus_core::Failure;
use tokio::time::{MissedTickBehavior, interval};

use super::{client, exit_of, failure, job_failure};
use crate::cli::remote::WatchArgs;
use crate::exit::Exit;
use crate::output;
use live_jobs::{LiveJobs, News};
use view::View;

/// Ten drawings a second look alive, however many updates come.
const DRAWING_INTERVAL: Duration = Duration::from_millis(100);

/// Watches jobs, until the one that was named has ended, or for ever.
pub(super) async fn execute(arguments: &WatchArgs) -> Result<Exit, Failure> {
    let mut watcher = Watcher {
        client: client(&arguments.server)?,
        id: arguments.id.map(|id| id.to_string()),
        jobs: LiveJobs::default(),
        has_snapshot: false,
        view: View::new(arguments.server.output),
    };
    let ended = watcher.run(arguments).await;
    watcher.view.close();
    Ok(match ended? {
        Verdict::Ended(status) => exit_of(status),
        Verdict::GoOn | Verdict::NobodyReads => Exit::Done,
    })
}

struct Watcher {
    client: Client,
    /// The one job that is watched; `None` for all.
    id: Option<String>,
    jobs: LiveJobs,
    /// Before the first snapshot nothing is known of what is active.
    has_snapshot: bool,
    view: View,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    GoOn,
    /// The job that was named has ended.
    Ended(JobStatus),
    /// Whoever read the output has gone.
    NobodyReads,
}

impl Watcher {
    async fn run(&mut self, arguments: &WatchArgs) -> Result<Verdict, Failure> {
        let verdict = self.look().await?;
        if verdict != Verdict::GoOn {
            return Ok(verdict);
        }
        let mut watch = self.client.watch(filter(arguments));
        let mut drawing = interval(DRAWING_INTERVAL);
        drawing.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                event = watch.next() => event,
                _ = drawing.tick(), if self.has_snapshot => {
                    self.view.draw(&self.jobs);
                    continue;
                }
            };
            let event = event.ok_or_else(|| Failure::bug("the live channel ended without a reason"))?;
            match event.map_err(failure)? {
                Event::Connected(_) if self.has_snapshot => self.view.say("connected again"),
                Event::Connected(_) => {}
                Event::Snapshot(frame) | Event::Update(frame) => {
                    let verdict = self.take(&frame).await?;
                    if verdict != Verdict::GoOn {
                        return Ok(verdict);
                    }
                }
                Event::Disconnected { reason, retry_in } => {
                    self.view.say(&output::jobs::disconnected(&reason, retry_in));
                }
            }
        }
    }

    /// Asks before watching, so that a server that is not there and a job that never was are errors at once; a server that
    /// goes away later is waited for.
    async fn look(&mut self) -> Result<Verdict, Failure> {
        let Some(id) = self.id.clone() else {
            let query = JobQuery { limit: Some(1), ..JobQuery::default() };
            self.client.jobs(&query).await.map_err(failure)?;
            return Ok(Verdict::GoOn);
        };
        self.jobs.put(self.client.job(&id).await.map_err(job_failure(&id))?);
        self.moved(&id, None)
    }

    async fn take(&mut self, frame: &Frame) -> Result<Verdict, Failure> {
        if !self.view.frame(frame)? {
            return Ok(Verdict::NobodyReads);
        }
        if let ServerMessage::SystemNotification(notice) = &frame.message {
            let is_read = self.view.notice(frame, notice)?;
            return Ok(if is_read { Verdict::GoOn } else { Verdict::NobodyReads });
        }
        let is_first = !std::mem::replace(&mut self.has_snapshot, true);
        let moved_at = matches!(frame.message, ServerMessage::JobStatusUpdate(_)).then_some(frame.timestamp);
        let news = self.jobs.apply(frame);
        // The one job that is watched is known already, so that its snapshot is no news.
        if is_first && news.is_empty() && self.id.is_none() {
            self.view.say("no job is active; waiting for one");
        }
        for news in news {
            let verdict = match news {
                News::Moved(id) => self.moved(&id, moved_at)?,
                News::Gone(id) => self.gone(&id).await?,
            };
            if verdict != Verdict::GoOn {
                return Ok(verdict);
            }
        }
        Ok(Verdict::GoOn)
    }

    /// Shows where the job is now, since `moved_at` where that is known.
    fn moved(&mut self, id: &str, moved_at: Option<DateTime<Utc>>) -> Result<Verdict, Failure> {
        let Some(job) = self.jobs.get(id) else { return Ok(Verdict::GoOn) };
        let is_read = self.view.moved(job, moved_at)?;
        let status = job.status;
        if status.is_terminal() {
            self.jobs.forget(id);
        }
        Ok(match (is_read, self.id.as_deref() == Some(id)) {
            (_, true) if status.is_terminal() => Verdict::Ended(status),
            (false, _) => Verdict::NobodyReads,
            (true, _) => Verdict::GoOn,
        })
    }

    /// Asks how the job ended that is no longer among the active ones.
    async fn gone(&mut self, id: &str) -> Result<Verdict, Failure> {
        match self.client.job(id).await {
            Ok(job) if job.status.is_terminal() => {
                self.jobs.put(job);
                self.moved(id, None)
            }
            // It is between two states, and the next update says which, or the server is gone again, and the next snapshot
            // does.
            Ok(_) => Ok(Verdict::GoOn),
            Err(error) if error.is_transient() => Ok(Verdict::GoOn),
            Err(error) if self.id.is_some() => Err(job_failure(id)(error)),
            Err(_) => {
                self.jobs.forget(id);
                Ok(Verdict::GoOn)
            }
        }
    }
}

/// All but the log lines of what is watched.
fn filter(arguments: &WatchArgs) -> Filter {
    let types = MessageType::ALL.into_iter().filter(|kind| *kind != MessageType::JobLogMessage);
    vec![FilterClause {
        job_ids: arguments.id.map(|id| vec![id.to_string()]),
        pipelines: arguments.pipeline.clone().map(|pipeline| vec![pipeline]),
        types: Some(types.collect()),
        ..FilterClause::default()
    }]
}
