//! What the job manager works with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::ports::{Clock, History, Ledger, Pipelines, Reading, Retention, Schedules, Versioned};
use etlplus_core::settings::Settings;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::attempt::AttemptFolder;
use crate::options::Options;

/// What the job manager is given once, by whoever puts the program together.
pub struct Parts {
    /// What does not change.
    pub options: Options,
    /// The settings that hold. A change takes effect at once.
    pub settings: watch::Receiver<Arc<Versioned>>,
    /// Where everything is recorded.
    pub ledger: Arc<dyn Ledger>,
    /// Where it is read.
    pub history: Arc<dyn History>,
    /// The pipelines whose schedules are followed.
    pub pipelines: Arc<dyn Pipelines>,
    /// How far they were followed.
    pub schedules: Arc<dyn Schedules>,
    /// What forgets.
    pub retention: Arc<dyn Retention>,
    /// The time. The wall clock says when a schedule and a delay are due; everything else is measured by the other one.
    pub clock: Arc<dyn Clock>,
    /// Takes the readings of running attempts.
    pub readings: mpsc::Sender<Reading>,
    /// The server's end.
    pub shutdown: CancellationToken,
}

/// One moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The time of day, which can be set.
    pub(crate) wall: DateTime<Utc>,
    /// The time that never goes back.
    pub(crate) monotonic: Duration,
}

impl Parts {
    /// The directory of an attempt.
    pub(crate) fn folder(&self, job: JobId, attempt: AttemptNumber) -> AttemptFolder {
        AttemptFolder::of(&self.options.folder, job, attempt)
    }

    /// An attempt's own copy of its reject file.
    pub(crate) fn reject_copy(&self, job: JobId, attempt: AttemptNumber) -> PathBuf {
        self.rejects().join(format!("{job}.{attempt}.ndjson"))
    }

    /// Where the jobs' own copies of their reject files are.
    pub(crate) fn rejects(&self) -> PathBuf {
        self.options.folder.join("rejects")
    }

    /// Now.
    pub(crate) fn moment(&self) -> Moment {
        Moment { wall: self.clock.now(), monotonic: self.clock.monotonic() }
    }

    /// What `read` says of the settings that hold now.
    pub(crate) fn setting<T>(&self, read: impl FnOnce(&Settings) -> T) -> T {
        read(&self.settings.borrow().values)
    }
}
