//! The memory that a job may use, whoever keeps account of it.

use std::fmt;

/// Grants memory to the parts of one job.
pub trait Memory: fmt::Debug + Send + Sync {
    /// An account of `name`, which has nothing yet.
    fn reserve(&self, name: &str) -> Box<dyn Reservation>;
}

/// What one part of a job has. Given back when dropped.
pub trait Reservation: fmt::Debug + Send {
    /// Makes it `bytes`; false where that is more than is left, and then it is what it was.
    #[must_use]
    fn try_resize(&mut self, bytes: usize) -> bool;
}
