//! What a job has ready before it reads its first row: lookups, the rules of its rows, the keys of its target.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::datatypes::SchemaRef;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::prelude::{DataFrame, SessionContext};
use etlplus_connectors::source::{self, OpenSource};
use etlplus_connectors::target::Target;
use etlplus_connectors::{CheckPlan, Intake};
use etlplus_core::pipeline::{INPUT, JobSpec, LoadMode};
use etlplus_core::ports::Control;
use etlplus_core::{Failure, LogLevel};
use futures::StreamExt;

use super::extent::Extent;
use super::load_lookups;
use crate::checks::{UniqueInTarget, combining_step, load_references, require_predicates, unique_in_target};
use crate::failure::query_failure;
use crate::input_from::InputFrom;
use crate::job::{not_planned, plan, plan_lookups, register, session, sources_of};
use crate::memory::JobMemory;
use crate::sql::scans_of_input;

/// A job that is ready to read.
pub(super) struct Prepared {
    /// Its rows.
    pub(super) intake: Intake,
    /// How many there can be.
    pub(super) extent: Extent,
    /// What is there beside them.
    pub(super) facts: Facts,
}

/// What a job knows and holds while it reads.
pub(super) struct Facts {
    /// How often the job's queries read its input.
    pub(super) scans: usize,
    /// What the lookups have of the job's memory, for as long as it runs.
    _lookups: Vec<MemoryReservation>,
}

/// Reads the lookups of `job` into `context`, and all that its rows have to be compared with.
pub(super) async fn prepare(
    job: &JobSpec,
    from: &InputFrom,
    context: &SessionContext,
    mut source: OpenSource,
    target: &dyn Target,
    control: &Control,
) -> Result<Prepared, Failure> {
    let lookups = load_lookups(context, job).await?;
    for lookup in &job.pipeline().lookups {
        control.say(LogLevel::Info, || format!("lookup {} is loaded", lookup.name));
    }
    plan_lookups(context, job).await.map_err(|mistakes| not_planned(&mistakes))?;
    prepare_checks(context, job, source.plan_mut()).await?;
    let query = query_without_rows(job, source.schema()).await?;
    let scans = scans_of_input(query.logical_plan());
    let query = query.into_optimized_plan().map_err(query_failure)?;
    if let (InputFrom::Rejects(_), Some(what)) = (from, combining_step(&query)) {
        return Err(Failure::user(
            "replay_combines_rows",
            format!("the transforms make rows of several rows ({what}), so that corrected rows cannot be added"),
            "correct the rows in the source, and run the pipeline again",
        ));
    }
    let unique = unique_in_target(source.plan_mut(), &query);
    control.counters.bytes_total.store(source.bytes_total().unwrap_or(0), Ordering::Relaxed);
    source.rows_total().into_iter().for_each(|rows| control.counters.set_rows_total(rows));
    let extent = Extent::of(&source);
    let mut intake = Intake::start(source, &JobMemory(context.runtime_env().memory_pool.clone()));
    if job.pipeline().target.mode == LoadMode::Append {
        see_target(target, &unique, &mut intake).await?;
    }
    Ok(Prepared { intake, extent, facts: Facts { scans, _lookups: lookups } })
}

/// Gives `plan` what its rules need of the query engine: the keys of lookups, and the rules in SQL. `context` has the lookups.
pub(crate) async fn prepare_checks(
    context: &SessionContext,
    job: &JobSpec,
    plan: &mut CheckPlan,
) -> Result<(), Failure> {
    load_references(context, plan, &JobMemory(context.runtime_env().memory_pool.clone())).await?;
    require_predicates(context, job, plan).map_err(|mistake| not_planned(&[mistake]))
}

/// The job's query over tables without rows.
async fn query_without_rows(job: &JobSpec, input: SchemaRef) -> Result<DataFrame, Failure> {
    let context = session(job)?;
    register(&context, INPUT, Arc::new(EmptyTable::new(input)));
    for (name, lookup) in sources_of(job.pipeline()).skip(1) {
        register(&context, name, Arc::new(EmptyTable::new(source::open(lookup, job, None).await?.schema())));
    }
    plan(&context, job).await.map_err(|mistakes| not_planned(&mistakes))
}

/// Makes the values that the target has count as seen.
async fn see_target(target: &dyn Target, unique: &[UniqueInTarget], intake: &mut Intake) -> Result<(), Failure> {
    for UniqueInTarget { column, ty, target: name } in unique {
        let Some(mut values) = target.values(name, *ty).await? else { continue };
        while let Some(values) = values.next().await {
            intake.have_seen(column, &values?)?;
        }
    }
    Ok(())
}
