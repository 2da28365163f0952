//! The job's memory, kept account of by the query engine's pool, so that sources and queries share one limit.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use etlplus_connectors::{Memory, Reservation};

/// The pool of a job, as connectors see it.
#[derive(Debug)]
pub(crate) struct JobMemory(pub(crate) Arc<dyn MemoryPool>);

impl Memory for JobMemory {
    fn reserve(&self, name: &str) -> Box<dyn Reservation> {
        Box::new(Reserved(MemoryConsumer::new(name).register(&self.0)))
    }
}

#[derive(Debug)]
struct Reserved(MemoryReservation);

impl Reservation for Reserved {
    fn try_resize(&mut self, bytes: usize) -> bool {
        self.0.try_resize(bytes).is_ok()
    }
}
