//! `etlplus alerts`: what people should know of, and the channels by which they are told.

use etlplus_api::AlertList;
use etlplus_client::AlertQuery;
use etlplus_core::Failure;

use super::{client, failure};
use crate::cli::remote::{AlertsArgs, AlertsCommand, RemoteFormat, ServerArgs, TestChannelArgs};
use crate::exit::Exit;
use crate::output;

/// How many alerts are asked for at once.
const PAGE_ALERTS: u32 = 100;

/// Lists alerts or channels, or tries a channel.
pub(super) async fn execute(arguments: &AlertsArgs) -> Result<Exit, Failure> {
    match &arguments.command {
        None => list(arguments).await,
        Some(AlertsCommand::Channels(server)) => channels(server).await,
        Some(AlertsCommand::Test(arguments)) => test(arguments).await,
    }
}

async fn list(arguments: &AlertsArgs) -> Result<Exit, Failure> {
    let client = client(&arguments.server)?;
    let mut query = AlertQuery {
        rule: arguments.rule,
        status: arguments.status,
        job: arguments.job.map(|id| id.to_string()),
        only_active: arguments.active,
        ..AlertQuery::default()
    };
    let wanted = arguments.limit as usize;
    let mut list = AlertList { alerts: Vec::new(), next_cursor: None };
    loop {
        let missing = u32::try_from(wanted - list.alerts.len()).unwrap_or(PAGE_ALERTS);
        query.limit = Some(missing.min(PAGE_ALERTS));
        let page = client.alerts(&query).await.map_err(failure)?;
        list.alerts.extend(page.alerts);
        // A server may give more than it was asked for, but what was not wanted is not shown.
        list.alerts.truncate(wanted);
        list.next_cursor.clone_from(&page.next_cursor);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() || list.alerts.len() >= wanted {
            break;
        }
    }
    match arguments.server.output {
        RemoteFormat::Json => output::json(&list)?,
        RemoteFormat::Table => output::data(&output::jobs::alerts(&list.alerts, output::stdout_width()))?,
    }
    if arguments.server.output == RemoteFormat::Table && list.next_cursor.is_some() {
        output::talk("there are more: ask for them with --limit");
    }
    Ok(Exit::Done)
}

async fn channels(server: &ServerArgs) -> Result<Exit, Failure> {
    let list = client(server)?.alert_channels().await.map_err(failure)?;
    match server.output {
        RemoteFormat::Json => output::json(&list)?,
        RemoteFormat::Table => output::data(&output::jobs::channels(&list.channels, output::stdout_width()))?,
    }
    Ok(Exit::Done)
}

async fn test(arguments: &TestChannelArgs) -> Result<Exit, Failure> {
    client(&arguments.server)?.test_channel(&arguments.name).await.map_err(failure)?;
    if arguments.server.output == RemoteFormat::Table {
        output::talk(&format!("the channel {} took a test alert", output::printable(&arguments.name)));
    }
    Ok(Exit::Done)
}
