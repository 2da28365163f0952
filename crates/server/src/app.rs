//! What every request can reach.

use std::path::Path;
use std::sync::Arc;

use etlplus_bus::Bus;
use etlplus_core::ports::{Clock, History, Pipelines};
use etlplus_jobs::Jobs;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::live::Live;
use crate::options::Options;
use crate::problem::{Refusal, item};

pub(crate) struct App {
    pub(crate) history: Arc<dyn History>,
    pub(crate) pipelines: Arc<dyn Pipelines>,
    pub(crate) jobs: Jobs,
    pub(crate) bus: Bus,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: Live,
    /// The options that hold. Whoever changes them keeps the lock until they are in force.
    pub(crate) options: Mutex<Options>,
    /// The port of the listener.
    pub(crate) port: u16,
    pub(crate) shutdown: CancellationToken,
    /// What goes on beside requests: WebSockets and streams of logs.
    pub(crate) tasks: TaskTracker,
}

/// A folder of a body: absolute, because the server's own folder means nothing to a client.
pub(crate) fn check_folder(folder: &str) -> Result<&Path, Refusal> {
    let path = Path::new(folder);
    if path.is_absolute() && !folder.contains('\0') {
        return Ok(path);
    }
    let message = "is no absolute path";
    let remedy = "give the folder on the server at which the pipeline's relative paths start";
    Err(Refusal::unfit(vec![item("folder", message, remedy)]))
}
