//! Arguments of the commands about jobs and pipelines.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use etlplus_api::{JobStatus, LogLevel};
use etlplus_core::ids::JobId;

use super::parse;
use super::server::ServerArgs;
use crate::cli::rejects::RejectsCommand;
use crate::cli::{parse_as_of, parse_setting, settings};

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The pipeline file (YAML or JSON)
    #[arg(value_name = "FILE", required_unless_present = "pipeline")]
    pub(crate) file: Option<PathBuf>,
    /// A pipeline that the server keeps, instead of a file
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    pub(crate) pipeline: Option<String>,
    /// Give a parameter its value (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    settings: Vec<(String, String)>,
    /// The run clock, which SQL and paths see as $as_of [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_as_of)]
    pub(crate) as_of: Option<DateTime<Utc>>,
    /// The least level of the log lines that are kept: debug, info, warn or error [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = parse::level)]
    pub(crate) log_level: Option<LogLevel>,
    /// Jobs of a higher priority are given a free place first: -100 to 100 [default: the pipeline's, or 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i8).range(-100..=100))]
    pub(crate) priority: Option<i8>,
    /// End an attempt that takes longer, such as 30s, 10m or 2h [default: as the pipeline or the settings say]
    #[arg(long, value_name = "DURATION", value_parser = parse::span)]
    pub(crate) timeout: Option<Duration>,
    /// Do not start before this time, such as 2026-01-31T22:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_as_of)]
    pub(crate) at: Option<DateTime<Utc>>,
    /// A key of your own: what is submitted again with the same key is the same job [default: a new one]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Wait until the job has ended
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `jobs`.
#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    /// In one of these: PENDING, RUNNING, PAUSED, COMPLETED, FAILED, CANCELLED
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = parse::status)]
    pub(crate) status: Vec<JobStatus>,
    /// Of this pipeline
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,
    /// Whose pipeline has this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// With this text in them
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Which job.
#[derive(Debug, Args)]
pub(crate) struct JobIdArgs {
    /// The job's id
    #[arg(value_name = "ID", value_parser = parse::job_id)]
    pub(crate) id: JobId,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `wait`.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) job: JobIdArgs,
    /// How long to wait at most, such as 30s, 10m or 2h [default: forever]
    #[arg(long, value_name = "DURATION", value_parser = parse::span)]
    pub(crate) timeout: Option<Duration>,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) job: JobIdArgs,
    /// Go on until the job has ended
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// At this level or above: debug, info, warn or error
    #[arg(long, value_name = "LEVEL", value_parser = parse::level)]
    pub(crate) level: Option<LogLevel>,
    /// Begin with the last N lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tail: Option<u32>,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The job's id [default: all active jobs]
    #[arg(value_name = "ID", value_parser = parse::job_id)]
    pub(crate) id: Option<JobId>,
    /// Only jobs of this pipeline
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    pub(crate) pipeline: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) job: JobIdArgs,
    /// Wait until the job has stopped
    #[arg(long)]
    pub(crate) wait: bool,
}

/// Arguments of `retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) job: JobIdArgs,
    /// Wait until the job has ended
    #[arg(long)]
    pub(crate) wait: bool,
}

/// Arguments of `rejects`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct RejectsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RejectsCommand>,
    /// The job's id
    #[arg(value_name = "ID", value_parser = parse::job_id, required = true)]
    pub(crate) id: Option<JobId>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// How many rows at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Arguments of `pipeline put`.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// The pipeline file (YAML or JSON)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

impl SubmitArgs {
    /// The parameters' texts by name. Ends the program with a usage error if one is given twice.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        settings(&self.settings)
    }
}
