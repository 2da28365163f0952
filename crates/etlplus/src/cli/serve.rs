//! Arguments of the server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser};

/// The text behind `etlplus serve --help`.
pub(crate) const SERVE_HELP: &str = "\
Open the printed address in a browser to watch. `etlplus submit FILE` hands it a job from the same machine.

Jobs that were accepted are kept in the data folder: after a crash or a restart, the next server takes each of them up
again, or says why it failed. Each attempt of a job is a process of its own. Ctrl-C ends the server and its runners; jobs
that ran begin anew with the next one.

Examples:
  etlplus serve
  etlplus serve --data /var/lib/etlplus --max-concurrent-jobs 8
  etlplus serve --listen 127.0.0.1:0              take any free port; stdout says which

The address is printed on stdout, the log on stderr. ETLPLUS_LOG sets what is logged, such as `debug` or
`etlplus_jobs=debug`.";

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where jobs, logs and pipelines are kept
    #[arg(long, value_name = "FOLDER", default_value = "etlplus-data")]
    pub(crate) data: PathBuf,
    /// The address to listen on; a loopback one, since whoever reaches it can run jobs
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Jobs that run at the same time [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) max_concurrent_jobs: Option<u16>,
    /// Jobs that may wait for a place
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_queued_jobs: u32,
    /// Connections that may watch at once
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) max_connections: u32,
    /// MiB of log that one attempt of a job may say; one line tells how much was left out
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) log_max_mib: u64,
}

impl ServeArgs {
    /// A server over `data` that listens on `listen`, with all else as it is by default.
    pub(crate) fn of(data: PathBuf, listen: SocketAddr) -> Self {
        let defaults = Alone::parse_from(["serve"]).arguments;
        Self { data, listen, ..defaults }
    }
}

/// The arguments by themselves, which knows their defaults.
#[derive(Parser)]
struct Alone {
    #[command(flatten)]
    arguments: ServeArgs,
}
