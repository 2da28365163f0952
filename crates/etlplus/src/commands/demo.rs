//! `etlplus demo`: sample data, and five pipelines that run on it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use etlplus_api::SubmitJob;
use etlplus_client::{Client, JobQuery};
use etlplus_core::Failure;
use etlplus_core::ports::Executor;
use etlplus_core::progress::grouped;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::load::TextFile;
use super::{remote, run};
use crate::cli::serve::ServeArgs;
use crate::cli::{DemoArgs, JobArgs, RunArgs};
use crate::demo::{self, Options};
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::{output, server};

/// The time between two submits: slow enough to follow with the eye.
const PACE: Duration = Duration::from_secs(2);
/// No job is submitted while so many have not ended.
const ACTIVE_MAX: usize = 4;

/// Makes the sample data and runs the pipelines.
pub(super) fn execute(executor: &dyn Executor, arguments: &DemoArgs) -> Result<Exit, Failure> {
    let options = Options { folder: arguments.folder.clone(), rows: arguments.rows, seed: arguments.seed };
    if !arguments.data_only && !arguments.once {
        // The server comes first: where another demo runs on the folder, this one must not write over its data.
        let listen = free(arguments.listen);
        let serve_arguments = ServeArgs::of(options.folder.join("server"), listen);
        return server::run(&serve_arguments, async |address| {
            let files = spawn_blocking(move || write(&options)).await.map_err(|_| panicked())??;
            submit_in_turn(&address, &files).await
        });
    }
    write(&options)?;
    match arguments.once {
        true => run_once(executor, &options.folder),
        false => Ok(Exit::Done),
    }
}

fn write(options: &Options) -> Result<Vec<PathBuf>, Failure> {
    output::talk(&format!(
        "writing {} orders and what goes with them to {}",
        grouped(options.rows),
        options.folder.display()
    ));
    demo::write(options, &mut |text| output::talk(text))
}

fn panicked() -> Failure {
    Failure::bug("the writing of the sample data panicked")
}

fn run_once(executor: &dyn Executor, folder: &Path) -> Result<Exit, Failure> {
    let interrupts = Interrupts::install()?;
    let mut run_pipeline = |file: &Path| {
        let arguments = RunArgs { job: JobArgs::of(file.to_owned()), quiet: false };
        let exit = run::run(executor, &arguments, &interrupts).unwrap_or_else(|failure| {
            output::error(&failure);
            Exit::Error
        });
        exit as u8
    };
    let is_as_expected = demo::run_each(folder, &mut run_pipeline, &mut |text| output::talk(text));
    Ok(if is_as_expected { Exit::Done } else { Exit::Error })
}

/// `wanted`, or the same address with any free port where that one is in use: a demo should not fail for that.
fn free(wanted: SocketAddr) -> SocketAddr {
    match TcpListener::bind(wanted) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            output::talk(&format!("{wanted} is in use, so the demo takes another port"));
            SocketAddr::new(wanted.ip(), 0)
        }
        _ => wanted,
    }
}

/// Submits the pipelines one after another, again and again.
async fn submit_in_turn(address: &str, files: &[PathBuf]) -> Result<(), Failure> {
    let client = Client::new(address).map_err(remote::failure)?;
    output::data(&format!("{address}\n"))?;
    output::talk(&format!(
        "Open it in a browser to watch. `etlplus watch --server {address}` shows the same in another terminal. Ctrl-C ends \
         the demo."
    ));
    loop {
        for file in files {
            let job = SubmitJob {
                definition: Some(TextFile::read(file, "pipeline file")?.text),
                folder: Some(remote::absolute_folder(file)?),
                ..SubmitJob::default()
            };
            client.submit(&job).await.map_err(remote::failure)?;
            sleep(PACE).await;
            while active(&client).await? >= ACTIVE_MAX {
                sleep(PACE).await;
            }
        }
    }
}

async fn active(client: &Client) -> Result<usize, Failure> {
    let statuses = vec![etlplus_api::JobStatus::Pending, etlplus_api::JobStatus::Running];
    let query = JobQuery { statuses, ..JobQuery::default() };
    Ok(client.jobs(&query).await.map_err(remote::failure)?.jobs.len())
}
