//! `etlplus job ID`: everything about one job.

use etlplus_core::Failure;

use super::{client_and_id, job_failure};
use crate::cli::remote::{JobIdArgs, RemoteFormat};
use crate::exit::Exit;
use crate::output;

/// Shows a job.
pub(super) async fn execute(arguments: &JobIdArgs) -> Result<Exit, Failure> {
    let (client, id) = client_and_id(arguments)?;
    let job = client.job(&id).await.map_err(job_failure(&id))?;
    match arguments.server.output {
        RemoteFormat::Json => output::json(&job)?,
        RemoteFormat::Table => {
            let events = client.events(&id).await.map_err(job_failure(&id))?;
            output::data(&output::jobs::details(&job, &events.attempts))?;
        }
    }
    Ok(Exit::Done)
}
