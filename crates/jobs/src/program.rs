//! Starting a runner process.

use std::ffi::OsString;
use std::process::Stdio;

use etlplus_core::Failure;
use etlplus_core::pipeline;
use etlplus_core::settings::SecretRef;
use rustix::io::Errno;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Duration, timeout};

use crate::options::RunnerProgram;
use crate::protocol::{self, FrameError, FrameReader, FromRunner, Hello, Task, ToRunner};

/// How long a runner may take to say who it is and to take its task: it does so before anything else.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// The variables of the server's environment that a runner is given, and no other: the server's settings stand there with
/// its secrets, and a pipeline may read any file that its runner can, its own environment among them.
const ENVIRONMENT: [&str; 8] = [
    // Where the runner's program is looked for, if it has no path, and what it starts.
    "PATH",
    // Where the user's own files are, for libraries that look there.
    "HOME",
    // Where temporary files are; whoever runs the server chose a disk for them.
    "TMPDIR",
    // The local time and language of what the runner and the system's libraries say.
    "TZ",
    "LANG",
    // What a report of a defect needs.
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    // Where the system's libraries are, on a machine where that was set: without it no runner would start.
    "LD_LIBRARY_PATH",
];
/// Variables that begin so belong to the language, too.
const LOCALE: &str = "LC_";

/// What of the server's environment a runner is given.
fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    let is_given =
        |name: &OsString| name.to_str().is_some_and(|name| ENVIRONMENT.contains(&name) || name.starts_with(LOCALE));
    std::env::vars_os().filter(move |(name, _)| is_given(name))
}

/// The variables that the pipeline `text` names as secrets, as the server has them: its runner needs them, and no other
/// runner gets them. One that the server lacks is left out; the runner then says which.
pub(crate) fn secrets(text: &str) -> Vec<(OsString, OsString)> {
    let Ok(pipeline) = pipeline::parse(text) else { return Vec::new() };
    let names = pipeline.secrets().filter_map(|secret| match secret {
        SecretRef::Env(name) => Some(OsString::from(name)),
        SecretRef::File(_) => None,
    });
    names.filter_map(|name| std::env::var_os(&name).map(|value| (name, value))).collect()
}

/// The code of the failure of an attempt that the server had no means to begin, for now.
pub(crate) const SERVER_SHORT: &str = "server_short";

/// Whether the system lacks what it may have again in a moment: processes, open files, memory.
pub(crate) fn is_shortage(error: &std::io::Error) -> bool {
    const SHORTAGES: [Errno; 4] = [Errno::AGAIN, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| SHORTAGES.contains(&Errno::from_raw_os_error(code)))
}

/// A runner that was given its task.
#[derive(Debug)]
pub(crate) struct Runner {
    /// The process.
    pub(crate) child: Child,
    /// Where the supervisor speaks; its end tells the runner that the server is gone.
    input: Option<ChildStdin>,
    /// Where the runner speaks.
    pub(crate) output: FrameReader<ChildStdout>,
}

impl Runner {
    /// Starts a runner as the leader of a process group of its own, so that what it starts ends with it and a signal to
    /// the server's group does not reach it. Of the server's environment it has what [`ENVIRONMENT`] names, and `secrets`.
    ///
    /// # Errors
    /// Where the system refuses the process.
    pub(crate) fn spawn(
        program: &RunnerProgram,
        secrets: Vec<(OsString, OsString)>,
        stderr: Stdio,
        kill_on_drop: bool,
    ) -> Result<Self, Failure> {
        let RunnerProgram { program, arguments } = program;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).process_group(0);
        command.env_clear().envs(environment()).envs(secrets);
        command.kill_on_drop(kill_on_drop);
        let failed = |error: std::io::Error| {
            let message = format!("cannot start the runner {}: {error}", program.display());
            let code = if is_shortage(&error) { SERVER_SHORT } else { "runner_not_started" };
            Failure::transient(code, message, "look at the limits of processes, memory and open files")
        };
        let mut child = command.spawn().map_err(failed)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self { child, input: Some(input), output: FrameReader::new(output) }),
            _ => Err(Failure::bug("a runner was started without pipes")),
        }
    }

    /// Hears the runner's greeting, then gives it its task.
    ///
    /// # Errors
    /// Where it says something else, or nothing for too long. It is to be killed then.
    pub(crate) async fn greet(&mut self, task: Task) -> Result<(), Failure> {
        let silent = |_| Err(nonsense(&format!("it did not take its task within {} s", GREETING_TIMEOUT.as_secs())));
        timeout(GREETING_TIMEOUT, self.exchange(task)).await.unwrap_or_else(silent)
    }

    async fn exchange(&mut self, task: Task) -> Result<(), Failure> {
        match self.output.next::<FromRunner>().await {
            Ok(Some(FromRunner::Hello(hello))) if hello == Hello::ours() => {}
            Ok(Some(other)) => return Err(nonsense(&format!("it began with {:.200}", format!("{other:?}")))),
            Ok(None) => return Err(nonsense("it ended before it said who it is")),
            Err(error) => return Err(nonsense(&error.to_string())),
        }
        self.say(&ToRunner::Task(task)).await.map_err(|error| nonsense(&error.to_string()))
    }

    /// Says something to the runner.
    ///
    /// # Errors
    /// Where it does not hear any more.
    pub(crate) async fn say(&mut self, message: &ToRunner) -> Result<(), FrameError> {
        match &mut self.input {
            Some(input) => protocol::write(input, message).await,
            None => Err(FrameError::Pipe(std::io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Tells the runner that its server is gone.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Ends the runner and all that it started, at once.
    pub(crate) fn kill(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

/// A runner that does not speak the protocol.
pub(crate) fn nonsense(what: &str) -> Failure {
    Failure::new(
        etlplus_core::FailureKind::Bug,
        "runner_protocol",
        format!("the runner does not speak as it should: {what}"),
        "see that the program was not replaced while the server runs, and start the server again",
    )
}
