//! The commands that talk to a server, and their arguments.

mod help;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use etlplus_api::{JobStatus, LogLevel};
use etlplus_core::ids::JobId;

use super::{parse_as_of, parse_setting, settings};
use help::{CANCEL_HELP, JOB_HELP, JOBS_HELP, LOGS_HELP, PUT_HELP, REJECTS_HELP, SUBMIT_HELP, WAIT_HELP, WATCH_HELP};

/// Where the server's address stands, if `--server` does not say.
const SERVER_VARIABLE: &str = "ETLPLUS_SERVER";
/// Where a server is that was started with no settings.
const SERVER_DEFAULT: &str = "http://127.0.0.1:8080";

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
    /// List the rejected rows of a job
    #[command(after_help = REJECTS_HELP)]
    Rejects(RejectsArgs),
    /// List the pipelines that a server keeps
    Pipelines(ServerArgs),
    /// Keep a pipeline on a server
    #[command(subcommand)]
    Pipeline(PipelineCommand),
}

/// What can be done with one pipeline on a server.
#[derive(Debug, Subcommand)]
pub(crate) enum PipelineCommand {
    /// Keep a pipeline file on a server
    #[command(after_help = PUT_HELP)]
    Put(PutArgs),
}

/// How a command about a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RemoteFormat {
    /// For people
    Table,
    /// For programs: what the server said, one JSON object in a line
    Json,
}

/// Which server, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// The server's address [default: $ETLPLUS_SERVER, or http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: RemoteFormat,
}

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
    #[arg(long, value_name = "LEVEL", value_parser = parse_level)]
    pub(crate) log_level: Option<LogLevel>,
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
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = parse_status)]
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
    #[arg(value_name = "ID", value_parser = parse_job_id)]
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
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
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
    #[arg(long, value_name = "LEVEL", value_parser = parse_level)]
    pub(crate) level: Option<LogLevel>,
    /// Begin with the last N lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tail: Option<u32>,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The job's id [default: all active jobs]
    #[arg(value_name = "ID", value_parser = parse_job_id)]
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

/// Arguments of `rejects`.
#[derive(Debug, Args)]
pub(crate) struct RejectsArgs {
    #[command(flatten)]
    pub(crate) job: JobIdArgs,
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

impl ServerArgs {
    /// The server's address: what was typed, else the environment's, else that of a server without settings.
    pub(crate) fn address(&self) -> String {
        let typed = self.server.clone();
        typed.or_else(|| std::env::var(SERVER_VARIABLE).ok()).unwrap_or_else(|| SERVER_DEFAULT.to_owned())
    }
}

impl SubmitArgs {
    /// The parameters' texts by name. Ends the program with a usage error if one is given twice.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        settings(&self.settings)
    }
}

fn parse_job_id(text: &str) -> Result<JobId, String> {
    let hint = "a job's id looks like 01890a5d-ac96-774b-bcce-b302099a8057; `etlplus jobs` lists them";
    text.parse().map_err(|_| hint.to_owned())
}

fn parse_status(text: &str) -> Result<JobStatus, String> {
    JobStatus::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let words = JobStatus::ALL.map(JobStatus::as_str);
        format!("write one of {}", words.join(", "))
    })
}

fn parse_level(text: &str) -> Result<LogLevel, String> {
    let found = LogLevel::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "write debug, info, warn or error".to_owned())
}

/// `250ms`, `30s`, `10m`, `2h`; a number alone is seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let units_ms = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let (number, unit_ms) = units_ms
        .into_iter()
        .find_map(|(unit, ms)| text.strip_suffix(unit).map(|number| (number, ms)))
        .unwrap_or((text, 1_000));
    let milliseconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms));
    milliseconds.map(Duration::from_millis).ok_or_else(|| "write a duration such as 30s, 10m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, milliseconds) in [("250ms", 250), ("30s", 30_000), ("10m", 600_000), ("2h", 7_200_000), ("5", 5_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "-1s", "1.5h", "1 h", "1d", "99999999999999999999", "18446744073709551615h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_known_in_either_case() {
        assert_eq!(parse_status("running"), Ok(JobStatus::Running));
        assert!(parse_status("done").is_err_and(|hint| hint.contains("COMPLETED")));
        assert_eq!(parse_level("Warn"), Ok(LogLevel::Warn));
        assert!(parse_level("trace").is_err());
    }

    #[test]
    fn a_job_id_is_a_whole_one() {
        assert!(parse_job_id("01890a5d-ac96-774b-bcce-b302099a8057").is_ok());
        for text in ["", "01890a5d", "job-1", "../../x"] {
            assert!(parse_job_id(text).is_err_and(|hint| hint.contains("etlplus jobs")), "{text}");
        }
    }
}
