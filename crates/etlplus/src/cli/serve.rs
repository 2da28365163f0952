//! Arguments of the server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// The text behind `etlplus serve --help`.
pub(crate) const SERVE_HELP: &str = "\
Open the printed address in a browser to watch. `etlplus submit FILE` hands it a job from the same machine.

Jobs that were accepted are kept in the data folder: after a crash or a restart, the next server takes each of them up
again, or says why it failed. Each attempt of a job is a process of its own. Ctrl-C ends the server and its runners; jobs
that ran begin anew with the next one.

Examples:
  etlplus serve
  etlplus serve --config etlplus.yaml             settings in a file; `etlplus config check` looks at it first
  etlplus serve --data /var/lib/etlplus --max-concurrent-jobs 8
  etlplus serve --listen 127.0.0.1:0              take any free port; stdout says which

Where others can reach the address, everybody needs a token; the first is shown when the server first starts.

The address is printed on stdout, the log on stderr. ETLPLUS_LOG sets what is logged, such as `debug` or
`etlplus_jobs=debug`.";

/// Arguments of `serve`. What is not given is as the settings say.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// A settings file: .yaml, .json or .toml [env: ETLPLUS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where jobs, logs and pipelines are kept [default: etlplus-data]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// The address to listen on; on any that is not loopback, everybody needs a token [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Jobs that run at the same time [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) max_concurrent_jobs: Option<u16>,
    /// Jobs that may wait for a place [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_queued_jobs: Option<u32>,
    /// Connections that may watch at once [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) max_connections: Option<u32>,
    /// MiB of log that one attempt of a job may say; one line tells how much was left out [default: 64]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) log_max_mib: Option<u64>,
}

impl ServeArgs {
    /// A server over `data` that listens on `listen`, with all else as it is by default.
    pub(crate) fn of(data: PathBuf, listen: SocketAddr) -> Self {
        Self { data: Some(data), listen: Some(listen), ..Self::default() }
    }

    /// The settings that are given, each by its key. A name that is no UTF-8 is refused by whoever uses it.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("server.data", self.data.as_ref().map(|data| data.to_string_lossy().into_owned())),
            ("server.listen", self.listen.map(|listen| listen.to_string())),
            ("jobs.max_concurrent_jobs", self.max_concurrent_jobs.map(|max| max.to_string())),
            ("jobs.max_queued_jobs", self.max_queued_jobs.map(|max| max.to_string())),
            ("monitoring.websocket.max_connections", self.max_connections.map(|max| max.to_string())),
            ("jobs.log_max_bytes", self.log_max_mib.map(|mib| format!("{mib}MiB"))),
        ];
        given.into_iter().filter_map(|(key, text)| Some((key, text?))).collect()
    }
}
