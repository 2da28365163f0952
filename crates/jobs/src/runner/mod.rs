//! The body of the runner process: one attempt, one check or one preview, and then its end.
//!
//! The job moves rows on this thread's behalf; a reporter thread reads the counters and tells them, and a listener thread
//! hears the supervisor. Neither can hold up the job: what is said goes to the spool file, and the outcome to a file.

mod listen;
mod report;
mod spool;
mod usage;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etlplus_core::ids::JobId;
use etlplus_core::job::JobDefinition;
use etlplus_core::log::{FieldValue, Fields, LogLevel};
use etlplus_core::pipeline::{self, JobSpec};
use etlplus_core::ports::{Control, Executor, Outcome, RunReport};
use etlplus_core::{Counters, Failure, Mistake};
use uuid::Uuid;

use crate::attempt::AttemptFolder;
use crate::protocol::{self, FRAME_MAX_BYTES, FrameError, FromRunner, Hello, RunTask, Task, ToRunner};
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
    let _ = say(&output, &FromRunner::Hello(Hello::ours()));
    let task = match protocol::read_blocking(&mut io::stdin().lock()) {
        Ok(Some(ToRunner::Task(task))) => task,
        // The server went away before it had something to do for us.
        Ok(None) => return true,
        Ok(Some(_)) | Err(_) => return false,
    };
    match task {
        Task::Run(task) => run_attempt(executor, task, output),
        Task::Check(definition) => {
            let _listener = Listener::start(Arc::default());
            let mistakes = spec(nobody(), &definition)
                .map_or_else(|failures| failures.into_mistakes(), |spec| executor.check(&spec));
            say(&output, &FromRunner::Checked(mistakes)).is_ok()
        }
        Task::Preview { definition, rows } => {
            let control = Arc::new(Control::default());
            let _listener = Listener::start(control.clone());
            let previews = spec(nobody(), &definition)
                .map_err(Unfit::into_failure)
                .and_then(|spec| executor.preview(&spec, rows.into(), &control));
            if let Err(FrameError::TooLong(bytes)) = say(&output, &FromRunner::Previewed(previews)) {
                let message = format!("the preview has {bytes} bytes, and may have {FRAME_MAX_BYTES}");
                let failure = Failure::limit("preview_too_large", message, "ask for fewer rows");
                return say(&output, &FromRunner::Previewed(Err(failure))).is_ok();
            }
            true
        }
    }
}

/// Says something to the supervisor. One that cannot hear is gone; the listener ends the process then, so that whoever has
/// nothing better to say need not look at the answer.
fn say(output: &Output, message: &FromRunner) -> Result<(), FrameError> {
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    protocol::write_blocking(&mut *output, message)
}

fn run_attempt(executor: &dyn Executor, task: RunTask, output: Output) -> bool {
    let folder = AttemptFolder::at(task.folder.clone());
    let (level, max_bytes) = (task.definition.log_level, task.log_max_bytes);
    // Without the hold, another runner may have the job: this one must not touch its target.
    let begun = folder.hold().and_then(|hold| Ok((hold, Spool::create(&folder.spool(), level, max_bytes)?)));
    let (_hold, spool) = match begun {
        Ok((hold, spool)) => (hold, Arc::new(spool)),
        Err(error) => {
            let message = format!("the runner cannot use {}: {error}", folder.path().display());
            let remedy = "make room and access in the data folder, then submit the job again";
            let _ = say(&output, &FromRunner::Ended(failed(Failure::transient("attempt_folder", message, remedy))));
            return false;
        }
    };
    let control = Arc::new(Control::with_log(spool.clone()).keeping_rejects(task.reject_copy.clone()));
    let listener = Listener::start(control.clone());
    let silence_max = Duration::from_millis(task.silence_max_ms);
    let reporter = Reporter::start(control.clone(), spool.clone(), output.clone(), silence_max);

    let mut report = attempt(executor, &task, &control);
    report.rejects.truncate(BROKEN_RULES_MAX);
    report.reject_file = task.reject_copy.exists().then(|| task.reject_copy.clone());
    report.progress.usage = usage::read();
    // Cancelled by the end of the server, not by a person: the next server decides what becomes of the job.
    let is_orphan = matches!(report.outcome, Outcome::Cancelled) && listener.is_orphaned();
    spool.tell_left_out();
    tell_end(&report, is_orphan, &control);
    if is_orphan {
        return false;
    }
    if folder.write_outcome(&report).is_err() {
        // A full disk: the supervisor has to keep in mind what the file would have kept.
        let _ = say(&output, &FromRunner::Ended(report));
        return false;
    }
    reporter.stop();
    true
}

/// The report of an attempt that did nothing.
fn failed(failure: Failure) -> RunReport {
    let progress = Counters::default().read();
    RunReport { outcome: Outcome::Failed(failure), progress, rejects: Vec::new(), reject_file: None }
}

fn attempt(executor: &dyn Executor, task: &RunTask, control: &Arc<Control>) -> RunReport {
    let spec = match spec(task.job, &task.definition) {
        Ok(spec) => spec,
        Err(unfit) => return failed(unfit.into_failure()),
    };
    control.say(LogLevel::Info, || format!("attempt {} of pipeline {} begins", task.attempt, spec.pipeline().name));
    let mistakes = executor.check(&spec);
    if !mistakes.is_empty() {
        for mistake in &mistakes {
            control.say(LogLevel::Error, || format!("{}:{mistake}", spec.pipeline().name));
        }
        return failed(first_of(mistakes));
    }
    executor.run(&spec, control)
}

fn tell_end(report: &RunReport, is_orphan: bool, control: &Control) {
    let progress = &report.progress;
    for summary in &report.rejects {
        let field = summary.field.as_deref().unwrap_or("the row");
        let rows = if summary.rows == 1 { "1 row was".to_owned() } else { format!("{} rows were", summary.rows) };
        control.say_with(LogLevel::Warn, || {
            let parts = [("rule", summary.rule.as_str().into()), ("rows", summary.rows.into())];
            let field_name = summary.field.as_deref().map(|field| ("field", field.into()));
            (format!("{rows} rejected: {field} breaks {}", summary.rule), fields(parts.into_iter().chain(field_name)))
        });
    }
    match &report.outcome {
        Outcome::Completed(target) => control.say_with(LogLevel::Info, || {
            let (read, failed, loaded) = (progress.records_processed(), progress.records_failed, target.rows);
            let message =
                format!("completed: {read} rows checked, {failed} rejected, {loaded} loaded into {}", target.location);
            let counts = [("rowsChecked", read), ("rowsRejected", failed), ("rowsLoaded", loaded)];
            (message, fields(counts.map(|(name, rows)| (name, rows.into()))))
        }),
        Outcome::Failed(failure) => control.say_with(LogLevel::Error, || {
            (format!("failed: {failure}"), fields([("code", failure.code.as_str().into())]))
        }),
        Outcome::Cancelled if is_orphan => {
            control.say(LogLevel::Warn, || "stopped with its server; the target is as it was".to_owned());
        }
        Outcome::Cancelled => {
            control.say(LogLevel::Warn, || "stopped before its end; the target is as it was".to_owned())
        }
    }
}

fn fields(parts: impl IntoIterator<Item = (&'static str, FieldValue)>) -> Fields {
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
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
