//! `etlplus schedules`: the pipelines that run by the clock.

use etlplus_core::Failure;

use super::{client, failure};
use crate::cli::remote::{RemoteFormat, ServerArgs};
use crate::exit::Exit;
use crate::output;

/// Lists them.
pub(super) async fn execute(server: &ServerArgs) -> Result<Exit, Failure> {
    let list = client(server)?.schedules().await.map_err(failure)?;
    match server.output {
        RemoteFormat::Json => output::json(&list)?,
        RemoteFormat::Table => output::data(&output::jobs::schedules(&list.schedules, output::stdout_width()))?,
    }
    Ok(Exit::Done)
}
