//! The parts of a snapshot, gathered into one.

use etlplus_api::{JobMonitoringData, Snapshot};

/// The most jobs of a snapshot. No server has as many at once, and parts without end must not take all memory.
const JOBS_MAX: usize = 1_000_000;

/// The parts of a snapshot that came so far.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    jobs: Vec<JobMonitoringData>,
}

/// A snapshot has more jobs than anybody could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooManyJobs;

impl std::fmt::Display for TooManyJobs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "a snapshot has more than {JOBS_MAX} jobs")
    }
}

impl Gathering {
    /// Takes the next part. The last one gets the jobs of all parts: then the answer is `true`.
    pub(super) fn take(&mut self, part: &mut Snapshot) -> Result<bool, TooManyJobs> {
        self.jobs.append(&mut part.jobs);
        if self.jobs.len() > JOBS_MAX {
            return Err(TooManyJobs);
        }
        if !part.more {
            part.jobs = std::mem::take(&mut self.jobs);
        }
        Ok(!part.more)
    }
}
