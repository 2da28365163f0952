//! What the process of an attempt may hold in memory.
//!
//! `limits.memory` bounds what the query engine accounts for, and some of its operators account for little. A process that
//! grows far beyond is ended, so that no other job and not the server pays for it.

use etlplus_core::pipeline;
use etlplus_core::{Failure, Progress};

/// What a process may hold besides what is accounted for: the program, blocks of the source, buffers of the target.
const BESIDE_BYTES: u64 = 512 << 20;
/// How far the engine's account may be from the truth.
const FACTOR: u64 = 2;

/// The most resident memory of an attempt's process, by the text of its pipeline.
pub(super) fn max_bytes(pipeline: &str) -> u64 {
    // A pipeline with mistakes runs nothing; the runner says what they are.
    let memory = pipeline::parse(pipeline).map_or(0, |pipeline| pipeline.limits.memory_bytes);
    memory.saturating_mul(FACTOR).saturating_add(BESIDE_BYTES)
}

/// # Errors
/// The process holds more than `max_bytes`.
pub(super) fn check(progress: &Progress, max_bytes: u64) -> Result<(), Failure> {
    match progress.usage {
        Some(usage) if usage.memory_bytes > max_bytes => {
            let mebibytes = |bytes: u64| bytes >> 20;
            let (held, max) = (mebibytes(usage.memory_bytes), mebibytes(max_bytes));
            let message = format!("the job's process held {held} MiB of memory, and may hold {max} MiB");
            let remedy =
                "raise limits.memory, which this follows from, or let the SQL keep less: fewer groups, shorter texts";
            Err(Failure::limit("memory_limit", message, remedy))
        }
        _ => Ok(()),
    }
}
