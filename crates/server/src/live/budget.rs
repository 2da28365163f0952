//! Counts the bytes of the groups' buffers that are alive: with the groups, in outboxes, or on their way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// The count. Clones are the same count.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

struct Counted {
    bytes: Vec<u8>,
    budget: Budget,
}

impl Budget {
    /// Counts `bytes` until the last slice of them is gone.
    pub(super) fn count(&self, bytes: Vec<u8>) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        self.0.fetch_add(bytes.capacity(), Ordering::Relaxed);
        Bytes::from_owner(Counted { bytes, budget: self.clone() })
    }

    /// Bytes that are alive.
    pub(super) fn used(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes.capacity(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_until_their_last_slice_is_gone() {
        let budget = Budget::default();
        let whole = budget.count(vec![7; 1000]);
        let slice = whole.slice(..1);
        assert_eq!(budget.used(), 1000);
        drop(whole);
        assert_eq!(budget.used(), 1000);
        drop(slice);
        assert_eq!(budget.used(), 0);
    }
}
