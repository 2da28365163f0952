//! One job from its first row to its target.

mod cooperative;
mod encode;
mod input;
mod lookups;
mod pause;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;
use etlplus_core::pipeline::{INPUT, JobSpec};
use etlplus_core::ports::{Control, Outcome, RunReport, TargetReport};
use etlplus_core::progress::Stage;
use etlplus_core::{Failure, LogLevel, Mistake, RejectSummary};

use self::cooperative::execute_cooperatively;
use self::encode::encode;
use self::input::{Input, register_scratch, streaming_table};
pub(crate) use self::lookups::load_lookups;
use self::pause::driven;
use crate::block_on;
use crate::failure::query_failure;
use crate::intake::Intake;
use crate::job::{files_of, plan, register, session};
use crate::reject_file::RejectFile;
use crate::source::{self, OpenSource};
use crate::sql::scans_of_input;
use crate::target::{self, Encoder};

/// How soon a job notices that it was cancelled, paused or resumed while it waits for something else.
const CONTROL_POLL: Duration = Duration::from_millis(20);

/// The code of the failure by which a cancelled job unwinds.
const CANCELLED: &str = "cancelled";

/// Runs a job to its end.
pub(crate) fn run(job: &JobSpec, control: &Arc<Control>) -> RunReport {
    let mut rejects = Vec::new();
    let mut reject_file = None;
    let result = block_on(load(job, control, &mut rejects, &mut reject_file));
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
    control: &Arc<Control>,
    summaries: &mut Vec<RejectSummary>,
    reject_file: &mut Option<PathBuf>,
) -> Result<TargetReport, Failure> {
    let (target_path, reject_path) = (job.target_path(), job.reject_path());
    let source = source::open(&job.pipeline().source, job)?;
    control.say(LogLevel::Info, || {
        format!("reading {} bytes from {}", source.bytes_total(), job.path(&job.pipeline().source.path).display())
    });
    let context = session(job)?;
    let rejects = RejectFile::create(&reject_path, job.id())?;
    let input = Arc::new(Input::new(start(source, &context, control), rejects, control.clone(), job));

    let written = tokio::select! {
        written = driven(control, write_target(job, &context, &input, control)) => written,
        () = cancelled(control) => Err(cancelled_failure()),
    };

    // The rejects of a failed job tell why it failed, so they are kept; a cancelled one leaves nothing.
    let rejects = input.take_rejects().await?;
    *summaries = rejects.summaries();
    if written.is_ok() || !control.is_cancelled() {
        rejects.commit(control)?;
        *reject_file = Some(reject_path);
    }
    let encoder = written?;
    control.counters.enter(Stage::Commit);
    control.say(LogLevel::Info, || format!("putting {} in place", target_path.display()));
    let bytes = target::commit(encoder)?;
    Ok(TargetReport { path: target_path, rows: control.counters.rows_loaded.load(Ordering::Relaxed), bytes })
}

fn start(source: OpenSource, context: &SessionContext, control: &Control) -> Intake {
    control.counters.bytes_total.store(source.bytes_total(), Ordering::Relaxed);
    if let Some(rows) = source.rows_total {
        control.counters.set_rows_total(rows);
    }
    Intake::start(source, &context.runtime_env().memory_pool)
}

/// Reads, checks, transforms and encodes every row. The target is complete then, and not in its place yet.
async fn write_target(
    job: &JobSpec,
    context: &SessionContext,
    input: &Arc<Input>,
    control: &Arc<Control>,
) -> Result<Box<dyn Encoder>, Failure> {
    let _lookup_memory = load_lookups(context, job).await?;
    for lookup in &job.pipeline().lookups {
        control.say(LogLevel::Info, || format!("lookup {} is loaded", lookup.name));
    }
    let scans = scans(job, input).await?;
    control.counters.enter(Stage::Stream);
    // A source is read once. Queries that read it more often read a scratch copy of the rows that passed.
    let _scratch = if scans > 1 {
        Some(register_scratch(context, input, job.id()).await?)
    } else {
        register(context, INPUT, streaming_table(input)?);
        None
    };
    let rows = plan(context, job).await.map_err(|mistakes| not_planned(&mistakes))?;
    let rows = execute_cooperatively(rows).await.map_err(query_failure)?;
    let format = &job.pipeline().target.format;
    let encoder = target::create(format, &job.target_path(), job.id(), &rows.schema())?;
    for step in &job.pipeline().transforms {
        control.say(LogLevel::Info, || format!("step {} is planned", step.name));
    }
    let encoder = encode(rows, encoder, control).await?;
    // A query need not read its input to the end (LIMIT, a join with nothing); the counts are of the whole input still.
    while input.next().await?.is_some() {}
    input.ensure_few_rejects()?;
    Ok(encoder)
}

/// How often the job's queries read its input.
async fn scans(job: &JobSpec, input: &Input) -> Result<usize, Failure> {
    let context = session(job)?;
    register(&context, INPUT, Arc::new(EmptyTable::new(input.schema())));
    for (name, lookup) in files_of(job.pipeline()).skip(1) {
        register(&context, name, Arc::new(EmptyTable::new(source::open(lookup, job)?.schema())));
    }
    let rows = plan(&context, job).await.map_err(|mistakes| not_planned(&mistakes))?;
    Ok(scans_of_input(rows.logical_plan()))
}

/// The first mistake of a pipeline that was run without being checked.
fn not_planned(mistakes: &[Mistake]) -> Failure {
    match mistakes.first() {
        Some(mistake) => Failure::user(
            "pipeline_invalid",
            format!("line {}: {}: {}", mistake.position.line, mistake.key, mistake.message),
            mistake.remedy.clone(),
        ),
        None => Failure::bug("a plan failed without a reason"),
    }
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
