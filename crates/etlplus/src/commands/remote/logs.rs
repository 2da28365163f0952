//! `etlplus logs ID`: a job's log, as far as it is or until the job has ended.

use etlplus_api::LogRow;
use etlplus_client::{Client, LogEvent, LogQuery};
use etlplus_core::Failure;

use super::{client_and_id, job_failure};
use crate::cli::remote::{LogsArgs, RemoteFormat};
use crate::exit::Exit;
use crate::output;

/// How many lines are asked for at once.
const PAGE_LINES: u32 = 1000;

/// Prints the log.
pub(super) async fn execute(arguments: &LogsArgs) -> Result<Exit, Failure> {
    let (client, id) = client_and_id(&arguments.job)?;
    let format = arguments.job.server.output;
    match (arguments.tail, arguments.follow) {
        (None, false) => all(&client, &id, arguments).await?,
        (None, true) => follow(&client, &id, 0, arguments).await?,
        (Some(tail), follows) => {
            let query = LogQuery { tail: Some(tail), level: arguments.level, ..LogQuery::default() };
            let page = client.logs(&id, &query).await.map_err(job_failure(&id))?;
            if print(&page.lines, format)? && follows {
                follow(&client, &id, page.next_after.unwrap_or(0), arguments).await?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn all(client: &Client, id: &str, arguments: &LogsArgs) -> Result<(), Failure> {
    let mut query = LogQuery { limit: Some(PAGE_LINES), level: arguments.level, ..LogQuery::default() };
    loop {
        let page = client.logs(id, &query).await.map_err(job_failure(id))?;
        // A server that does not get on would be asked for ever.
        let goes_on = page.next_after > query.after;
        if !print(&page.lines, arguments.job.server.output)? || !goes_on {
            return Ok(());
        }
        query.after = page.next_after;
    }
}

async fn follow(client: &Client, id: &str, after: u64, arguments: &LogsArgs) -> Result<(), Failure> {
    let mut follow = client.follow_log(id, after, arguments.level);
    while let Some(event) = follow.next().await {
        match event.map_err(job_failure(id))? {
            LogEvent::Line(row) => {
                if !print(std::slice::from_ref(&*row), arguments.job.server.output)? {
                    return Ok(());
                }
            }
            LogEvent::Disconnected { reason, retry_in } => {
                output::talk(&output::jobs::disconnected(&reason, retry_in));
            }
        }
    }
    Ok(())
}

/// Prints the lines, and says whether somebody still reads them.
fn print(rows: &[LogRow], format: RemoteFormat) -> Result<bool, Failure> {
    match format {
        RemoteFormat::Json => {
            for row in rows {
                if !output::json_while_read(row)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        RemoteFormat::Table => {
            let lines: String = rows.iter().map(|row| output::jobs::log_line(&row.message) + "\n").collect();
            output::data_while_read(&lines)
        }
    }
}
