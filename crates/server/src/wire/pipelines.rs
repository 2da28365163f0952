//! Pipelines, their mistakes and previews.

use etlplus_api as api;
use etlplus_core::Mistake;
use etlplus_core::pipeline::Pipeline;
use etlplus_core::ports::{StagePreview, StoredPipeline};

use super::row;

/// A pipeline that is kept, without its text. `parsed` is its text's pipeline; `None` where this version cannot read it.
pub(crate) fn info(stored: &StoredPipeline, parsed: Option<&Pipeline>) -> api::PipelineInfo {
    api::PipelineInfo {
        name: stored.name.clone(),
        version: stored.version,
        updated_at: stored.updated_at,
        folder: stored.folder.display().to_string(),
        description: parsed.and_then(|pipeline| pipeline.description.clone()),
        tags: parsed.map_or_else(Vec::new, |pipeline| pipeline.tags.clone()),
        definition: None,
    }
}

pub(crate) fn mistake(mistake: Mistake) -> api::FileMistake {
    let Mistake { position, key, message, remedy } = mistake;
    api::FileMistake { line: position.line as u64, column: position.column as u64, key, message, remedy }
}

pub(crate) fn stage(preview: StagePreview) -> api::PreviewStage {
    let StagePreview { stage, columns, rows, rejects } = preview;
    api::PreviewStage { stage, columns, rows, rejects: rejects.into_iter().map(row).collect() }
}
