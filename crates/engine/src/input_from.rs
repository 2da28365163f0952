//! Where the rows of a job come from.

use std::path::PathBuf;

use etlplus_connectors::source::{self, OpenSource};
use etlplus_core::Failure;
use etlplus_core::pipeline::{Interval, JobSpec};

/// Where the rows of a job come from.
#[derive(Debug, Default)]
pub(crate) enum InputFrom {
    /// The pipeline's source.
    #[default]
    Source,
    /// A reject file of the pipeline, whose rows a person has corrected.
    Rejects(PathBuf),
}

impl InputFrom {
    /// Finds the rows of `job`.
    pub(crate) async fn open(&self, job: &JobSpec, interval: Option<&Interval>) -> Result<OpenSource, Failure> {
        let declared = &job.pipeline().source;
        match self {
            Self::Source => source::open(declared, job, interval).await,
            Self::Rejects(path) => source::open_rejects(path, declared, job).await,
        }
    }

    /// What people call it.
    pub(crate) fn name(&self, job: &JobSpec) -> String {
        match self {
            Self::Source => job.source_name(),
            Self::Rejects(path) => path.display().to_string(),
        }
    }
}
