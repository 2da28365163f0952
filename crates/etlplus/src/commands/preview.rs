//! `etlplus preview FILE`: the first rows after each stage.

use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::ports::{Control, Executor, StagePreview};
use serde::Serialize;

use super::load;
use crate::cli::{OutputFormat, PreviewArgs};
use crate::exit::Exit;
use crate::output::{self, rejects, table};

#[derive(Debug, Serialize)]
struct Answer<'a> {
    pipeline: &'a str,
    stages: &'a [StagePreview],
}

/// Shows the first rows after each stage.
pub(super) fn execute(executor: &dyn Executor, arguments: &PreviewArgs) -> Result<Exit, Failure> {
    let Some(job) = load::checked_job(executor, &arguments.job)? else { return Ok(Exit::Error) };
    let stages = executor.preview(&job, arguments.rows.into(), &Arc::new(Control::default()))?;
    match arguments.job.output {
        OutputFormat::Json => output::json(&Answer { pipeline: &job.pipeline().name, stages: &stages })?,
        OutputFormat::Text => {
            let width = output::stdout_width();
            let tables: Vec<String> = stages.iter().map(|stage| stage_text(stage, width)).collect();
            output::data(&tables.join("\n"))?;
        }
    }
    Ok(Exit::Done)
}

fn stage_text(stage: &StagePreview, width: Option<usize>) -> String {
    let table = table::render(stage, width);
    if stage.rejects.is_empty() { table } else { format!("{table}{}", rejects::rows(&stage.rejects)) }
}
