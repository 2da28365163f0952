//! What the job manager is told once.

use std::ffi::OsString;
use std::path::PathBuf;

/// How the manager works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where attempt directories and the jobs' copies of reject files are; the manager owns it.
    pub folder: PathBuf,
    /// Jobs that run at the same time.
    pub max_concurrent_jobs: usize,
    /// Jobs that may wait for a place. A submit beyond it is refused.
    pub max_queued_jobs: usize,
    /// Bytes of log that an attempt may spool. What it says beyond is left out, and one line says how much.
    pub log_max_bytes: u64,
    /// How a runner is started.
    pub runner: RunnerProgram,
}

/// The program that runs attempts: it calls [`crate::runner::run`].
#[derive(Debug, Clone)]
pub struct RunnerProgram {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}
