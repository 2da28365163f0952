//! How many connections the live channel has, counted before the upgrade.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The count and its limit. Clones are the same count.
#[derive(Debug, Clone)]
pub(crate) struct Slots(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    used: AtomicUsize,
    max: AtomicUsize,
}

/// A place among the connections, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Slots);

impl Slots {
    pub(crate) fn new(max: usize) -> Self {
        Self(Arc::new(Counts { used: AtomicUsize::new(0), max: AtomicUsize::new(max) }))
    }

    /// A place, or `None` where all are taken.
    pub(crate) fn take(&self) -> Option<Slot> {
        let max = self.max();
        let is_free = |used: usize| (used < max).then_some(used + 1);
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_free).ok()?;
        Some(Slot(self.clone()))
    }

    /// Changes the limit. Connections beyond a lower one stay; no new one comes in their stead.
    pub(crate) fn set_max(&self, max: usize) {
        self.0.max.store(max, Ordering::Relaxed);
    }

    pub(crate) fn max(&self) -> usize {
        self.0.max.load(Ordering::Relaxed)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}
