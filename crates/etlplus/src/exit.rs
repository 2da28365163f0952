//! What the program's exit code says.

/// How a command that could do its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All went well.
    Done = 0,
    /// There are mistakes in a file, or a test differs. Also where a command could not do its work.
    Error = 1,
    /// The job failed or was cancelled.
    JobFailed = 3,
}

/// Stopped by a second signal: 128 and the number of SIGINT, as shells count.
pub(crate) const INTERRUPTED: i32 = 130;

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
