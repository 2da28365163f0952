//! The body of the runner process: one attempt, one check or one preview, and then its end.
//!
//! The job moves rows on this thread's behalf; a reporter thread reads the counters and tells them, and a listener thread
//! hears the supervisor. Neither can hold up the job: what is said goes to the spool file, and the outcome to a file.

mod listen;
mod report;
mod spool;
mod usage;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use etlplus_core::ids::JobId;
use etlplus_core::job::JobDefinition;
use etlplus_core::log::LogLevel;
use etlplus_core::pipeline::{self, JobSpec};
use etlplus_core::ports::{Control, Executor, Outcome, RunReport};
use etlplus_core::{Failure, Mistake};
use uuid::Uuid;

use crate::attempt::AttemptFolder;
use crate::protocol::{self, FromRunner, Hello, RunTask, Task, ToRunner};
use listen::Listener;
use report::Reporter;
use spool::Spool;

/// Broken rules that are told of an attempt, by falling count. The reject file has them all.
const BROKEN_RULES_MAX: usize = 100;

/// Where the runner speaks: the reporter and the answers share it.
type Output = Arc<Mutex<io::Stdout>>;

/// Does what the supervisor at the other end of standard input and output asks, and ends. To be called by the program
/// that [`RunnerProgram`](crate::RunnerProgram) names, first thing in `main`.
/// Answers whether it did all that it was asked; it says no more than that, because nobody but the supervisor asked.
pub fn run(executor: &dyn Executor) -> bool {
    let output: Output = Arc::new(Mutex::new(io::stdout()));
    say(&output, &FromRunner::Hello(Hello::ours()));
    let task = match protocol::read_blocking(&mut io::stdin().lock()) {
        Ok(Some(ToRunner::Task(task))) => task,
        // The server went away before it had something to do for us.
        Ok(None) => return true,
        Ok(Some(ToRunner::Cancel)) | Err(_) => return false,
    };
    match task {
        Task::Run(task) => run_attempt(executor, task, output),
        Task::Check(definition) => {
            let _listener = Listener::start(Arc::default());
            let mistakes = spec(nobody(), &definition)
                .map_or_else(|failures| failures.into_mistakes(), |spec| executor.check(&spec));
            say(&output, &FromRunner::Checked(mistakes));
            true
        }
        Task::Preview { definition, rows } => {
            let control = Arc::new(Control::default());
            let _listener = Listener::start(control.clone());
            let previews = spec(nobody(), &definition)
                .map_err(Unfit::into_failure)
                .and_then(|spec| executor.preview(&spec, rows.into(), &control));
            say(&output, &FromRunner::Previewed(previews));
            true
        }
    }
}

/// A supervisor that cannot hear is gone; the listener ends the process then.
fn say(output: &Output, message: &FromRunner) {
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = protocol::write_blocking(&mut *output, message);
}

fn run_attempt(executor: &dyn Executor, task: RunTask, output: Output) -> bool {
    let folder = AttemptFolder::at(task.folder.clone());
    // Without the hold, another runner has the job: this one must not touch its target.
    let Ok(_hold) = folder.hold() else { return false };
    let Ok(spool) = Spool::create(&folder.spool(), task.definition.log_level, task.log_max_bytes) else {
        return false;
    };
    let spool = Arc::new(spool);
    let control = Arc::new(Control::with_log(spool.clone()));
    let listener = Listener::start(control.clone());
    let reporter = Reporter::start(control.clone(), spool.clone(), output, Instant::now());

    let mut report = attempt(executor, &task, &control);
    report.rejects.truncate(BROKEN_RULES_MAX);
    report.reject_file = report.reject_file.and_then(|path| keep_rejects(&path, &task.reject_copy, &control));
    report.progress.usage = usage::read();
    tell_end(&report, &control);
    spool.finish();
    // Cancelled by the end of the server, not by a person: the next server decides what becomes of the job.
    if matches!(report.outcome, Outcome::Cancelled) && listener.is_orphaned() {
        return false;
    }
    if let Err(error) = folder.write_outcome(&report) {
        let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("cannot write the outcome: {error}\n"));
        return false;
    }
    reporter.stop();
    true
}

fn attempt(executor: &dyn Executor, task: &RunTask, control: &Arc<Control>) -> RunReport {
    let ended = |failure: Failure| RunReport {
        outcome: Outcome::Failed(failure),
        progress: control.counters.read(),
        rejects: Vec::new(),
        reject_file: None,
    };
    let spec = match spec(task.job, &task.definition) {
        Ok(spec) => spec,
        Err(unfit) => return ended(unfit.into_failure()),
    };
    control.say(LogLevel::Info, || format!("attempt {} of pipeline {} begins", task.attempt, spec.pipeline().name));
    let mistakes = executor.check(&spec);
    if !mistakes.is_empty() {
        for mistake in &mistakes {
            control.say(LogLevel::Error, || format!("{}:{mistake}", spec.pipeline().name));
        }
        return ended(first_of(mistakes));
    }
    executor.run(&spec, control)
}

fn tell_end(report: &RunReport, control: &Control) {
    let progress = &report.progress;
    for summary in &report.rejects {
        let field = summary.field.as_deref().unwrap_or("the row");
        control.say(LogLevel::Warn, || format!("{} rows were rejected: {field} breaks {}", summary.rows, summary.rule));
    }
    match &report.outcome {
        Outcome::Completed(target) => control.say(LogLevel::Info, || {
            let (read, failed) = (progress.records_processed(), progress.records_failed);
            format!(
                "completed: {read} rows checked, {failed} rejected, {} loaded into {}",
                target.rows,
                target.path.display()
            )
        }),
        Outcome::Failed(failure) => control.say(LogLevel::Error, || format!("failed: {failure}")),
        Outcome::Cancelled => control.say(LogLevel::Warn, || "cancelled; the target is as it was".to_owned()),
    }
}

/// The job's own copy of its reject file: the pipeline's next job replaces the file at its place.
fn keep_rejects(path: &Path, copy: &Path, control: &Control) -> Option<std::path::PathBuf> {
    let _ = std::fs::remove_file(copy);
    // On the same file system, a second name costs nothing.
    let kept = std::fs::hard_link(path, copy).or_else(|_| std::fs::copy(path, copy).map(|_| ()));
    match kept {
        Ok(()) => Some(copy.to_owned()),
        Err(error) => {
            control.say(LogLevel::Warn, || format!("the rejects are in {} alone: {error}", path.display()));
            Some(path.to_owned())
        }
    }
}

/// A definition that makes no job.
pub(crate) enum Unfit {
    /// The pipeline has mistakes.
    Pipeline(Vec<Mistake>),
    /// Parameters do not fit.
    Arguments(Vec<pipeline::ArgumentError>),
}

impl Unfit {
    fn into_failure(self) -> Failure {
        match self {
            Self::Pipeline(mistakes) => first_of(mistakes),
            Self::Arguments(errors) => {
                let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
                Failure::user("parameters_unfit", texts.join("; "), "mend the parameters and submit the job again")
            }
        }
    }

    fn into_mistakes(self) -> Vec<Mistake> {
        match self {
            Self::Pipeline(mistakes) => mistakes,
            Self::Arguments(errors) => errors
                .into_iter()
                .map(|error| Mistake {
                    position: etlplus_core::Position::START,
                    key: format!("parameters.{}", error.name),
                    message: error.message,
                    remedy: error.remedy,
                })
                .collect(),
        }
    }
}

/// The job that `definition` makes.
pub(crate) fn spec(job: JobId, definition: &JobDefinition) -> Result<JobSpec, Unfit> {
    let pipeline = pipeline::parse(&definition.pipeline).map_err(Unfit::Pipeline)?;
    JobSpec::new(job, Arc::new(pipeline), &definition.folder, &definition.parameters, definition.as_of)
        .map_err(Unfit::Arguments)
}

/// A failure by the first of several mistakes, which says how many there are.
fn first_of(mistakes: Vec<Mistake>) -> Failure {
    let more = mistakes.len().saturating_sub(1);
    match mistakes.into_iter().next() {
        None => Failure::bug("a check failed without a mistake"),
        Some(first) => {
            let also = if more == 0 { String::new() } else { format!(" (and {more} more, in the log)") };
            let message = format!("line {}: {}: {}{also}", first.position.line, first.key, first.message);
            Failure::user("pipeline_invalid", message, first.remedy)
        }
    }
}

/// An id where no job is meant.
pub(crate) fn nobody() -> JobId {
    JobId::from_uuid(Uuid::now_v7())
}
