//! `etlplus jobs`: a list.

use etlplus_api::JobList;
use etlplus_client::JobQuery;
use etlplus_core::Failure;

use super::{client, failure};
use crate::cli::remote::{JobsArgs, RemoteFormat};
use crate::exit::Exit;
use crate::output;

/// How many jobs are asked for at once.
const PAGE_JOBS: u32 = 100;

/// Lists the jobs that were asked for.
pub(super) async fn execute(arguments: &JobsArgs) -> Result<Exit, Failure> {
    let client = client(&arguments.server)?;
    let mut query = JobQuery {
        statuses: arguments.status.clone(),
        pipeline: arguments.pipeline.clone(),
        tag: arguments.tag.clone(),
        text: arguments.search.clone(),
        ..JobQuery::default()
    };
    let wanted = arguments.limit as usize;
    let mut list = JobList { jobs: Vec::new(), next_cursor: None };
    loop {
        let missing = u32::try_from(wanted - list.jobs.len()).unwrap_or(PAGE_JOBS);
        query.limit = Some(missing.min(PAGE_JOBS));
        let page = client.jobs(&query).await.map_err(failure)?;
        list.jobs.extend(page.jobs);
        // A server may give more than it was asked for, but what was not wanted is not shown.
        list.jobs.truncate(wanted);
        list.next_cursor.clone_from(&page.next_cursor);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() || list.jobs.len() >= wanted {
            break;
        }
    }
    match arguments.server.output {
        RemoteFormat::Json => output::json(&list)?,
        RemoteFormat::Table => output::data(&output::jobs::list(&list.jobs, output::stdout_width()))?,
    }
    if arguments.server.output == RemoteFormat::Table && list.next_cursor.is_some() {
        output::talk("there are more: ask for them with --limit");
    }
    Ok(Exit::Done)
}
