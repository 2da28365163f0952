//! Takes the spool file of an attempt into the store.
//!
//! The lines and the number of bytes that hold them are one transaction, so that a crash on either side neither loses nor
//! doubles a line. A store that is away for a while is asked again until it answers; the job does not wait for it.

use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::log::{LogLevel, LogLine};
use etlplus_core::ports::{Change, LedgerError, Sample, SpoolPosition};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::parts::Parts;

/// The most bytes of the spool that one recording takes, which bounds memory: some thousand lines.
const CHUNK_MAX_BYTES: usize = 1 << 20;
/// The time between two samples that are kept.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// The waits for a store that is away: the first, and the longest.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// A task that takes what an attempt says.
pub(super) struct Ingest {
    wanted: watch::Sender<Wanted>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct Wanted {
    sample: Option<Sample>,
    is_last: bool,
}

impl Ingest {
    /// Begins where the last recording of this attempt's lines ended.
    pub(super) fn start(context: Arc<Parts>, job: JobId, attempt: AttemptNumber) -> Self {
        let (wanted, changed) = watch::channel(Wanted::default());
        let taking = Taking { context, job, attempt, taken: SpoolPosition::default(), sampled_at: None };
        Self { wanted, task: tokio::spawn(taking.run(changed)) }
    }

    /// The spool grew.
    pub(super) fn hint(&self) {
        self.wanted.send_modify(|_| {});
    }

    /// There is a new sample. Only the newest is kept where the store is slow.
    pub(super) fn sample(&self, sample: Sample) {
        self.wanted.send_modify(|wanted| wanted.sample = Some(sample));
    }

    /// Takes the rest; to be called when the runner is gone. Ends early only where the server does.
    pub(super) async fn finish(self) {
        self.wanted.send_modify(|wanted| wanted.is_last = true);
        let _ = self.task.await;
    }
}

struct Taking {
    context: Arc<Parts>,
    job: JobId,
    attempt: AttemptNumber,
    /// What of the spool is recorded.
    taken: SpoolPosition,
    sampled_at: Option<Instant>,
}

impl Taking {
    async fn run(self, wanted: watch::Receiver<Wanted>) {
        let shutdown = self.context.shutdown.clone();
        // What is not taken now, the next server takes.
        shutdown.run_until_cancelled_owned(self.take(wanted)).await;
    }

    async fn take(mut self, mut wanted: watch::Receiver<Wanted>) {
        self.taken = self.recorded().await;
        loop {
            let Wanted { sample, is_last } = wanted.borrow_and_update().clone();
            self.take_spool(is_last).await;
            if let Some(sample) = sample {
                self.take_sample(sample, is_last).await;
            }
            if is_last || wanted.changed().await.is_err() {
                return;
            }
        }
    }

    async fn recorded(&self) -> SpoolPosition {
        let mut wait = RETRY_FIRST;
        loop {
            match self.context.history.spool_position(self.job, self.attempt).await {
                Ok(position) => return position,
                Err(error) => self.again(&mut wait, &error).await,
            }
        }
    }

    async fn take_sample(&mut self, sample: Sample, is_last: bool) {
        let is_wanted = self.context.setting(|settings| settings.monitoring.job_tracking.metrics_collection_enabled);
        let is_due = self.sampled_at.is_none_or(|at| at.elapsed() >= SAMPLE_EVERY);
        if is_wanted && (is_due || is_last) {
            self.sampled_at = Some(Instant::now());
            // A sample that is not kept is a gap in a chart.
            if let Err(error) = self.context.ledger.record(vec![Change::Sample(sample)]).await {
                tracing::debug!(job = %self.job, %error, "a sample was not kept");
            }
        }
    }

    async fn take_spool(&mut self, is_last: bool) {
        loop {
            let bytes = match self.read_chunk().await {
                Ok(bytes) => bytes,
                Err(error) => {
                    if error.kind() != io::ErrorKind::NotFound {
                        tracing::error!(job = %self.job, %error, "the spool of an attempt cannot be read");
                    }
                    return;
                }
            };
            // A runner that was killed may have been cut off within its last line.
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let end = if whole == 0 && is_last { bytes.len() } else { whole };
            if end == 0 {
                return;
            }
            self.record(&bytes[..end]).await;
        }
    }

    async fn read_chunk(&self) -> io::Result<Vec<u8>> {
        let path = self.context.folder(self.job, self.attempt).spool();
        let mut file = File::open(path).await?;
        file.seek(SeekFrom::Start(self.taken.bytes)).await?;
        let mut bytes = Vec::new();
        file.take(CHUNK_MAX_BYTES as u64).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn record(&mut self, bytes: &[u8]) {
        let mut taken = SpoolPosition { bytes: self.taken.bytes + bytes.len() as u64, ..self.taken };
        let texts = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<LogLine> = texts
            .map(|text| {
                taken.line += 1;
                self.line(taken.line, text)
            })
            .collect();
        let mut wait = RETRY_FIRST;
        loop {
            let (job, attempt, lines) = (self.job, self.attempt, lines.clone());
            let change = Change::Log { job, attempt, lines, spool_bytes: taken.bytes };
            match self.context.ledger.record(vec![change]).await {
                Ok(_) => break,
                Err(LedgerError::Unavailable(error)) => {
                    self.again(&mut wait, &error).await;
                    // An answer that did not come says nothing of what is recorded.
                    if self.recorded().await.bytes >= taken.bytes {
                        break;
                    }
                }
                Err(error) => {
                    tracing::error!(%job, %error, "log lines cannot be recorded and are left out");
                    break;
                }
            }
        }
        self.taken = taken;
    }

    /// A line of the spool, numbered here: what a runner says of its numbers may not be so. One that is damaged, as by a
    /// full disk or a kill, is told as such and not left out.
    fn line(&self, number: u64, text: &[u8]) -> LogLine {
        let said = serde_json::from_slice::<LogLine>(text);
        let damaged = |_| {
            let message = format!("(a damaged line of {} bytes)", text.len());
            LogLine::new(number, self.context.clock.now(), LogLevel::Warn, message)
        };
        let line = said.unwrap_or_else(damaged);
        LogLine { line: number, ..line.cut() }
    }

    async fn again(&self, wait: &mut Duration, error: &(dyn std::error::Error + Sync)) {
        tracing::warn!(job = %self.job, %error, "log lines wait for the store");
        sleep(*wait).await;
        *wait = (*wait * 2).min(RETRY_LONGEST);
    }
}
