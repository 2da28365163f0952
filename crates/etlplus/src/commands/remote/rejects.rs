//! `etlplus rejects ID`: the rejected rows of a job.

use etlplus_api::RejectsPage;
use etlplus_core::Failure;

use super::{client, job_failure};
use crate::cli::remote::{RejectsArgs, RemoteFormat};
use crate::exit::Exit;
use crate::output;

/// How many rows are asked for at once. Each brings its text as it stood, which may be long.
const PAGE_ROWS: u32 = 100;

/// Lists rejected rows.
pub(super) async fn execute(arguments: &RejectsArgs) -> Result<Exit, Failure> {
    let client = client(&arguments.server)?;
    let id = arguments.id.expect("the command line has an id where it has no other command").to_string();
    let wanted = arguments.limit as usize;
    let ask = async |got: usize, after: Option<u64>| {
        let missing = u32::try_from(wanted - got).unwrap_or(PAGE_ROWS);
        client.rejects(&id, after, Some(missing.min(PAGE_ROWS))).await.map_err(job_failure(&id))
    };
    let mut whole = ask(0, None).await?;
    while whole.next_after.is_some() && whole.rows.len() < wanted {
        let page = ask(whole.rows.len(), whole.next_after).await?;
        if page.rows.is_empty() {
            break;
        }
        whole.rows.extend(page.rows);
        whole = RejectsPage { rows: whole.rows, ..page };
    }
    // A server may give more than it was asked for, but what was not wanted is not shown.
    whole.rows.truncate(wanted);
    match arguments.server.output {
        RemoteFormat::Json => output::json(&whole)?,
        RemoteFormat::Table => output::data(&output::jobs::rejected(&whole, output::stdout_width()))?,
    }
    Ok(Exit::Done)
}
