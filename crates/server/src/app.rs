//! What every request can reach.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_bus::Bus;
use etlplus_core::ports::{AlertChannels, Alerts, Clock, History, LiveSettings, Pipelines, Versioned};
use etlplus_jobs::Jobs;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::access::{Attempts, Rate, Tickets, TokenBook};
use crate::live::{ConnectionCount, Live};
use crate::problem::{Refusal, item};
use crate::serve::{Lifecycle, MetricsText};

pub(crate) struct App {
    pub(crate) history: Arc<dyn History>,
    pub(crate) pipelines: Arc<dyn Pipelines>,
    pub(crate) alerts: Arc<dyn Alerts>,
    pub(crate) channels: Arc<dyn AlertChannels>,
    pub(crate) settings: Arc<dyn LiveSettings>,
    pub(crate) jobs: Jobs,
    pub(crate) bus: Bus,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: Live,
    pub(crate) book: Arc<TokenBook>,
    pub(crate) tickets: Tickets,
    pub(crate) attempts: Attempts,
    /// WebSockets whose client has not said yet who it is.
    pub(crate) unauthenticated: ConnectionCount,
    pub(crate) rate: Rate,
    pub(crate) metrics_text: MetricsText,
    pub(crate) version: &'static str,
    pub(crate) began: Began,
    pub(crate) lifecycle: Lifecycle,
    /// What goes on beside requests: WebSockets, streams of logs, and changes that outlive who asked for them.
    pub(crate) tasks: TaskTracker,
}

/// When the server was started, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began {
    pub(crate) wall: DateTime<Utc>,
    pub(crate) monotonic: Duration,
}

impl App {
    /// The settings that hold now.
    pub(crate) fn settings(&self) -> Arc<Versioned> {
        self.settings.current()
    }

    /// Does `work` to its end: where a client goes away, its request is dropped at whatever it waits for, and what is
    /// recorded by then must be known to the server all the same. The end of the server waits for it.
    ///
    /// # Errors
    /// Where it panicked.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.tasks.spawn(work.in_current_span()).await.map_err(|_| Refusal::internal())
    }
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
