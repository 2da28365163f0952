//! How many jobs wait, and whether there is room for one more.

use std::sync::{Arc, Mutex, PoisonError};

/// Too many jobs wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} jobs wait already, and no more may: ask again when some have run, or raise jobs.max_queued_jobs")]
pub struct QueueFull {
    /// How many wait.
    pub waiting: usize,
}

/// The room in the queue. Clones are the same room.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room(Arc<Mutex<Taken>>);

/// One lock for both numbers: a job goes from one to the other, and must be missing in neither.
#[derive(Debug, Default)]
struct Taken {
    /// Jobs that wait, as the manager counted them last.
    waiting: usize,
    /// Jobs that are about to wait: their place is taken, and the manager has not counted them.
    on_the_way: usize,
}

/// A place in the queue for a job that is on its way there. It is given back when this is dropped, which is to be when the
/// manager has counted the job, or nothing came of it.
#[derive(Debug)]
pub(crate) struct Place(Room);

impl Room {
    /// Takes a place, where fewer than `max` jobs wait or are about to.
    ///
    /// # Errors
    /// As many wait as may.
    pub(crate) fn take(&self, max: usize) -> Result<Place, QueueFull> {
        self.with(|taken| {
            let waiting = taken.waiting + taken.on_the_way;
            if waiting >= max {
                return Err(QueueFull { waiting });
            }
            taken.on_the_way += 1;
            Ok(Place(self.clone()))
        })
    }

    /// Says how many jobs wait.
    pub(crate) fn count(&self, waiting: usize) {
        self.with(|taken| taken.waiting = waiting);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Taken) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.with(|taken| taken.on_the_way -= 1);
    }
}
