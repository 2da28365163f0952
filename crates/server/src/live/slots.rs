//! How many connections the live channel has, counted before the upgrade.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many connections the live channel has: WebSockets, event streams, and logs that are followed or downloaded. Clones
/// are the same count.
#[derive(Debug, Clone, Default)]
pub struct ConnectionCount(Arc<AtomicUsize>);

/// A place among the connections, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(ConnectionCount);

impl ConnectionCount {
    /// How many there are now.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A place, or `None` where there are `max`. After `max` was lowered, connections beyond it stay, and no new one comes
    /// in their stead.
    pub(crate) fn take(&self, max: usize) -> Option<Slot> {
        let is_free = |used: usize| (used < max).then_some(used + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_free).ok()?;
        Some(Slot(self.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
