//! Loading corrected rejects into the target that they were meant for.

use std::path::Path;

use super::{LoadMode, PathPart, PathTemplate, Pipeline, Place, RejectFormat, RejectPolicy};
use crate::failure::Failure;
use crate::mistake::Position;

impl Pipeline {
    /// The pipeline that loads corrected rejects of this one. Its rows are added to those that the target has, or replace
    /// those of the same key where the mode is upsert. Whatever the cursor of an incremental load has passed is none of its
    /// business, and there is no limit on rejects: what fails again goes to the file at `rejects`, an absolute path.
    ///
    /// # Errors
    /// Where nothing can be added to the target, or `rejects` is no UTF-8.
    pub fn replaying(&self, rejects: &Path, format: RejectFormat) -> Result<Self, Failure> {
        if let Place::File { .. } = self.target.place {
            return Err(Failure::user(
                "replay_replaces",
                "the target is one file, which is replaced as a whole: no rows can be added to it",
                "correct the rows in the source and run the pipeline again, or load into a folder or a table",
            ));
        }
        let text = rejects.to_str().ok_or_else(|| {
            let message = format!("the path {} is not UTF-8", rejects.display());
            Failure::user("path_not_utf8", message, "rename the file")
        })?;
        let parts = vec![PathPart::Text(text.to_owned())];
        let path = PathTemplate { parts, key: "rejects.path".to_owned(), position: Position::START };
        let mut pipeline = self.clone();
        if pipeline.target.mode == LoadMode::Replace {
            pipeline.target.mode = LoadMode::Append;
        }
        pipeline.incremental = None;
        pipeline.rejects = RejectPolicy { path: Some(path), format, max_count: None, max_percent: 100.0 };
        Ok(pipeline)
    }
}
