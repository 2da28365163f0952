//! Reads the counters and tells them.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use etlplus_core::ports::Control;
use etlplus_core::{Progress, RejectSummary, Usage};

use super::spool::Spool;
use super::{Output, say, usage};
use crate::protocol::FromRunner;

/// The shortest time between two readings. Faster than this nobody sees a difference.
const TICK: Duration = Duration::from_millis(50);
/// How often the process's use of memory and processor is read, which takes longer than reading counters.
const USAGE_EVERY: Duration = Duration::from_millis(250);

/// The thread that tells readings.
#[derive(Debug)]
pub(super) struct Reporter {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Reporter {
    /// Begins to tell what `control` counts and that `spool` grew. Counters that stand still are told all the same after
    /// `silence_max`.
    pub(super) fn start(control: Arc<Control>, spool: Arc<Spool>, output: Output, silence_max: Duration) -> Self {
        let (stop, stopped) = mpsc::channel();
        let mut telling = Telling {
            rejects: control.rejects(),
            control,
            spool,
            output,
            started: Instant::now(),
            silence_max,
            told: None,
            spool_bytes: 0,
            usage: None,
            usage_at: None,
        };
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                telling.tick();
            }
        });
        Self { stop, thread }
    }

    /// Ends the telling. A supervisor that does not listen can hold it up, so it comes after the outcome is written.
    pub(super) fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

struct Telling {
    control: Arc<Control>,
    spool: Arc<Spool>,
    output: Output,
    started: Instant,
    silence_max: Duration,
    /// The last reading that was told, and when.
    told: Option<(Instant, Progress)>,
    /// The broken rules that were told last.
    rejects: Arc<[RejectSummary]>,
    /// The size of the spool that was told last.
    spool_bytes: u64,
    usage: Option<Usage>,
    usage_at: Option<Instant>,
}

impl Telling {
    fn tick(&mut self) {
        let spool_bytes = self.spool.bytes();
        if spool_bytes != self.spool_bytes {
            self.spool_bytes = spool_bytes;
            let _ = say(&self.output, &FromRunner::Spooled);
        }
        let now = Instant::now();
        if self.usage_at.is_none_or(|at| now - at >= USAGE_EVERY) {
            self.usage = usage::read().or(self.usage);
            self.usage_at = Some(now);
        }
        let progress = Progress { usage: self.usage, ..self.control.counters.read() };
        let rejects = self.control.rejects();
        let has_new_rejects = !Arc::ptr_eq(&self.rejects, &rejects);
        let is_silent = self.told.is_some_and(|(at, last)| last == progress && now - at < self.silence_max);
        if is_silent && !has_new_rejects {
            return;
        }
        let elapsed_ms = u64::try_from((now - self.started).as_millis()).unwrap_or(u64::MAX);
        let new_rejects = has_new_rejects.then(|| rejects.to_vec());
        let _ = say(&self.output, &FromRunner::Reading { elapsed_ms, progress, rejects: new_rejects });
        self.told = Some((now, progress));
        self.rejects = rejects;
    }
}
