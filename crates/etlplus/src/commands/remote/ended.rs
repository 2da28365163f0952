//! `etlplus wait ID`: waits for the end of a job, as other commands do too.

use std::time::Duration;

use etlplus_api::{FilterClause, JobMonitoringData, MessageType, ServerMessage};
use etlplus_client::{Client, Event};
use etlplus_core::Failure;
use tokio::time::{sleep, timeout};

use super::{client_and_id, exit_of, failure, job_failure, tell_ended};
use crate::cli::remote::JobIdArgs;
use crate::exit::Exit;
use crate::output;
use crate::output::units;

/// How soon the whole of a job is asked for again, when the live channel has told its end and REST does not know it yet.
const END_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Waits until a job has ended, for `limit` at most.
pub(super) async fn execute(arguments: &JobIdArgs, limit: Option<Duration>) -> Result<Exit, Failure> {
    let (client, id) = client_and_id(arguments)?;
    let ended = until_ended(&client, &id);
    let job = match limit {
        None => ended.await?,
        Some(limit) => timeout(limit, ended).await.map_err(|_| {
            let message = format!("the job {id} has not ended within {}", units::duration(limit));
            let remedy = format!("it goes on: see what it does with `etlplus job {id}`");
            Failure::transient("wait_timed_out", message, remedy)
        })??,
    };
    tell_ended(&job, arguments.server.output)?;
    Ok(exit_of(job.status))
}

/// The job `id`, once it has ended. Waits on the live channel; each time that it breaks or stands again, the job is asked
/// for, since it may have ended meanwhile.
pub(super) async fn until_ended(client: &Client, id: &str) -> Result<JobMonitoringData, Failure> {
    let job = client.job(id).await.map_err(job_failure(id))?;
    if job.status.is_terminal() {
        return Ok(job);
    }
    let clause = FilterClause {
        job_ids: Some(vec![id.to_owned()]),
        types: Some(vec![MessageType::JobStatusUpdate]),
        ..FilterClause::default()
    };
    let mut watch = client.watch(vec![clause]);
    loop {
        let event = watch.next().await.ok_or_else(|| Failure::bug("the live channel ended without a reason"))?;
        match event.map_err(failure)? {
            Event::Connected(_) => continue,
            Event::Snapshot(_) => {}
            Event::Update(frame) => match frame.message {
                ServerMessage::JobStatusUpdate(update) if update.status.is_terminal() => {
                    return whole_end(client, id).await;
                }
                _ => continue,
            },
            Event::Disconnected { reason, retry_in } => output::talk(&output::jobs::disconnected(&reason, retry_in)),
        }
        match client.job(id).await {
            Ok(job) if job.status.is_terminal() => return Ok(job),
            Err(error) if !error.is_transient() => return Err(job_failure(id)(error)),
            Ok(_) | Err(_) => {}
        }
    }
}

/// All about a job that has ended.
async fn whole_end(client: &Client, id: &str) -> Result<JobMonitoringData, Failure> {
    loop {
        match client.job(id).await {
            Ok(job) if job.status.is_terminal() => return Ok(job),
            Err(error) if !error.is_transient() => return Err(job_failure(id)(error)),
            Ok(_) | Err(_) => sleep(END_POLL_INTERVAL).await,
        }
    }
}
