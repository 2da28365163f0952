//! `etlplus status`: how the server itself is.

use etlplus_api::HealthStatus;
use etlplus_core::Failure;

use super::{client, failure};
use crate::cli::remote::{RemoteFormat, ServerArgs};
use crate::exit::Exit;
use crate::output;

/// Shows it. The exit code says whether all is well.
pub(super) async fn execute(server: &ServerArgs) -> Result<Exit, Failure> {
    let health = client(server)?.health().await.map_err(failure)?;
    match server.output {
        RemoteFormat::Json => output::json(&health)?,
        RemoteFormat::Table => output::data(&output::jobs::health(&health))?,
    }
    Ok(if health.status == HealthStatus::Ok { Exit::Done } else { Exit::Error })
}
