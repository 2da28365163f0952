//! The engine, as its callers see it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::log::{Fields, LogLevel, LogSink, Said};
use crate::mistake::Mistake;
use crate::pipeline::JobSpec;
use crate::ports::RunPlan;
use crate::progress::{Counters, Progress};
use crate::reject::{Reject, RejectSummary};

/// Runs jobs. Calls block; a caller that must not block gives them a thread.
pub trait Executor: Send + Sync {
    /// Everything about `job` that can be known to be wrong before a row is read: files that are missing, headers that
    /// lack a column, SQL that does not plan, lookups that lead in a circle. Empty: it can run.
    fn check(&self, job: &JobSpec) -> Vec<Mistake>;

    /// The first `rows` rows after each stage, in the order of the stages; nothing is written.
    fn preview(&self, job: &JobSpec, rows: usize, control: &Arc<Control>) -> Result<Vec<StagePreview>, Failure>;

    /// What a run of `job` would do; nothing is written.
    ///
    /// # Errors
    /// Where source or target cannot be looked at. Call [`Executor::check`] first for every mistake at once.
    fn plan(&self, job: &JobSpec) -> Result<RunPlan, Failure>;

    /// Runs `job` to its end. The target is replaced as a whole, or left as it was.
    fn run(&self, job: &JobSpec, control: &Arc<Control>) -> RunReport;
}

/// What passes between a running job and the rest of the program.
#[derive(Default)]
pub struct Control {
    /// Written by the engine, read by whoever shows progress.
    pub counters: Counters,
    cancelled: AtomicBool,
    paused: AtomicBool,
    rejects: Mutex<Arc<[RejectSummary]>>,
    log: Option<Arc<dyn LogSink>>,
    reject_copy: Option<PathBuf>,
}

impl Control {
    /// One whose job says what it does to `log`.
    pub fn with_log(log: Arc<dyn LogSink>) -> Self {
        Self { log: Some(log), ..Self::default() }
    }

    /// The same, whose job leaves a second name, or a copy, of its reject file at `path` if it rejects anything. The file at
    /// the pipeline's own path is replaced by the next job, which may run at the same time.
    pub fn keeping_rejects(self, path: PathBuf) -> Self {
        Self { reject_copy: Some(path), ..self }
    }

    /// Where the job's own reject file is wanted, if it is.
    pub fn reject_copy(&self) -> Option<&Path> {
        self.reject_copy.as_deref()
    }

    /// Asks the job to stop. It does so within a batch and leaves its target untouched.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the job was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Asks the job to hold still between two batches. It keeps what it has: rows, memory, temporary files.
    pub fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    /// Lets a job that holds still go on.
    pub fn resume(&self) {
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Whether the job is to hold still. One that was asked to stop is not: it could not stop otherwise.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed) && !self.is_cancelled()
    }

    /// Says a line of log where somebody listens at `level`; otherwise `message` is not even made. The line has the stage
    /// that the job has come to as its step.
    pub fn say(&self, level: LogLevel, message: impl FnOnce() -> String) {
        self.say_with(level, || (message(), Fields::new()));
    }

    /// The same, of a line that also says in parts what it says.
    pub fn say_with(&self, level: LogLevel, line: impl FnOnce() -> (String, Fields)) {
        if let Some(log) = self.log.as_deref().filter(|log| log.level() <= level) {
            let (message, fields) = line();
            log.say(Said { level, step: Some(self.counters.stage().as_str()), message, fields });
        }
    }

    /// The rules that were broken so far, as the engine last told them.
    pub fn rejects(&self) -> Arc<[RejectSummary]> {
        self.rejects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells the rules that were broken so far.
    pub fn set_rejects(&self, summaries: Vec<RejectSummary>) {
        *self.rejects.lock().unwrap_or_else(PoisonError::into_inner) = summaries.into();
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counters, cancelled, paused, .. } = self;
        let mut shown = f.debug_struct("Control");
        shown.field("counters", counters).field("cancelled", cancelled).field("paused", paused).finish_non_exhaustive()
    }
}

/// The first rows after one stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StagePreview {
    /// `input`, or the name of a lookup or a step.
    pub stage: String,
    /// Names and types of the columns, in order.
    pub columns: Vec<(String, String)>,
    /// The rows' values as text; `None` is "no value".
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows among those read so far that were rejected; only the stage `input` has any.
    pub rejects: Vec<Reject>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The target holds the new rows.
    Completed(TargetReport),
    /// The target is as it was.
    Failed(Failure),
    /// Asked to stop; the target is as it was.
    Cancelled,
}

/// What a completed job wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetReport {
    /// Where the rows are: a file, a folder, or a database and a table.
    #[serde(alias = "path")]
    pub location: String,
    /// The rows that the job loaded.
    pub rows: u64,
    /// The size of the files that it wrote; `None` where a database keeps that to itself.
    pub bytes: Option<u64>,
}

/// What became of a job, with its counts whichever way it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// How it ended.
    pub outcome: Outcome,
    /// The last reading of its counters.
    pub progress: Progress,
    /// Every (field, rule) that was broken, by falling count.
    pub rejects: Vec<RejectSummary>,
    /// The reject file, where one was written: always when completed or failed after the first row, never when cancelled.
    pub reject_file: Option<PathBuf>,
}
