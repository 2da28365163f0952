//! Ctrl-C and SIGTERM: the first asks the running job to stop, the second ends the program at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use etlplus_core::Failure;
use etlplus_core::ports::Control;

use crate::exit;
use crate::output::{stderr_is_terminal, talk};

/// Signals that follow one another faster than this are one wish: timeout(1) and several shells send two.
const SAME_WISH: Duration = Duration::from_millis(500);

/// The program's answer to Ctrl-C. There is one, since a process has one handler for a signal.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    asked_at: Option<Instant>,
    running: Weak<Control>,
}

impl Interrupts {
    /// From now on, the signals arrive here.
    ///
    /// # Errors
    /// Where the system refuses a handler.
    pub(crate) fn install() -> Result<Self, Failure> {
        let interrupts = Self(Arc::default());
        let handler = interrupts.clone();
        ctrlc::set_handler(move || handler.interrupt())
            .map_err(|error| Failure::bug(format!("cannot handle Ctrl-C: {error}")))?;
        Ok(interrupts)
    }

    /// `control` belongs to the job that the next signal stops. After a signal no further job begins: whoever stopped one
    /// of several meant them all.
    pub(crate) fn watch(&self, control: &Arc<Control>) {
        let mut state = self.state();
        if state.asked_at.is_some() {
            std::process::exit(exit::INTERRUPTED);
        }
        state.running = Arc::downgrade(control);
    }

    fn interrupt(&self) {
        let mut state = self.state();
        let running = state.running.upgrade();
        match (running, state.asked_at) {
            (Some(_), Some(at)) if at.elapsed() < SAME_WISH => {}
            (Some(control), None) => {
                state.asked_at = Some(Instant::now());
                control.cancel();
                // At a terminal the progress bar says so.
                if !stderr_is_terminal() {
                    talk("cancelling; a second signal stops at once");
                }
            }
            _ => std::process::exit(exit::INTERRUPTED),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
