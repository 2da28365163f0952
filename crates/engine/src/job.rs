//! A job's tables and queries: from a checked pipeline to a plan that can run.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use etlplus_core::pipeline::{INPUT, JobSpec, Lookup, LookupOrigin, Pipeline, Place};
use etlplus_core::{Failure, Mistake, Position};

use etlplus_connectors::{CheckPlan, source, target};

use crate::checks::{combining_step, predicate_mistakes, reference_mistakes};
use crate::failure::query_failure;
use crate::input_from::InputFrom;
use crate::sql::{
    CheckedArithmetic, CheckedSums, Query, functions, lookup_order, physical_rules, scans_of_input, sql_mistake,
};

/// A query engine with the memory that the job may use. It spills to no file.
pub(crate) fn session(job: &JobSpec) -> Result<SessionContext, Failure> {
    session_with(job, DiskManagerMode::Disabled)
}

/// The same for a job that runs: what goes beyond its memory is spilled to `scratch`.
pub(crate) fn spilling_session(job: &JobSpec, scratch: &Path) -> Result<SessionContext, Failure> {
    session_with(job, DiskManagerMode::Directories(vec![scratch.to_owned()]))
}

fn session_with(job: &JobSpec, spilling: DiskManagerMode) -> Result<SessionContext, Failure> {
    let memory = usize::try_from(job.pipeline().limits.memory_bytes).unwrap_or(usize::MAX);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(spilling))
        .build_arc()
        .map_err(query_failure)?;
    let config = SessionConfig::new()
        // Without it a filter or a projection keeps the order of the input.
        .with_round_robin_repartition(false)
        .set_bool("datafusion.sql_parser.collect_spans", true)
        // The scratch copy of the input has the types that the input has.
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
        // 0.1 is a tenth, not the nearest binary fraction.
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_physical_optimizer_rules(physical_rules())
        .build();
    let context = SessionContext::new_with_state(state);
    context.add_analyzer_rule(Arc::new(CheckedArithmetic));
    context.add_analyzer_rule(Arc::new(CheckedSums));
    functions().into_iter().for_each(|function| context.register_udf(function));
    Ok(context)
}

/// Everything that can be known to be wrong before a row is read.
pub(crate) async fn check(job: &JobSpec, from: &InputFrom) -> Vec<Mistake> {
    let pipeline = job.pipeline();
    let mut mistakes = Vec::new();
    let context = match session(job) {
        Ok(context) => context,
        Err(failure) => return vec![as_mistake(&failure, None)],
    };
    let mut sources = Vec::new();
    let mut is_known = true;
    for (table, source) in sources_of(pipeline) {
        let opened = match table {
            INPUT => from.open(job, None).await,
            _ => source::open(source, job, None).await,
        };
        match opened {
            Ok(open) => {
                register(&context, table, Arc::new(EmptyTable::new(open.schema())));
                sources.extend(open.files().map(Path::to_owned));
            }
            Err(failure) => {
                mistakes.push(as_mistake(&failure, Some(source.origin.place())));
                // What is declared is enough to check SQL with, even while the file is missing.
                if source.columns.is_empty() {
                    is_known = false;
                } else {
                    let plan = CheckPlan::new(&source.columns, job);
                    register(&context, table, Arc::new(EmptyTable::new(plan.schema)));
                }
            }
        }
    }
    if is_known {
        mistakes.extend(check_sql(&context, job, from).await);
    }
    mistakes.extend(check_paths(job, &sources));
    mistakes
}

/// Everything that is wrong with the SQL of `job` and with what its rows have to keep. `context` has the input and the lookups
/// that are no queries.
async fn check_sql(context: &SessionContext, job: &JobSpec, from: &InputFrom) -> Vec<Mistake> {
    if let Err(mistakes) = plan_lookups(context, job).await {
        return mistakes;
    }
    let mut mistakes = reference_mistakes(context, job).await;
    if let Ok(input) = context.table(INPUT).await {
        mistakes.extend(predicate_mistakes(context, job, input.schema().as_arrow()));
    }
    match plan_steps(context, job).await {
        Ok(rows) => {
            mistakes.extend(check_target(job, rows.schema().as_arrow()).await);
            mistakes.extend(check_replay(job, from, &rows));
            let planned = rows.create_physical_plan().await;
            if let (Err(error), Some(step)) = (planned, job.pipeline().transforms.last()) {
                mistakes.push(sql_mistake(&step.sql, &error));
            }
        }
        Err(found) => mistakes.extend(found),
    }
    mistakes
}

/// Rows that are added to those of an earlier run have to be made of one row of the input each: a sum of them would stand
/// beside the sum of the others.
fn check_replay(job: &JobSpec, from: &InputFrom, rows: &DataFrame) -> Option<Mistake> {
    let (InputFrom::Rejects(_), Some(step)) = (from, job.pipeline().transforms.last()) else { return None };
    let what = combining_step(&rows.clone().into_optimized_plan().ok()?)?;
    Some(Mistake {
        position: step.sql.position(1, 1),
        key: step.sql.key.clone(),
        message: format!("the transforms make rows of several rows ({what}), so that corrected rows cannot be added"),
        remedy: "correct the rows in the source, and run the pipeline again".to_owned(),
    })
}

/// Registers the source and the lookups that are no queries as tables without rows: enough to plan with.
pub(crate) async fn register_empty(context: &SessionContext, job: &JobSpec) -> Result<(), Failure> {
    for (name, source) in sources_of(job.pipeline()) {
        register(context, name, Arc::new(EmptyTable::new(source::open(source, job, None).await?.schema())));
    }
    Ok(())
}

/// The first mistake of a pipeline that was run without being checked.
pub(crate) fn not_planned(mistakes: &[Mistake]) -> Failure {
    match mistakes.first() {
        Some(mistake) => Failure::user(
            "pipeline_invalid",
            format!("line {}: {}: {}", mistake.position.line, mistake.key, mistake.message),
            mistake.remedy.clone(),
        ),
        None => Failure::bug("a plan failed without a reason"),
    }
}

/// The source and the lookups that are no queries, by the names that SQL has for them.
pub(crate) fn sources_of(pipeline: &Pipeline) -> impl Iterator<Item = (&str, &etlplus_core::pipeline::Source)> {
    let lookups = pipeline.lookups.iter().filter_map(|lookup| match &lookup.origin {
        LookupOrigin::Source(source) => Some((lookup.name.as_str(), source)),
        LookupOrigin::Sql(_) => None,
    });
    std::iter::once((INPUT, &pipeline.source)).chain(lookups)
}

/// Gives `table` a name in SQL.
pub(crate) fn register(context: &SessionContext, name: &str, table: Arc<dyn TableProvider>) {
    // The only error of this call is a schema that does not exist, and the default one does.
    let registered = context.register_table(datafusion::common::TableReference::bare(name), table);
    debug_assert!(registered.is_ok(), "{name} could not be registered");
}

/// The rows that the target gets, as a query over the tables `input` and file lookups that `context` has already. The
/// other lookups and the steps become views.
pub(crate) async fn plan(context: &SessionContext, job: &JobSpec) -> Result<DataFrame, Vec<Mistake>> {
    plan_lookups(context, job).await?;
    plan_steps(context, job).await
}

/// The same over all lookups, which `context` has.
pub(crate) async fn plan_steps(context: &SessionContext, job: &JobSpec) -> Result<DataFrame, Vec<Mistake>> {
    let pipeline = job.pipeline();
    let mut known: Vec<&str> = [INPUT].into_iter().chain(pipeline.lookups.iter().map(|l| l.name.as_str())).collect();
    let mut mistakes = Vec::new();
    let mut last = None;
    for (index, step) in pipeline.transforms.iter().enumerate() {
        let later: Vec<_> = pipeline.transforms[index..].iter().map(|step| step.name.as_str()).collect();
        match plan_query(context, job, &step.sql, &known, &later).await {
            Ok(rows) => {
                register(context, &step.name, rows.clone().into_view());
                last = Some(rows);
            }
            Err(mistake) => mistakes.push(mistake),
        }
        known.push(&step.name);
    }
    if !mistakes.is_empty() {
        return Err(without_aftermath(mistakes));
    }
    let Some(rows) = last else {
        return context.table(INPUT).await.map_err(|error| vec![as_mistake(&query_failure(error), None)]);
    };
    ensure_complete(pipeline, &rows)?;
    Ok(rows)
}

/// A step whose SQL is wrong has no table, and so every later step that reads it is wrong too. Only the first says why.
fn without_aftermath(mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let is_aftermath = |mistake: &Mistake| mistake.message.contains("datafusion.public.");
    let (aftermath, causes): (Vec<_>, Vec<_>) = mistakes.into_iter().partition(is_aftermath);
    if causes.is_empty() { aftermath } else { causes }
}

/// The last step has to make its rows from the input, and it has to plan to the end.
fn ensure_complete(pipeline: &Pipeline, rows: &DataFrame) -> Result<(), Vec<Mistake>> {
    let Some(step) = pipeline.transforms.last() else { return Ok(()) };
    let optimized = rows.clone().into_optimized_plan().map_err(|error| vec![sql_mistake(&step.sql, &error)])?;
    // Optimizing may prove that no row can come out, and drop the scan; the plan as written tells what is read.
    if scans_of_input(rows.logical_plan()) == 0 && scans_of_input(&optimized) == 0 {
        return Err(vec![Mistake {
            position: step.sql.position(1, 1),
            key: step.sql.key.clone(),
            message: "the transforms never read `input`".to_owned(),
            remedy: "select from input in a step that the last one reads".to_owned(),
        }]);
    }
    Ok(())
}

async fn plan_query(
    context: &SessionContext,
    job: &JobSpec,
    sql: &etlplus_core::pipeline::Sql,
    known: &[&str],
    later: &[&str],
) -> Result<DataFrame, Mistake> {
    let query = Query::parse(sql, job, context)?;
    match query.unknown_table(known, later) {
        Some(mistake) => Err(mistake),
        None => query.plan(context).await,
    }
}

/// Makes a view of every lookup that is a query. `context` has the others.
pub(crate) async fn plan_lookups(context: &SessionContext, job: &JobSpec) -> Result<(), Vec<Mistake>> {
    let lookups = &job.pipeline().lookups;
    let names: Vec<_> = lookups.iter().map(|lookup| lookup.name.as_str()).collect();
    let mut reads = Vec::with_capacity(lookups.len());
    let mut mistakes = Vec::new();
    for lookup in lookups {
        reads.push(match lookup_tables(context, job, lookup, &names) {
            Ok(tables) => tables,
            Err(mistake) => {
                mistakes.push(mistake);
                Vec::new()
            }
        });
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    for index in lookup_order(lookups, &reads)? {
        let LookupOrigin::Sql(sql) = &lookups[index].origin else { continue };
        let rows = plan_query(context, job, sql, &names, &[]).await.map_err(|mistake| vec![mistake])?;
        register(context, &lookups[index].name, rows.into_view());
    }
    Ok(())
}

fn lookup_tables(
    context: &SessionContext,
    job: &JobSpec,
    lookup: &Lookup,
    known: &[&str],
) -> Result<Vec<String>, Mistake> {
    let LookupOrigin::Sql(sql) = &lookup.origin else { return Ok(Vec::new()) };
    let query = Query::parse(sql, job, context)?;
    match query.unknown_table(known, &[]) {
        Some(mistake) => Err(mistake),
        None => Ok(query.tables().to_vec()),
    }
}

async fn check_target(job: &JobSpec, schema: &Schema) -> Vec<Mistake> {
    let pipeline = job.pipeline();
    let (position, key) = match pipeline.transforms.last() {
        Some(step) => (step.sql.position(1, 1), step.sql.key.clone()),
        None => (pipeline.target.place.place().1, "target".to_owned()),
    };
    let misfits = match target::check(&*target::of(job), schema).await {
        Ok(misfits) => misfits,
        Err(failure) => return vec![as_mistake(&failure, Some(pipeline.target.place.place()))],
    };
    let mistake =
        |misfit: target::Misfit| Mistake { position, key: key.clone(), message: misfit.message, remedy: misfit.remedy };
    misfits.into_iter().map(mistake).collect()
}

/// Files that would overwrite each other.
fn check_paths(job: &JobSpec, sources: &[PathBuf]) -> Vec<Mistake> {
    let same = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let sources: HashSet<_> = sources.iter().map(|path| same(path)).collect();
    let pipeline = job.pipeline();
    let target = match &pipeline.target.place {
        Place::File { path, .. } => Some((job.path(path), path)),
        Place::Folder(_) | Place::Sqlite { .. } | Place::Postgres { .. } => None,
    };
    let reject_path = pipeline.rejects.path.as_ref().or(target.as_ref().map(|(_, path)| *path));
    let rejects = reject_path.map(|template| (job.reject_path(), template));
    let mut mistakes = Vec::new();
    for (path, template) in target.iter().chain(&rejects) {
        let found = if sources.contains(&same(path)) {
            Some(("is also read by this pipeline", "write to another file"))
        } else if path.is_dir() {
            Some(("is a folder", "name a file in it"))
        } else if path.exists() && !path.is_file() {
            Some(("is a device, a pipe or a socket", "name a regular file, or one that is not there yet"))
        } else {
            None
        };
        if let Some((what, remedy)) = found {
            mistakes.push(Mistake {
                position: template.position,
                key: template.key.clone(),
                message: format!("{} {what}", path.display()),
                remedy: remedy.to_owned(),
            });
        }
    }
    if let (Some((target, _)), Some((rejects, reject_path))) = (&target, &rejects)
        && same(target) == same(rejects)
    {
        mistakes.push(Mistake {
            position: reject_path.position,
            key: reject_path.key.clone(),
            message: "target and rejects are the same file".to_owned(),
            remedy: "give the rejects another path".to_owned(),
        });
    }
    mistakes
}

/// A failure as a mistake at the key that led to it.
pub(crate) fn as_mistake(failure: &Failure, place: Option<(&str, Position)>) -> Mistake {
    let (key, position) = place.unwrap_or(("", Position::START));
    Mistake { position, key: key.to_owned(), message: failure.message.clone(), remedy: failure.remedy.clone() }
}
