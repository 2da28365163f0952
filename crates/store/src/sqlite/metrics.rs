//! What the store tells of its own health, by the facade of the crate `metrics`: without a recorder it costs nothing.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// From the beginning of a batch's transaction until its callers are answered.
pub(super) const BATCH_SECONDS: &str = "etlplus_store_batch_seconds";
/// The commit alone, which is an fsync.
pub(super) const COMMIT_SECONDS: &str = "etlplus_store_commit_seconds";
pub(super) const FACTS: &str = "etlplus_store_facts_total";
pub(super) const QUEUE: &str = "etlplus_store_queue";
pub(super) const BYTES: &str = "etlplus_store_bytes";
pub(super) const ERRORS: &str = "etlplus_store_errors_total";

/// Says what each is, and begins the counters: one that is not there before the first error hides it from whoever looks for
/// an increase. A recorder that is installed later does not hear of it.
pub(super) fn describe() {
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "Time to record a batch of requests, its commit included");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "Time of a commit, which is an fsync");
    describe_counter!(FACTS, Unit::Count, "Facts that were recorded");
    describe_gauge!(QUEUE, Unit::Count, "Requests that wait for the writer");
    describe_gauge!(BYTES, Unit::Bytes, "Size of the database file, without its write-ahead log");
    describe_counter!(ERRORS, Unit::Count, "Batches that could not be recorded");
    counter!(FACTS).increment(0);
    counter!(ERRORS).increment(0);
}
