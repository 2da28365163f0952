//! The signals that end the server.

use etlplus_core::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the server. They are heard from its first moment on: one that came before would end it at once,
/// and its runners without a word.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Hears them from now on.
    ///
    /// # Errors
    /// Where the system refuses a handler.
    pub(super) fn install() -> Result<Self, Failure> {
        let refused = |error| Failure::bug(format!("the system refuses a signal handler: {error}"));
        let interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate()).map_err(refused)? })
    }

    /// Waits for the next, and gives its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
