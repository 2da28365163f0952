//! Lookups: tables that are read whole before the first row of the input.

use std::sync::Arc;

use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::prelude::SessionContext;
use etlplus_core::pipeline::JobSpec;
use etlplus_core::{Failure, Reject};

use crate::failure::query_failure;
use crate::job::{register, sources_of};
use crate::memory::JobMemory;
use etlplus_connectors::{Intake, source};

/// Reads every lookup that comes from files and registers it. The memory that they take is the job's as long as the
/// reservations live.
pub(crate) async fn load_lookups(context: &SessionContext, job: &JobSpec) -> Result<Vec<MemoryReservation>, Failure> {
    let pool = &context.runtime_env().memory_pool;
    let mut memory = Vec::new();
    for (name, lookup) in sources_of(job.pipeline()).skip(1) {
        let reservation = MemoryConsumer::new(format!("lookup {name}")).register(pool);
        let mut intake = Intake::start(source::open(lookup, job, None).await?, &JobMemory(pool.clone()));
        let mut batches = Vec::new();
        while let Some(rows) = intake.next().await? {
            if let Some(reject) = rows.rejects.first() {
                return Err(broken_row(name, reject));
            }
            reservation.try_grow(rows.batch.get_array_memory_size()).map_err(|_| too_large(name))?;
            batches.push(rows.batch);
        }
        let table = MemTable::try_new(intake.schema(), vec![batches]).map_err(query_failure)?;
        register(context, name, Arc::new(table));
        memory.push(reservation);
    }
    Ok(memory)
}

/// A lookup's row that breaks its schema would be missing from every join, so the job does not start.
fn broken_row(name: &str, reject: &Reject) -> Failure {
    let place = match reject.line {
        Some(line) => format!("line {line}"),
        None => format!("row {}", reject.row),
    };
    let error = reject.errors.first();
    let field = error.and_then(|error| error.field.as_deref()).map(|field| format!("{field} "));
    let message = error.map(|error| error.message.as_str()).unwrap_or_default();
    Failure::data(
        "lookup_broken",
        format!("lookup {name}: {}, {place}: {}{message}", reject.file, field.unwrap_or_default()),
        "mend the row, or relax the lookup's schema",
    )
}

fn too_large(name: &str) -> Failure {
    Failure::limit(
        "memory_exceeded",
        format!("lookup {name} needs more than the job's memory"),
        "raise limits.memory, or declare fewer of its columns with extra_fields: ignore",
    )
}
