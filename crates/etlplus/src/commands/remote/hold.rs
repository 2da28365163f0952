//! `etlplus pause`, `resume` and `retry`: jobs that are held, let go, and tried again.

use etlplus_api::JobMonitoringData;
use etlplus_core::Failure;

use super::{client_and_id, ended, exit_of, job_failure, tell_ended};
use crate::cli::remote::{JobIdArgs, RemoteFormat, RetryArgs};
use crate::exit::Exit;
use crate::output;

/// Asks a job to stop until it is resumed.
pub(super) async fn pause(arguments: &JobIdArgs) -> Result<Exit, Failure> {
    let (client, id) = client_and_id(arguments)?;
    let job = client.pause(&id).await.map_err(job_failure(&id))?;
    tell(&job, arguments.server.output, "was asked to pause")
}

/// Lets a paused job go on.
pub(super) async fn resume(arguments: &JobIdArgs) -> Result<Exit, Failure> {
    let (client, id) = client_and_id(arguments)?;
    let job = client.resume(&id).await.map_err(job_failure(&id))?;
    tell(&job, arguments.server.output, "was asked to go on")
}

/// Makes a new attempt of a job, and waits for its end where that is wanted.
pub(super) async fn retry(arguments: &RetryArgs) -> Result<Exit, Failure> {
    let (client, id) = client_and_id(&arguments.job)?;
    let format = arguments.job.server.output;
    let job = client.retry(&id).await.map_err(job_failure(&id))?;
    if !arguments.wait {
        return tell(&job, format, &format!("is tried again: attempt {}", job.attempt));
    }
    let job = ended::until_ended(&client, &id).await?;
    tell_ended(&job, format)?;
    Ok(exit_of(job.status))
}

fn tell(job: &JobMonitoringData, format: RemoteFormat, what: &str) -> Result<Exit, Failure> {
    match format {
        RemoteFormat::Json => output::json(job)?,
        RemoteFormat::Table => output::talk(&format!("the job {} {what}", output::printable(&job.job_id))),
    }
    Ok(Exit::Done)
}
