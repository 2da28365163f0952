//! What can be typed: commands, arguments and the texts of `--help`.

pub(crate) mod rejects;
pub(crate) mod remote;
pub(crate) mod serve;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use etlplus_core::pipeline::AS_OF;
use etlplus_core::value::parse_timestamptz;

use remote::RemoteCommand;
use serve::{SERVE_HELP, ServeArgs};

const TOP_HELP: &str = "\
First steps:
  etlplus init data/orders.csv -o orders.yaml   write a pipeline for a file that you have
  etlplus validate orders.yaml                  name every mistake in it at once
  etlplus preview orders.yaml                   look at its first rows, stage by stage
  etlplus plan orders.yaml                      see what a run would do
  etlplus run orders.yaml                       move the rows
  etlplus rejects inspect, rejects replay FILE  look at what was rejected, and load it once it is corrected

Or `etlplus demo`, which makes data with every kind of dirt, and a server that runs five pipelines on it.

With a server:
  etlplus submit orders.yaml                    hand it a job, and print the job's id
  etlplus watch                                 watch its jobs while they run
  etlplus jobs, job ID, logs ID, rejects ID     look at what became of them
  etlplus cancel, pause, resume, retry ID       hold a job, let it go, or try it again
  etlplus status, alerts, connections           look at the server itself
  etlplus config, token                         change its settings, and who may use it

Data goes to stdout, everything else to stderr. Colours are off where NO_COLOR is set.

Exit codes: 0 done, 1 an error or mistakes in a file, 2 wrong usage, 3 the job failed or was cancelled.";

const VALIDATE_HELP: &str = "\
The file's keys, types, rules, parameters and paths are checked first. If they are right and every parameter has a
value, the source's header, the lookups and the SQL are checked against each other as well. No row is loaded.

Examples:
  etlplus validate orders.yaml
  etlplus validate orders.yaml --set country=DE --as-of 2026-01-31T00:00:00Z
  etlplus validate orders.yaml --output json | jq '.mistakes[].key'

Exit codes: 0 no mistakes, 1 mistakes or no such file.";

const SCHEMA_HELP: &str = "\
Editors complete and check pipeline files with it. With the YAML language server:

  etlplus schema > etlplus.schema.json
  and as the first line of a pipeline file:  # yaml-language-server: $schema=etlplus.schema.json";

const PREVIEW_HELP: &str = "\
Shows `input` (the rows that passed the schema's checks), each lookup, and the rows after each SQL step. Rows that were
rejected on the way are listed with their reasons. Nothing is written.

Examples:
  etlplus preview orders.yaml --rows 5
  etlplus preview orders.yaml --output json | jq '.stages[-1].rows'";

const PLAN_HELP: &str = "\
Tells the values of parameters, where rows come from and where they go, the interval of an incremental load, and each
column with its type: in the rows, and in the target that is there or would be made. Passwords are shown as the
references that they are. Source and target are looked at; nothing is written, and no row is read.

Examples:
  etlplus plan orders.yaml
  etlplus plan orders.yaml --output json | jq .target.columns

Exit codes: 0 it can run, 1 mistakes in the file, or rows that the target cannot take.";

const INIT_HELP: &str = "\
The types are inferred from the first rows of the file (CSV, NDJSON or Parquet). The pipeline is commented, passes
`etlplus validate`, and is meant to be edited: tighten the rules, add SQL steps, choose the target.

Examples:
  etlplus init data/orders.csv                  print it
  etlplus init data/orders.csv -o orders.yaml   write it";

const RUN_HELP: &str = "\
The target file is replaced as a whole when all went well, or left as it was. Rows that break the schema go to the
reject file. Ctrl-C cancels; pressed again, it stops at once.

Examples:
  etlplus run orders.yaml
  etlplus run orders.yaml --set country=DE --set min_amount=10
  etlplus run orders.yaml --as-of 2026-01-31T00:00:00Z    run as if it were then
  etlplus run orders.yaml --quiet --output json | jq .recordsProcessed

Exit codes: 0 completed, 1 mistakes in the file or an error before the job starts, 3 the job failed or was cancelled.";

const TEST_HELP: &str = "\
The cases stand beside the pipeline: those of orders.yaml in orders.test.yaml. Each gives the source's text and says
which rows and rejects must come out:

  cases:
    - name: keeps paid orders
      parameters: { country: DE }       # optional
      as_of: 2026-01-01T00:00:00Z       # optional; now if left out
      input: |                          # in the source's format; NDJSON for a Parquet source
        order_id,amount
        1,10.00
        2,ten
      lookups:                          # optional; a lookup that is left out is read from its file
        countries: |
          code,name
          DE,Germany
      rows: |                           # NDJSON; in any order, unless `ordered: true`
        {\"order_id\": 1, \"amount\": 10.00}
      rejects:                          # none, if left out
        - { line: 3, field: amount, rule: type }

The pipeline's limits on rejects do not apply, and its target is not touched.

Exit codes: 0 all cases pass, 1 differences, or mistakes in a file.";

const DEMO_HELP: &str = "\
The five: a clean load, a dirty load with rejects, an aggregate with lookups, one that fails for a clear reason, and one
that is long enough to watch. They are submitted to a server again and again, until Ctrl-C; open the printed address to
watch them. The same seed makes the same bytes. Read the pipelines afterwards: they are commented.

Examples:
  etlplus demo
  etlplus demo --once                             run each once, here in the terminal, without a server
  etlplus demo --folder /tmp/demo --rows 5000000 --data-only";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "etlplus", version, about = "Moves rows from files to files, and says truthfully what became of each", after_help = TOP_HELP)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Name every mistake in a pipeline file at once
    #[command(after_help = VALIDATE_HELP)]
    Validate(JobArgs),
    /// Print the JSON Schema of pipeline files, for editors
    #[command(after_help = SCHEMA_HELP)]
    Schema,
    /// Show the first rows after each stage of a pipeline
    #[command(after_help = PREVIEW_HELP)]
    Preview(PreviewArgs),
    /// Say what a run would do, and do nothing
    #[command(after_help = PLAN_HELP)]
    Plan(JobArgs),
    /// Write a pipeline for a data file, to start from
    #[command(after_help = INIT_HELP)]
    Init(InitArgs),
    /// Run a pipeline
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Test a pipeline with the cases beside it
    #[command(after_help = TEST_HELP)]
    Test(TestArgs),
    /// Make sample data, and a server that runs five pipelines on it again and again
    #[command(after_help = DEMO_HELP)]
    Demo(DemoArgs),
    /// Run the server, which runs jobs and shows them live
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    #[command(flatten)]
    Remote(RemoteCommand),
    /// The body of an attempt's process; a server starts it
    #[command(hide = true)]
    Runner,
}

/// How a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    Text,
    /// For programs: one JSON object on stdout
    Json,
}

/// A pipeline and what a job of it is made with.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The pipeline file (YAML or JSON)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Give a parameter its value (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    settings: Vec<(String, String)>,
    /// The run clock, which SQL and paths see as $as_of [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_as_of)]
    pub(crate) as_of: Option<DateTime<Utc>>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: OutputFormat,
}

/// Arguments of `preview`.
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// How many rows of each stage
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rows: u16,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The CSV, NDJSON or Parquet file
    #[arg(value_name = "DATAFILE")]
    pub(crate) data_file: PathBuf,
    /// Where to write the pipeline [default: stdout]
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "output_file")]
    pub(crate) force: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// No progress and no summary; errors only
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The file with the cases [default: FILE with .test.yaml for its ending]
    #[arg(long, value_name = "FILE")]
    pub(crate) cases: Option<PathBuf>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: OutputFormat,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where to write data and pipelines
    #[arg(long, value_name = "FOLDER", default_value = "demo")]
    pub(crate) folder: PathBuf,
    /// How many orders
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows: u64,
    /// What the data is made from
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(crate) seed: u64,
    /// Write data and pipelines, and run nothing
    #[arg(long)]
    pub(crate) data_only: bool,
    /// Run each pipeline once, without a server
    #[arg(long, conflicts_with = "data_only")]
    pub(crate) once: bool,
    /// Where the server listens; another port is taken where that one is in use
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
}

impl JobArgs {
    /// The arguments to run `file` as it is, for people.
    pub(crate) fn of(file: PathBuf) -> Self {
        Self { file, settings: Vec::new(), as_of: None, output: OutputFormat::Text }
    }

    /// The parameters' texts by name. Ends the program with a usage error if one is given twice, since either of the two
    /// could be meant.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        settings(&self.settings)
    }
}

fn settings(given: &[(String, String)]) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for (name, value) in given {
        if settings.insert(name.clone(), value.clone()).is_some() {
            let message = format!("the parameter {name} is set twice");
            Cli::command().error(ErrorKind::ArgumentConflict, message).exit();
        }
    }
    settings
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        None | Some(("", _)) => Err("write NAME=VALUE, such as country=DE".to_owned()),
        Some((AS_OF, _)) => Err(format!("{AS_OF} is the run clock: give it with --as-of")),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
    }
}

fn parse_as_of(text: &str) -> Result<DateTime<Utc>, String> {
    parse_timestamptz(text.as_bytes()).map_err(|error| format!("{error}; write a time such as 2026-01-31T00:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_setting_keeps_every_equals_sign_after_the_first() {
        assert_eq!(parse_setting("filter=a=b"), Ok(("filter".to_owned(), "a=b".to_owned())));
        assert_eq!(parse_setting("empty="), Ok(("empty".to_owned(), String::new())));
        assert!(parse_setting("=x").is_err());
        assert!(parse_setting("x").is_err());
        assert!(parse_setting("as_of=2026-01-01T00:00:00Z").is_err_and(|message| message.contains("--as-of")));
    }

    #[test]
    fn the_run_clock_needs_a_zone() {
        assert!(parse_as_of("2026-01-31T00:00:00Z").is_ok());
        assert!(parse_as_of("2026-01-31T00:00:00").is_err());
        assert!(parse_as_of("2026-01-31").is_err());
    }
}
