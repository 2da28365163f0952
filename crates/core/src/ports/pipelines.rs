//! Pipelines that are kept by name.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::{Answer, StoreUnavailable};

/// A pipeline that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPipeline {
    /// Its name, by which jobs are submitted.
    pub name: String,
    /// How often it was put, from 1.
    pub version: u64,
    /// The pipeline file's text.
    pub definition: String,
    /// Where its relative paths start; absolute.
    pub folder: PathBuf,
    /// When this version was put.
    pub updated_at: DateTime<Utc>,
}

/// Keeps pipelines by name.
pub trait Pipelines: Send + Sync {
    /// Keeps a pipeline in place of the one of that name, and gives it back with its version. One that is equal to what
    /// is kept makes no new version.
    fn put_pipeline(
        &self,
        name: String,
        definition: String,
        folder: PathBuf,
        at: DateTime<Utc>,
    ) -> Answer<'_, Result<StoredPipeline, StoreUnavailable>>;

    /// The pipeline of that name, or `None`.
    fn pipeline(&self, name: String) -> Answer<'_, Result<Option<StoredPipeline>, StoreUnavailable>>;

    /// All pipelines, by name.
    fn pipelines(&self) -> Answer<'_, Result<Vec<StoredPipeline>, StoreUnavailable>>;
}
