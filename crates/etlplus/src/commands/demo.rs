//! `etlplus demo`: sample data, and five pipelines that run on it.

use std::path::Path;

use etlplus_core::Failure;
use etlplus_core::ports::Executor;

use super::run;
use crate::cli::{DemoArgs, JobArgs, RunArgs};
use crate::demo::{self, Options};
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::output;

/// Makes the sample data and runs the pipelines.
pub(super) fn execute(executor: &dyn Executor, arguments: &DemoArgs) -> Result<Exit, Failure> {
    let options = Options {
        folder: arguments.folder.clone(),
        rows: arguments.rows,
        seed: arguments.seed,
        data_only: arguments.data_only,
    };
    let interrupts = Interrupts::install()?;
    let mut run_pipeline = |file: &Path| {
        let arguments = RunArgs { job: JobArgs::of(file.to_owned()), quiet: false };
        let exit = run::run(executor, &arguments, &interrupts).unwrap_or_else(|failure| {
            output::error(&failure);
            Exit::Error
        });
        exit as u8
    };
    let is_as_expected = demo::run(&options, &mut run_pipeline, &mut |text| output::talk(text))?;
    Ok(if is_as_expected { Exit::Done } else { Exit::Error })
}
