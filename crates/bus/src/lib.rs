//! The bus: facts that were recorded, in their order, for everybody in this process who follows them.
//!
//! It is a ring of the newest facts. A subscription is a place in it: it never slows the publisher, and learns for
//! certain when it fell behind what the ring still holds. Only the store's writer publishes, after it has committed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etlplus_core::ids::Offset;
use etlplus_core::ports::{Fact, LogPosition, Recorded};
use tokio::sync::watch;

/// The most facts that the ring holds: three bursts of 20,000 log lines.
pub const FACTS_MAX: usize = 1 << 16;
/// The most bytes of text that the ring's facts hold together. One that is larger still has its turn.
pub const BYTES_MAX: usize = 32 << 20;
/// The most facts that a subscription is handed at once.
pub const BATCH_MAX: usize = 1024;

/// The bus of one log. Clones are the same bus.
#[derive(Debug, Clone)]
pub struct Bus {
    ring: Arc<Mutex<Ring>>,
    newest: watch::Receiver<LogPosition>,
}

/// The one end that facts come in at.
#[derive(Debug)]
pub struct Publisher {
    ring: Arc<Mutex<Ring>>,
    newest: watch::Sender<LogPosition>,
}

/// Follows the bus from a place.
#[derive(Debug)]
pub struct Subscription {
    bus: Bus,
    seen: Offset,
}

/// A subscription fell behind the ring: the facts between are in the store alone. Take a snapshot and go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The last fact that was seen.
    pub seen: Offset,
    /// The first fact that the ring still holds.
    pub oldest: Offset,
}

/// What ended a wait for facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFacts {
    /// Some can no longer be had here.
    Lost(Lost),
    /// The publisher is gone, and with it the store.
    Closed,
}

#[derive(Debug)]
struct Ring {
    facts: VecDeque<Arc<Recorded>>,
    bytes: usize,
    /// The place of the fact that comes next.
    next: Offset,
}

/// A bus whose next fact is the one after `position`.
pub fn bus(position: LogPosition) -> (Publisher, Bus) {
    let ring = Arc::new(Mutex::new(Ring { facts: VecDeque::new(), bytes: 0, next: position.offset.next() }));
    let (sender, newest) = watch::channel(position);
    (Publisher { ring: ring.clone(), newest: sender }, Bus { ring, newest })
}

impl Publisher {
    /// Tells `facts`, which follow one another and the last one told.
    ///
    /// # Panics
    /// Where they do not follow: the log would have a hole.
    pub fn publish(&self, facts: Vec<Recorded>) {
        let Some(newest) = facts.last().map(|fact| fact.offset) else { return };
        let mut ring = lock(&self.ring);
        for fact in facts {
            ring.push(Arc::new(fact));
        }
        drop(ring);
        self.newest.send_modify(|position| position.offset = newest);
    }
}

impl Bus {
    /// The place of the last fact.
    pub fn position(&self) -> LogPosition {
        *self.newest.borrow()
    }

    /// The facts after `seen` that there are, at most [`BATCH_MAX`].
    ///
    /// # Errors
    /// Where the next one has left the ring.
    pub fn after(&self, seen: Offset) -> Result<Vec<Arc<Recorded>>, Lost> {
        lock(&self.ring).after(seen)
    }

    /// Follows from the fact after `seen`.
    pub fn subscribe_after(&self, seen: Offset) -> Subscription {
        Subscription { bus: self.clone(), seen }
    }
}

impl Subscription {
    /// The next facts: at least one, at most [`BATCH_MAX`]. Waits where there is none yet. May be dropped while it waits
    /// without losing anything.
    ///
    /// # Errors
    /// Where the next fact has left the ring, or no fact will come any more.
    pub async fn next(&mut self) -> Result<Vec<Arc<Recorded>>, NoFacts> {
        loop {
            self.bus.newest.borrow_and_update();
            let facts = self.bus.after(self.seen).map_err(NoFacts::Lost)?;
            if let Some(last) = facts.last() {
                self.seen = last.offset;
                return Ok(facts);
            }
            self.bus.newest.changed().await.map_err(|_| NoFacts::Closed)?;
        }
    }
}

impl Ring {
    fn push(&mut self, fact: Arc<Recorded>) {
        assert_eq!(fact.offset, self.next, "facts are published without holes");
        self.next = self.next.next();
        self.bytes += weight(&fact);
        self.facts.push_back(fact);
        while self.facts.len() > FACTS_MAX || (self.bytes > BYTES_MAX && self.facts.len() > 1) {
            let Some(oldest) = self.facts.pop_front() else { break };
            self.bytes -= weight(&oldest);
        }
    }

    fn after(&self, seen: Offset) -> Result<Vec<Arc<Recorded>>, Lost> {
        let oldest = self.facts.front().map_or(self.next, |fact| fact.offset);
        if seen.next() < oldest {
            return Err(Lost { seen, oldest });
        }
        let skipped = usize::try_from(seen.next().get() - oldest.get()).unwrap_or(usize::MAX);
        Ok(self.facts.iter().skip(skipped).take(BATCH_MAX).cloned().collect())
    }
}

/// About how much memory a fact takes.
fn weight(fact: &Recorded) -> usize {
    let text = match &fact.fact {
        Fact::Log { line, .. } => line.message.len(),
        Fact::Job { fact, .. } => fact.state.failure().map_or(0, |failure| failure.message.len()),
        Fact::Alert(alert) => alert.message.len() + alert.remedy.len(),
        Fact::Settings(change) => {
            change.keys.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, String::len)).sum()
        }
    };
    size_of::<Recorded>() + text
}

fn lock(ring: &Mutex<Ring>) -> MutexGuard<'_, Ring> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}
