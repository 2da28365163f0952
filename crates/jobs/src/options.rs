//! What the job manager is told once.

use std::ffi::OsString;
use std::path::PathBuf;

/// What does not change while the manager works. The rest is in the settings.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where attempt directories and the jobs' copies of reject files are; the manager owns it.
    pub folder: PathBuf,
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
