//! Arguments of the commands about alerts and about who watches.

use clap::{Args, Subcommand};
use etlplus_api::{AlertRule, AlertStatus, Severity};
use etlplus_core::ids::JobId;

use super::help::{CHANNEL_TEST_HELP, MESSAGE_HELP};
use super::parse;
use super::server::ServerArgs;

/// Arguments of `alerts`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AlertsCommand>,
    /// Raised by this rule, such as job_failed
    #[arg(long, value_name = "RULE", value_parser = parse::rule)]
    pub(crate) rule: Option<AlertRule>,
    /// Only those that were recorded as `firing`, or as `resolved`
    #[arg(long, value_name = "STATUS", value_parser = parse::alert_status)]
    pub(crate) status: Option<AlertStatus>,
    /// About this job
    #[arg(long, value_name = "ID", value_parser = parse::job_id)]
    pub(crate) job: Option<JobId>,
    /// Only those whose reason still holds
    #[arg(long)]
    pub(crate) active: bool,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What can be done with the channels by which alerts leave.
#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List the channels by which alerts leave
    Channels(ServerArgs),
    /// Send a test alert by one channel, and say whether the channel took it
    #[command(after_help = CHANNEL_TEST_HELP)]
    Test(TestChannelArgs),
}

/// Arguments of `alerts test`.
#[derive(Debug, Args)]
pub(crate) struct TestChannelArgs {
    /// The channel's name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `connections`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ConnectionsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ConnectionsCommand>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What can be done with one connection.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// Close a connection, with the word that it should not come back
    Close(ConnectionIdArgs),
    /// Say something to whoever reads a connection
    #[command(after_help = MESSAGE_HELP)]
    Message(MessageArgs),
}

/// Which connection.
#[derive(Debug, Args)]
pub(crate) struct ConnectionIdArgs {
    /// The connection's id; `etlplus connections` lists them
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `connections message`.
#[derive(Debug, Args)]
pub(crate) struct MessageArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionIdArgs,
    /// What to say
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// What it is about
    #[arg(long, value_name = "TITLE", default_value = "Message from the server's administrator")]
    pub(crate) title: String,
    /// How much it matters: info, warning or error
    #[arg(long, value_name = "SEVERITY", default_value = "info", value_parser = parse::severity)]
    pub(crate) severity: Severity,
}
