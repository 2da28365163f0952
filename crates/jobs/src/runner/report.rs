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
/// The longest time between two readings of a job whose counters stand still.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// How often the process's use of memory and processor is read, which takes longer than reading counters.
const USAGE_EVERY: Duration = Duration::from_millis(250);

/// The thread that tells readings.
#[derive(Debug)]
pub(super) struct Reporter {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Reporter {
    /// Begins to tell what `control` counts and that `spool` grew.
    pub(super) fn start(control: Arc<Control>, spool: Arc<Spool>, output: Output, started: Instant) -> Self {
        let (stop, stopped) = mpsc::channel();
        let mut telling = Telling { control, spool, output, started, last: None };
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
    last: Option<Told>,
}

/// What was told last.
struct Told {
    at: Instant,
    progress: Progress,
    rejects: Arc<[RejectSummary]>,
    spool_bytes: u64,
    usage: Option<Usage>,
    usage_at: Instant,
}

impl Telling {
    fn tick(&mut self) {
        let spool_bytes = self.spool.bytes();
        if self.last.as_ref().map_or(0, |last| last.spool_bytes) != spool_bytes {
            say(&self.output, &FromRunner::Spooled);
        }
        let (now, rejects) = (Instant::now(), self.control.rejects());
        let (mut usage, mut usage_at) = (None, now);
        if let Some(last) = self.last.as_ref().filter(|last| now - last.usage_at < USAGE_EVERY) {
            (usage, usage_at) = (last.usage, last.usage_at);
        } else {
            usage = usage::read().or(usage);
        }
        let progress = Progress { usage, ..self.control.counters.read() };
        let has_new_rejects = self.last.as_ref().is_none_or(|last| !Arc::ptr_eq(&last.rejects, &rejects));
        let is_news = self.last.as_ref().is_none_or(|last| last.progress != progress || now - last.at >= SILENCE_MAX);
        if is_news || has_new_rejects {
            let elapsed_ms = u64::try_from((now - self.started).as_millis()).unwrap_or(u64::MAX);
            let rejects = has_new_rejects.then(|| rejects.to_vec());
            say(&self.output, &FromRunner::Reading { elapsed_ms, progress, rejects });
            self.last = Some(Told { at: now, progress, rejects: self.control.rejects(), spool_bytes, usage, usage_at });
        } else if let Some(last) = &mut self.last {
            last.spool_bytes = spool_bytes;
        }
    }
}
