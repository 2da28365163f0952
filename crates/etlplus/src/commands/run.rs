//! `etlplus run FILE`: moves the rows.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use etlplus_core::Failure;
use etlplus_core::pipeline::JobSpec;
use etlplus_core::ports::{Control, Executor, Outcome, RunReport};

use super::load;
use crate::cli::{OutputFormat, RunArgs};
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::output::summary::Ended;
use crate::output::{self, progress_bar};
use crate::usage::Meter;

/// Runs a pipeline.
pub(super) fn execute(executor: &dyn Executor, arguments: &RunArgs) -> Result<Exit, Failure> {
    run(executor, arguments, &Interrupts::install()?)
}

/// Runs a pipeline as one of several that the same process runs.
pub(super) fn run(executor: &dyn Executor, arguments: &RunArgs, interrupts: &Interrupts) -> Result<Exit, Failure> {
    let Some(job) = load::checked_job(executor, &arguments.job)? else { return Ok(Exit::Error) };
    let meter = Meter::start();
    let report = watched(executor, &job, arguments.quiet, &meter, interrupts);
    let ended = Ended { job: &job, report: &report, usage: meter.read() };
    match (arguments.job.output, &report.outcome) {
        (OutputFormat::Json, _) => output::json(&ended.json())?,
        (OutputFormat::Text, Outcome::Failed(failure)) if arguments.quiet => output::error(failure),
        (OutputFormat::Text, _) if arguments.quiet => {}
        (OutputFormat::Text, _) => output::talk(&ended.text()),
    }
    Ok(exit(&report))
}

/// The exit code of a job that has ended.
pub(super) fn exit(report: &RunReport) -> Exit {
    match report.outcome {
        Outcome::Completed(_) => Exit::Done,
        Outcome::Failed(_) | Outcome::Cancelled => Exit::JobFailed,
    }
}

/// Runs `job` while another thread shows its progress.
pub(super) fn watched(
    executor: &dyn Executor,
    job: &JobSpec,
    is_quiet: bool,
    meter: &Meter,
    interrupts: &Interrupts,
) -> RunReport {
    let control = Arc::new(Control::default());
    interrupts.watch(&control);
    if is_quiet {
        return executor.run(job, &control);
    }
    let name = &job.pipeline().name;
    thread::scope(|scope| {
        // Dropped when the job ends, also by a panic, which ends the thread that shows progress.
        let (_running, ended) = mpsc::channel();
        let control = &control;
        scope.spawn(move || progress_bar::show(name, control, meter, &ended));
        executor.run(job, control)
    })
}
