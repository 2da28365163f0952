//! `etlplus plan FILE`: what a run would do.

use etlplus_core::Failure;
use etlplus_core::ports::Executor;

use super::load;
use crate::cli::{JobArgs, OutputFormat};
use crate::exit::Exit;
use crate::output::{self, run_plan};

/// Says what a run would do.
pub(super) fn execute(executor: &dyn Executor, arguments: &JobArgs) -> Result<Exit, Failure> {
    let Some(job) = load::checked_job(executor, arguments)? else { return Ok(Exit::Error) };
    let plan = executor.plan(&job)?;
    match arguments.output {
        OutputFormat::Json => output::json(&plan)?,
        OutputFormat::Text => output::data(&run_plan::render(&job.pipeline().name, &plan))?,
    }
    Ok(if plan.target.misfits.is_empty() { Exit::Done } else { Exit::Error })
}
