//! `etlplus config`: the settings of a running server, and the check of a settings file.

use std::path::Path;

use etlplus_api::ConfigView;
use etlplus_core::Failure;
use serde_json::Value;

use super::{client, failure};
use crate::cli::remote::{ConfigCommand, RemoteFormat, ServerArgs, ShowArgs};
use crate::commands;
use crate::exit::Exit;
use crate::output;
use crate::server::offline;

/// Shows or changes settings of a server, or checks a file.
pub(super) async fn execute(command: &ConfigCommand) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Show(arguments) => show(arguments).await,
        ConfigCommand::Set(arguments) => {
            change(&arguments.server, &arguments.change(), &arguments.keys(), arguments.if_version).await
        }
        ConfigCommand::Unset(arguments) => {
            change(&arguments.server, &arguments.change(), &arguments.keys(), arguments.if_version).await
        }
        ConfigCommand::Check { file } => commands::config::check(file.as_deref()),
    }
}

/// Takes changes back in the data folder of a server that does not run.
pub(super) fn unset_in(data: &Path, keys: &[&str]) -> Result<Exit, Failure> {
    let taken = offline::unset(data, keys)?;
    for key in keys {
        let what = if taken.iter().any(|taken| taken == key) { "taken back" } else { "was not changed" };
        output::data(&format!("{key}: {what}\n"))?;
    }
    Ok(Exit::Done)
}

async fn show(arguments: &ShowArgs) -> Result<Exit, Failure> {
    let view = client(&arguments.server)?.config().await.map_err(failure)?;
    match arguments.server.output {
        RemoteFormat::Json => output::json(&view)?,
        RemoteFormat::Table => {
            output::data(&output::jobs::settings(&view, arguments.origins, output::stdout_width()))?;
        }
    }
    Ok(Exit::Done)
}

async fn change(server: &ServerArgs, change: &Value, keys: &[&str], version: Option<u64>) -> Result<Exit, Failure> {
    let view = client(server)?.change_config(change, version).await.map_err(failure)?;
    tell(&view, keys, server.output)
}

/// Tells which version the settings are at, what the keys are now, and which of them wait for a restart.
fn tell(view: &ConfigView, keys: &[&str], format: RemoteFormat) -> Result<Exit, Failure> {
    match format {
        RemoteFormat::Json => output::json(view)?,
        RemoteFormat::Table => output::data(&output::jobs::changed_settings(view, keys))?,
    }
    Ok(Exit::Done)
}
