//! `etlplus cancel ID`: asks a job to stop.

use etlplus_api::JobStatus;
use etlplus_core::Failure;

use super::{client_and_id, ended, job_failure, tell_ended};
use crate::cli::remote::{CancelArgs, RemoteFormat};
use crate::exit::Exit;
use crate::output;

/// Asks a job to stop, and waits until it has, where that is wanted.
pub(super) async fn execute(arguments: &CancelArgs) -> Result<Exit, Failure> {
    let (client, id) = client_and_id(&arguments.job)?;
    let format = arguments.job.server.output;
    let job = client.cancel(&id).await.map_err(job_failure(&id))?;
    if arguments.wait {
        let job = ended::until_ended(&client, &id).await?;
        tell_ended(&job, format)?;
        return Ok(if job.status == JobStatus::Cancelled { Exit::Done } else { Exit::JobFailed });
    }
    match format {
        RemoteFormat::Json => output::json(&job)?,
        RemoteFormat::Table if job.status.is_terminal() => output::talk(&output::jobs::ended(&job)),
        RemoteFormat::Table => output::talk(&format!("the job {id} was asked to stop")),
    }
    Ok(Exit::Done)
}
