//! What an attempt's remains say of its end.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use etlplus_core::log::LogLevel;
use etlplus_core::ports::{LogQuery, LogRange, RunReport};
use etlplus_core::{Failure, Progress};
use tokio::task::spawn_blocking;

use super::{Attempt, AttemptEnd};
use crate::attempt::AttemptFolder;

/// The code of the failure of an attempt that went down with its server, which can be tried again.
pub(crate) const SERVER_STOPPED: &str = "server_stopped";
/// The code of the failure of an attempt whose server was told to end, which is tried again always.
pub(crate) const SERVER_ENDED: &str = "server_ended";
/// What is certain of a target whose attempt left no outcome.
const TARGET: &str = "its target is whole, as it was or replaced";

/// What is known of an attempt that is over. Nothing is, of one of an earlier server.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// How its process ended.
    pub(super) status: Option<ExitStatus>,
    /// Why it was ended, where it did not do as it should.
    pub(super) broken: Option<Failure>,
    /// Its last reading.
    pub(super) progress: Option<Progress>,
    /// What it said of its end, where it could not write that down.
    pub(super) said: Option<RunReport>,
}

/// Last lines that a failure names.
const LAST_LINES: std::num::NonZeroUsize = std::num::NonZeroUsize::new(3).expect("the number is not zero");

impl Attempt {
    /// How the attempt ended: by its outcome file or its word, or by what is known where it left neither.
    pub(super) async fn verdict(&self, folder: &AttemptFolder, remains: Remains) -> AttemptEnd {
        let Remains { status, broken, progress, said } = remains;
        let reading = folder.clone();
        let files =
            spawn_blocking(move || (reading.read_outcome(), reading.stderr_tail(), reading.is_marked_stopped())).await;
        let (outcome, stderr, was_stopped) = files.unwrap_or_else(|error| (Err(error.into()), String::new(), false));
        let mut failure = match (outcome, said, broken) {
            (Ok(Some(report)), _, _) | (_, Some(report), _) => return AttemptEnd::Reported(report),
            (_, None, Some(failure)) => failure,
            (Ok(None), None, None) => match status {
                Some(status) => died(status),
                None => server_gone(was_stopped),
            },
            (Err(error), None, None) => {
                Failure::bug(format!("the outcome of the attempt cannot be read: {error}; {TARGET}"))
            }
        };
        for (what, text) in [("its last lines", self.last_lines().await), ("its standard error", stderr)] {
            if !text.is_empty() {
                failure.message = format!("{}; {what}: {text}", failure.message);
            }
        }
        AttemptEnd::Lost { failure, progress }
    }

    async fn last_lines(&self) -> String {
        let query = LogQuery { job: self.job, min_level: LogLevel::Debug, range: LogRange::Last, limit: LAST_LINES };
        let lines = self.context.history.log(query).await.unwrap_or_default();
        let own = lines.into_iter().filter(|line| line.attempt == self.number);
        own.map(|line| format!("{} {:.200}", line.line.level, line.line.message)).collect::<Vec<_>>().join(" | ")
    }
}

fn server_gone(was_stopped: bool) -> Failure {
    let (code, how) = match was_stopped {
        true => (SERVER_ENDED, "was told to end"),
        false => (SERVER_STOPPED, "stopped"),
    };
    let message = format!("the server {how} while the job ran, and its runner with it; {TARGET}");
    Failure::transient(code, message, "submit the job again")
}

fn died(status: ExitStatus) -> Failure {
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was killed by {}", signal_name(signal)),
        (None, Some(code)) => format!("ended with exit code {code} and without an outcome"),
        (None, None) => "ended without an outcome".to_owned(),
    };
    let remedy = match status.signal() {
        Some(9) => {
            "see who sent the signal; the system kills so when memory runs out (`dmesg`), then lower limits.memory"
        }
        _ => "look at the job's last log lines, then submit it again",
    };
    Failure::transient("runner_died", format!("the runner {how}; {TARGET}"), remedy)
}

/// A signal as people know it (signal(7)).
fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}
