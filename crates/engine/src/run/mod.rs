//! One job from its first row to its target.

mod cooperative;
mod extent;
mod incremental;
mod input;
mod lookups;
mod pause;
mod prepare;
mod scratch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use etlplus_connectors::RejectFile;
use etlplus_connectors::target::{self, Load, Ready, Target};
use etlplus_core::pipeline::{INPUT, Interval, JobSpec};
use etlplus_core::ports::{Control, Outcome, RunReport, TargetReport};
use etlplus_core::progress::{Counters, Stage};
use etlplus_core::{Failure, LogLevel, RejectSummary};
use futures::StreamExt;

use self::cooperative::execute_cooperatively;
pub(crate) use self::incremental::next_interval;
use self::incremental::{fixed_interval, reached};
use self::input::{Input, register_copy, streaming_table};
pub(crate) use self::lookups::load_lookups;
use self::pause::{driven, unpaused};
pub(crate) use self::prepare::prepare_checks;
use self::prepare::{Facts, Prepared, prepare};
use self::scratch::ScratchFolder;
use crate::block_on;
use crate::failure::query_failure;
use crate::input_from::InputFrom;
use crate::job::{not_planned, plan_steps, register, spilling_session};

/// How soon a job notices that it was cancelled, paused or resumed while it waits for something else.
const CONTROL_POLL: Duration = Duration::from_millis(20);

/// The code of the failure by which a cancelled job unwinds.
const CANCELLED: &str = "cancelled";

/// Runs a job to its end.
pub(crate) fn run(job: &JobSpec, from: &InputFrom, control: &Arc<Control>) -> RunReport {
    let mut rejects = Vec::new();
    let mut reject_file = None;
    let result = block_on(load(job, from, control, &mut rejects, &mut reject_file));
    report(result, control, rejects, reject_file)
}

/// Reads, checks and transforms every row of a job, and writes nothing. The rows that it reports as loaded are those that a
/// run would load.
pub(crate) fn run_dry(job: &JobSpec, from: &InputFrom, control: &Arc<Control>) -> RunReport {
    let mut rejects = Vec::new();
    let result = block_on(try_out(job, from, control, &mut rejects));
    report(result, control, rejects, None)
}

fn report(
    result: Result<TargetReport, Failure>,
    control: &Control,
    rejects: Vec<RejectSummary>,
    reject_file: Option<PathBuf>,
) -> RunReport {
    let outcome = match result {
        Ok(report) => Outcome::Completed(report),
        Err(failure) if failure.code == CANCELLED => Outcome::Cancelled,
        Err(failure) => Outcome::Failed(failure),
    };
    RunReport { outcome, progress: control.counters.read(), rejects, reject_file }
}

/// Runs a job; tells of its rejects also where it fails.
async fn load(
    job: &JobSpec,
    from: &InputFrom,
    control: &Arc<Control>,
    summaries: &mut Vec<RejectSummary>,
    reject_file: &mut Option<PathBuf>,
) -> Result<TargetReport, Failure> {
    let target = target::of(job);
    let state = unless_cancelled(control, target.state()).await?;
    if let Some(rows) = state.loaded {
        control.say(LogLevel::Info, || "an earlier attempt has loaded all rows: nothing is left to do".to_owned());
        return Ok(TargetReport { location: job.target_name(), rows, bytes: None });
    }
    let reject_path = job.reject_path();
    ensure_first_replay(from, &reject_path)?;
    let interval = unless_cancelled(control, fixed_interval(job, &*target, &state)).await?;
    let rejects = RejectFile::create(&reject_path, job.pipeline().rejects.format, job.id(), control)?;
    let scratch = ScratchFolder::create()?;
    let context = spilling_session(job, scratch.path())?;
    let begun = begin(job, from, &*target, interval.as_ref(), &context, rejects, control);
    let (input, facts) = unless_cancelled(control, begun).await?;
    let tables = Tables { context: &context, input: &input, scans: facts.scans, scratch: &scratch };
    let written = write(job, &*target, &tables, interval.as_ref(), control);
    let written = unless_cancelled(control, written).await;

    // The rejects of a failed job tell why it failed, so they are kept; a cancelled one leaves nothing, and so does a replay,
    // whose rows are all in the file that it read.
    let rejects = input.take_rejects().await?;
    *summaries = rejects.summaries();
    let are_kept = match from {
        InputFrom::Source => !control.is_cancelled(),
        InputFrom::Rejects(_) => false,
    };
    if written.is_ok() || are_kept {
        rejects.commit(control)?;
        *reject_file = Some(reject_path);
    }
    let ready = written?;
    control.counters.enter(Stage::Commit);
    control.say(LogLevel::Info, || format!("putting the rows in place: {}", job.target_name()));
    let loaded = ready.commit().await?;
    let rows = control.counters.rows_loaded.load(Ordering::Relaxed);
    Ok(TargetReport { location: job.target_name(), rows, bytes: loaded.bytes })
}

/// A replay that was completed leaves a reject file, be it empty: the rows that passed are in the target, and would be loaded
/// twice by another one of the same file, corrected some more.
fn ensure_first_replay(from: &InputFrom, again: &Path) -> Result<(), Failure> {
    match from {
        InputFrom::Rejects(rejects) if again.exists() => Err(Failure::user(
            "replayed_before",
            format!("{} was replayed before: {} has the rows that failed again", rejects.display(), again.display()),
            "correct and replay that file; if its replay did not complete, remove it first",
        )),
        _ => Ok(()),
    }
}

/// Counts the rows that a job would load.
async fn try_out(
    job: &JobSpec,
    from: &InputFrom,
    control: &Arc<Control>,
    summaries: &mut Vec<RejectSummary>,
) -> Result<TargetReport, Failure> {
    let target = target::of(job);
    let state = unless_cancelled(control, target.state()).await?;
    if state.loaded.is_some() {
        control.say(LogLevel::Info, || "an earlier attempt has loaded all rows: nothing is left to do".to_owned());
        return Ok(TargetReport { location: job.target_name(), rows: 0, bytes: None });
    }
    ensure_first_replay(from, &job.reject_path())?;
    let scratch = ScratchFolder::create()?;
    let context = spilling_session(job, scratch.path())?;
    let begun = begin(job, from, &*target, None, &context, RejectFile::counting(), control);
    let (input, facts) = unless_cancelled(control, begun).await?;
    let tables = Tables { context: &context, input: &input, scans: facts.scans, scratch: &scratch };
    let counted = unless_cancelled(control, count(job, &tables, control)).await;
    *summaries = input.take_rejects().await?.summaries();
    Ok(TargetReport { location: job.target_name(), rows: counted?, bytes: None })
}

/// Opens what the job reads, and has all ready for its first row.
async fn begin(
    job: &JobSpec,
    from: &InputFrom,
    target: &dyn Target,
    interval: Option<&Interval>,
    context: &SessionContext,
    rejects: RejectFile,
    control: &Arc<Control>,
) -> Result<(Arc<Input>, Facts), Failure> {
    let mut source = from.open(job, interval).await?;
    if let (Some(interval), Some(incremental)) = (interval, &job.pipeline().incremental) {
        source.plan_mut().follow(&incremental.cursor, interval.after.as_ref())?;
    }
    control.say(LogLevel::Info, || match source.bytes_total() {
        Some(bytes) => format!("reading {bytes} bytes from {}", from.name(job)),
        None => format!("reading {}", from.name(job)),
    });
    let Prepared { intake, extent, facts } = prepare(job, from, context, source, target, control).await?;
    Ok((Arc::new(Input::new(intake, rejects, control.clone(), extent, job)), facts))
}

/// Drives `work` to its end, or until the job is cancelled.
async fn unless_cancelled<T>(control: &Control, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = driven(control, work) => done,
        () = cancelled(control) => Err(cancelled_failure()),
    }
}

/// What the queries of a running job read.
struct Tables<'a> {
    context: &'a SessionContext,
    input: &'a Arc<Input>,
    /// How often the queries read the input.
    scans: usize,
    scratch: &'a ScratchFolder,
}

/// Reads, checks, transforms and writes every row. The target is complete then, and not in its place yet.
async fn write(
    job: &JobSpec,
    target: &dyn Target,
    tables: &Tables<'_>,
    interval: Option<&Interval>,
    control: &Arc<Control>,
) -> Result<Box<dyn Ready>, Failure> {
    let mut rows = query(job, tables, control).await?;
    let mut loader = target.start(Load { schema: rows.schema(), control: control.clone() }).await?;
    while let Some(batch) = rows.next().await {
        unpaused(control).await;
        let batch = batch.map_err(query_failure)?;
        Counters::add(&control.counters.rows_transformed, batch.num_rows() as u64);
        loader.write(batch).await?;
    }
    read_to_the_end(tables.input).await?;
    let seen = tables.input.cursor().await;
    loader.finish(interval.and_then(|interval| reached(interval, seen.as_ref()))).await
}

/// Reads, checks and transforms every row; how many there are then.
async fn count(job: &JobSpec, tables: &Tables<'_>, control: &Arc<Control>) -> Result<u64, Failure> {
    let mut rows = query(job, tables, control).await?;
    while let Some(batch) = rows.next().await {
        unpaused(control).await;
        Counters::add(&control.counters.rows_transformed, batch.map_err(query_failure)?.num_rows() as u64);
    }
    read_to_the_end(tables.input).await?;
    Ok(control.counters.rows_transformed.load(Ordering::Relaxed))
}

/// Starts the job's query over its input.
async fn query(job: &JobSpec, tables: &Tables<'_>, control: &Control) -> Result<SendableRecordBatchStream, Failure> {
    let Tables { context, input, scans, scratch } = *tables;
    control.counters.enter(Stage::Stream);
    // A source is read once. Queries that read it more often read a scratch copy of the rows that passed.
    if scans > 1 {
        register_copy(context, input, scratch.path()).await?;
    } else {
        register(context, INPUT, streaming_table(input)?);
    }
    let rows = plan_steps(context, job).await.map_err(|mistakes| not_planned(&mistakes))?;
    let rows = execute_cooperatively(rows).await.map_err(query_failure)?;
    for step in &job.pipeline().transforms {
        control.say(LogLevel::Info, || format!("step {} is planned", step.name));
    }
    Ok(rows)
}

/// A query need not read its input to the end (LIMIT, a join with nothing); the counts are of the whole input still.
async fn read_to_the_end(input: &Input) -> Result<(), Failure> {
    while input.next().await?.is_some() {}
    input.ensure_few_rejects()
}

async fn cancelled(control: &Control) {
    let mut tick = tokio::time::interval(CONTROL_POLL);
    while !control.is_cancelled() {
        tick.tick().await;
    }
}

fn cancelled_failure() -> Failure {
    Failure::user(CANCELLED, "the job was cancelled", "run it again")
}
