//! Feeds the view.

use std::num::NonZeroUsize;
use std::sync::Arc;

use etlplus_bus::{Bus, NoFacts, Subscription};
use etlplus_core::log::LogLevel;
use etlplus_core::ports::{Answer, Fact, History, LogQuery, LogRange, Reading, Recorded, StoreUnavailable};
use tokio::sync::mpsc;

use crate::view::{LiveView, RECENT_LOGS_MAX, Update};

/// The most readings that are taken at once, so that facts do not wait for them.
const READINGS_MAX: usize = 256;

/// The view with what feeds it.
pub struct Monitor {
    view: LiveView,
    facts: Subscription,
    readings: mpsc::Receiver<Reading>,
    bus: Bus,
    history: Arc<dyn History>,
    /// Under way where facts were missed. It is kept here, so that whoever stops waiting does not make it begin again.
    renewal: Option<Answer<'static, Result<LiveView, StoreUnavailable>>>,
}

/// The monitor cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The store's writer is gone: no fact will come any more.
    Closed,
    /// Facts were missed and the store cannot tell them now. Asking again tries again.
    Unavailable(StoreUnavailable),
}

impl Monitor {
    /// The view as it is now. `readings` come from the runners of jobs.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn start(
        history: Arc<dyn History>,
        bus: Bus,
        readings: mpsc::Receiver<Reading>,
    ) -> Result<Self, StoreUnavailable> {
        let view = view_of(history.clone()).await?;
        let facts = bus.subscribe_after(view.position().offset);
        Ok(Self { view, facts, readings, bus, history, renewal: None })
    }

    /// The view, which holds all that [`Monitor::next`] told.
    pub fn view(&self) -> &LiveView {
        &self.view
    }

    /// What changed: at least one update. Facts come in the order of the log, and readings after the facts that were
    /// recorded before them. May be dropped while it waits without losing anything.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub async fn next(&mut self) -> Result<Vec<Update>, Stopped> {
        loop {
            let mut readings = Vec::new();
            let has_readings = !self.readings.is_closed() || !self.readings.is_empty();
            let updates = if self.renewal.is_some() {
                self.renew().await?
            } else {
                // Facts first: a reading is shown only once its attempt is known to run.
                tokio::select! {
                    biased;
                    facts = self.facts.next() => self.take(facts)?,
                    _ = self.readings.recv_many(&mut readings, READINGS_MAX), if has_readings => {
                        readings.into_iter().filter_map(|reading| self.view.read(reading)).collect()
                    }
                }
            };
            if !updates.is_empty() {
                return Ok(updates);
            }
        }
    }

    fn take(&mut self, facts: Result<Vec<Arc<Recorded>>, NoFacts>) -> Result<Vec<Update>, Stopped> {
        match facts {
            Ok(facts) => Ok(facts.iter().filter_map(|fact| self.view.take(fact)).collect()),
            Err(NoFacts::Closed) => Err(Stopped::Closed),
            Err(NoFacts::Lost(lost)) => {
                tracing::warn!(?lost, "the live view fell behind the bus and is taken anew from the store");
                self.renewal = Some(Box::pin(view_of(self.history.clone())));
                Ok(Vec::new())
            }
        }
    }

    async fn renew(&mut self) -> Result<Vec<Update>, Stopped> {
        if let Some(renewal) = &mut self.renewal {
            let renewed = renewal.await;
            self.renewal = None;
            // One that failed is begun anew by the next call, since the bus says again what was lost.
            self.view = renewed.map_err(Stopped::Unavailable)?;
        }
        self.facts = self.bus.subscribe_after(self.view.position().offset);
        Ok(vec![Update::Renewed])
    }
}

/// The view as the store has it, with the last log lines of each job.
async fn view_of(history: Arc<dyn History>) -> Result<LiveView, StoreUnavailable> {
    const LIMIT: NonZeroUsize = NonZeroUsize::new(RECENT_LOGS_MAX).expect("the number is not zero");
    let mut view = LiveView::new(history.snapshot().await?);
    let headers: Vec<_> = view.jobs().map(|job| job.header.clone()).collect();
    for header in headers {
        let query = LogQuery { job: header.id, min_level: LogLevel::Debug, range: LogRange::Last, limit: LIMIT };
        let lines = history.log(query).await?.into_iter();
        // What was recorded after the snapshot comes over the bus as well.
        let lines = lines.filter(|line| line.offset <= view.position().offset).map(|line| {
            let fact = Fact::Log { job: header.clone(), attempt: line.attempt, line: line.line };
            Arc::new(Recorded { offset: line.offset, fact })
        });
        let lines = lines.collect();
        view.recall(header.id, lines);
    }
    Ok(view)
}
