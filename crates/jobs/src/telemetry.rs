//! What the job manager counts about itself, by the `metrics` facade: whoever installs a recorder before
//! [`crate::Manager::start`] sees it, and says what each number means. No label has more values than an enum of ours.

use etlplus_core::Progress;
use etlplus_core::job::{JobState, JobStatus};
use etlplus_core::ports::Pruned;
use metrics::{counter, gauge, histogram};

/// Jobs that were accepted.
const SUBMITTED: &str = "etlplus_jobs_submitted_total";
/// Jobs that ended, by status. One that is tried again by hand ends again.
const ENDED: &str = "etlplus_jobs_ended_total";
/// How long the last attempt of an ended job took, its pauses included.
const DURATION: &str = "etlplus_job_duration_seconds";
/// Jobs that hold a place: they run, and are not paused.
const RUNNING: &str = "etlplus_jobs_running";
/// Jobs that wait for a place, a delay or their next try.
const WAITING: &str = "etlplus_jobs_waiting";
/// Rows that ended attempts checked, by outcome.
const RECORDS: &str = "etlplus_records_total";
/// Attempts that were started.
const ATTEMPTS: &str = "etlplus_attempts_started_total";
/// Further attempts of jobs: by the policy, by hand, or after a restart.
const RETRIES: &str = "etlplus_retries_total";
/// What retention removed, by kind.
const REMOVED: &str = "etlplus_retention_removed_total";

/// A job was accepted.
pub(crate) fn submitted() {
    counter!(SUBMITTED).increment(1);
}

/// An attempt starts.
pub(crate) fn attempt_started() {
    counter!(ATTEMPTS).increment(1);
}

/// An attempt ended, whose last reading is known.
pub(crate) fn attempt_ended(progress: &Progress) {
    counter!(RECORDS, "outcome" => "successful").increment(progress.records_successful);
    counter!(RECORDS, "outcome" => "failed").increment(progress.records_failed);
}

/// A job moved to `state`.
pub(crate) fn moved(state: &JobState) {
    let status = match state.status() {
        JobStatus::Completed => "completed",
        JobStatus::Failed => "failed",
        JobStatus::Cancelled => "cancelled",
        // A job waits first when it is accepted, which is no move, and then for each further attempt.
        JobStatus::Pending => return counter!(RETRIES).increment(1),
        JobStatus::Running | JobStatus::Paused => return,
    };
    counter!(ENDED, "status" => status).increment(1);
    // The time now does not matter to a job that has ended.
    if let Some(time) = state.execution_time(state.since()) {
        histogram!(DURATION, "status" => status).record(time.as_secs_f64());
    }
}

/// How many jobs hold a place, and how many wait.
pub(crate) fn counts(running: usize, waiting: usize) {
    gauge!(RUNNING).set(running as f64);
    gauge!(WAITING).set(waiting as f64);
}

/// Retention removed something from the store.
pub(crate) fn removed(pruned: &Pruned) {
    let Pruned { jobs, lines, samples, alerts, .. } = *pruned;
    for (kind, count) in [("jobs", jobs), ("lines", lines), ("samples", samples), ("alerts", alerts)] {
        counter!(REMOVED, "kind" => kind).increment(count);
    }
}

/// Retention removed copies of reject files.
pub(crate) fn rejects_removed(count: u64) {
    counter!(REMOVED, "kind" => "rejects").increment(count);
}
