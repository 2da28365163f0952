//! The commands that talk to a server, and their arguments.

mod access;
mod config;
mod help;
mod jobs;
mod operations;
mod parse;
mod server;

use clap::Subcommand;

use help::{
    ALERTS_HELP, CANCEL_HELP, CONNECTIONS_HELP, JOB_HELP, JOBS_HELP, LOGS_HELP, PAUSE_HELP, PUT_HELP, REJECTS_HELP,
    RESUME_HELP, RETRY_HELP, SCHEDULES_HELP, STATUS_HELP, SUBMIT_HELP, WAIT_HELP, WATCH_HELP,
};

pub(crate) use access::{CreateTokenArgs, RevokeTokenArgs, TokenCommand, TokenPlaceArgs};
pub(crate) use config::{ConfigCommand, ShowArgs};
pub(crate) use jobs::{
    CancelArgs, JobIdArgs, JobsArgs, LogsArgs, PutArgs, RejectsArgs, RetryArgs, SubmitArgs, WaitArgs, WatchArgs,
};
pub(crate) use operations::{
    AlertsArgs, AlertsCommand, ConnectionIdArgs, ConnectionsArgs, ConnectionsCommand, MessageArgs, TestChannelArgs,
};
pub(crate) use server::{RemoteFormat, ServerArgs};

/// What can be asked of a server.
#[derive(Debug, Subcommand)]
pub(crate) enum RemoteCommand {
    /// Hand a job to a server
    #[command(after_help = SUBMIT_HELP)]
    Submit(SubmitArgs),
    /// List the jobs of a server
    #[command(after_help = JOBS_HELP)]
    Jobs(JobsArgs),
    /// Show everything about one job
    #[command(after_help = JOB_HELP)]
    Job(JobIdArgs),
    /// Wait until a job has ended
    #[command(after_help = WAIT_HELP)]
    Wait(WaitArgs),
    /// Print the log of a job
    #[command(after_help = LOGS_HELP)]
    Logs(LogsArgs),
    /// Watch jobs while they run
    #[command(after_help = WATCH_HELP)]
    Watch(WatchArgs),
    /// Ask a job to stop
    #[command(after_help = CANCEL_HELP)]
    Cancel(CancelArgs),
    /// Ask a job to stop until it is resumed
    #[command(after_help = PAUSE_HELP)]
    Pause(JobIdArgs),
    /// Let a paused job go on
    #[command(after_help = RESUME_HELP)]
    Resume(JobIdArgs),
    /// Try a job once more that failed or was cancelled
    #[command(after_help = RETRY_HELP)]
    Retry(RetryArgs),
    /// List the rejected rows of a job, look into a reject file, and load it once it is corrected
    #[command(after_help = REJECTS_HELP)]
    Rejects(RejectsArgs),
    /// List the pipelines that a server keeps
    Pipelines(ServerArgs),
    /// Keep a pipeline on a server
    #[command(subcommand)]
    Pipeline(PipelineCommand),
    /// List the pipelines that run by the clock
    #[command(after_help = SCHEDULES_HELP)]
    Schedules(ServerArgs),
    /// List alerts, and try the channels by which they leave
    #[command(after_help = ALERTS_HELP)]
    Alerts(AlertsArgs),
    /// Show how the server itself is
    #[command(after_help = STATUS_HELP)]
    Status(ServerArgs),
    /// Show and change the settings of a server, and check a settings file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List who watches, and speak to them
    #[command(after_help = CONNECTIONS_HELP)]
    Connections(ConnectionsArgs),
    /// Make, list and revoke the tokens by which a server knows who asks
    #[command(subcommand)]
    Token(TokenCommand),
}

/// What can be done with one pipeline on a server.
#[derive(Debug, Subcommand)]
pub(crate) enum PipelineCommand {
    /// Keep a pipeline file on a server
    #[command(after_help = PUT_HELP)]
    Put(PutArgs),
}
