//! `etlplus connections`: who watches.

use etlplus_api::ConnectionMessage;
use etlplus_core::Failure;

use super::{client, failure};
use crate::cli::remote::{
    ConnectionIdArgs, ConnectionsArgs, ConnectionsCommand, MessageArgs, RemoteFormat, ServerArgs,
};
use crate::exit::Exit;
use crate::output::{self, printable};

/// Lists connections, closes one, or says something to one.
pub(super) async fn execute(arguments: &ConnectionsArgs) -> Result<Exit, Failure> {
    match &arguments.command {
        None => list(&arguments.server).await,
        Some(ConnectionsCommand::Close(arguments)) => close(arguments).await,
        Some(ConnectionsCommand::Message(arguments)) => message(arguments).await,
    }
}

async fn list(server: &ServerArgs) -> Result<Exit, Failure> {
    let list = client(server)?.connections().await.map_err(failure)?;
    match server.output {
        RemoteFormat::Json => output::json(&list)?,
        RemoteFormat::Table => output::data(&output::jobs::connections(&list, output::stdout_width()))?,
    }
    Ok(Exit::Done)
}

async fn close(arguments: &ConnectionIdArgs) -> Result<Exit, Failure> {
    client(&arguments.server)?.close_connection(&arguments.id).await.map_err(failure)?;
    if arguments.server.output == RemoteFormat::Table {
        output::talk(&format!("the connection {} is closed", printable(&arguments.id)));
    }
    Ok(Exit::Done)
}

async fn message(arguments: &MessageArgs) -> Result<Exit, Failure> {
    let ConnectionIdArgs { id, server } = &arguments.connection;
    let message = ConnectionMessage {
        title: arguments.title.clone(),
        message: arguments.text.clone(),
        severity: Some(arguments.severity),
    };
    client(server)?.send_to_connection(id, &message).await.map_err(failure)?;
    if server.output == RemoteFormat::Table {
        output::talk(&format!("said to the connection {}", printable(id)));
    }
    Ok(Exit::Done)
}
