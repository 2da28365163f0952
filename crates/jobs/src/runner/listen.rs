//! Hears the supervisor.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use etlplus_core::ports::Control;

use crate::protocol::{self, ToRunner};

/// How long a job whose server is gone may take to stop, before the process ends under it. Its target is whole in any
/// case; the next server waits a little longer than this before it kills.
const ORPHAN_TIME: Duration = Duration::from_secs(3);

/// The exit code of a runner whose server went away.
const ORPHANED: i32 = 2;

/// A thread that hears the supervisor for as long as the process lives.
#[derive(Debug)]
pub(super) struct Listener {
    orphaned: Arc<AtomicBool>,
}

impl Listener {
    /// Hands on to `control` what the supervisor asks for, and cancels where it is gone.
    pub(super) fn start(control: Arc<Control>) -> Self {
        let orphaned = Arc::new(AtomicBool::new(false));
        let flag = orphaned.clone();
        thread::spawn(move || {
            while let Ok(Some(message)) = protocol::read_blocking(&mut io::stdin().lock()) {
                match message {
                    ToRunner::Cancel => control.cancel(),
                    ToRunner::Pause => control.pause(),
                    ToRunner::Resume => control.resume(),
                    // There is one task, and it was given: whoever speaks is no supervisor.
                    ToRunner::Task(_) => break,
                }
            }
            flag.store(true, Ordering::SeqCst);
            control.cancel();
            thread::sleep(ORPHAN_TIME);
            std::process::exit(ORPHANED);
        });
        Self { orphaned }
    }

    /// Whether the server is gone.
    pub(super) fn is_orphaned(&self) -> bool {
        self.orphaned.load(Ordering::SeqCst)
    }
}
