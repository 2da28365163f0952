//! Arguments of the commands about reject files.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{JobArgs, OutputFormat};

const INSPECT_HELP: &str = "\
How often each rule was broken, with samples, and then the rows. The file may be NDJSON, CSV or Parquet, whatever it is
called.

Examples:
  etlplus rejects inspect out/orders.csv.rejects.ndjson
  etlplus rejects inspect out/orders.csv.rejects.ndjson --rule type --field amount --limit 5
  etlplus rejects inspect out/orders.csv.rejects.ndjson --output json | jq -r '.rows[].raw'";

const REPLAY_HELP: &str = "\
Correct `raw` of each row in the reject file (it is the row as it stood in the source; rows that are not wanted can be
taken out) and load the file with the pipeline that wrote it: the same schema, checks and transforms, the same target. Its
rows are added to those that are there, or replace those of the same key where the mode is upsert. Rows that fail again go
to a new file, FILE with `.again` before its ending; correct and replay that one next. The same file is loaded once, however
often it is replayed. The source itself is not read, and limits on rejects do not apply.

The target has to be a table or a folder. A target that is one file is replaced as a whole: correct the source and run
again. Where the target's path or the SQL has parameters or $as_of, give the values of the run before.

Examples:
  etlplus rejects replay orders.yaml orders.rejects.ndjson --dry-run    say what would be loaded
  etlplus rejects replay orders.yaml orders.rejects.ndjson
  etlplus rejects replay orders.yaml orders.rejects.again.ndjson

Exit codes: 0 completed, 1 mistakes in the file or an error before the job starts, 3 the job failed or was cancelled.";

/// What can be done with a reject file.
#[derive(Debug, Subcommand)]
pub(crate) enum RejectsCommand {
    /// Show what is in a reject file
    #[command(after_help = INSPECT_HELP)]
    Inspect(InspectArgs),
    /// Load the corrected rows of a reject file
    #[command(after_help = REPLAY_HELP)]
    Replay(ReplayArgs),
}

/// Arguments of `rejects inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The reject file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only rows that broke this rule
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// Only rows that broke a rule of this field
    #[arg(long, value_name = "FIELD")]
    pub(crate) field: Option<String>,
    /// How many rows at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: OutputFormat,
}

/// Arguments of `rejects replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// The reject file, corrected
    #[arg(value_name = "REJECTS")]
    pub(crate) rejects: PathBuf,
    /// Check every row, say how many would be loaded, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// No progress and no summary; errors only
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
