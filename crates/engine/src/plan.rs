//! What a run would do: looked up in source and target, and nothing is written.

use arrow::datatypes::{Field, Schema};
use etlplus_connectors::target::{self, Target, TargetColumn, TargetState};
use etlplus_connectors::{column_type, source};
use etlplus_core::Failure;
use etlplus_core::pipeline::{JobSpec, LoadMode, Origin, Place, PostgresServer};
use etlplus_core::ports::{PlannedColumn, PlannedInterval, PlannedSource, PlannedTarget, RunPlan};

use crate::job::{not_planned, plan, register_empty, session};
use crate::run::next_interval;

/// Looks at source and target of `job`.
pub(crate) async fn run_plan(job: &JobSpec) -> Result<RunPlan, Failure> {
    let pipeline = job.pipeline();
    let context = session(job)?;
    register_empty(&context, job).await?;
    let rows = plan(&context, job).await.map_err(|mistakes| not_planned(&mistakes))?;
    let target = target::of(job);
    let state = target.state().await?;
    let interval = match &pipeline.incremental {
        Some(incremental) => {
            let interval = next_interval(job, incremental, &state).await?;
            Some(PlannedInterval {
                cursor: incremental.cursor.clone(),
                after: interval.after.map(|value| value.to_string()),
                up_to: interval.up_to.map(|value| value.to_string()),
            })
        }
        None => None,
    };
    Ok(RunPlan {
        parameters: job.arguments().iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
        source: planned_source(job).await?,
        interval,
        steps: pipeline.transforms.iter().map(|step| step.name.clone()).collect(),
        target: planned_target(job, &*target, &state, rows.schema().as_arrow()).await?,
        rejects: job.reject_path().display().to_string(),
        memory_bytes: pipeline.limits.memory_bytes,
    })
}

async fn planned_source(job: &JobSpec) -> Result<PlannedSource, Failure> {
    let source = &job.pipeline().source;
    let open = source::open(source, job, None).await?;
    let server = match &source.origin {
        Origin::Postgres(database) => Some(&database.server),
        Origin::Files(_) | Origin::Sqlite(_) => None,
    };
    let schema = open.schema();
    Ok(PlannedSource {
        location: job.source_name(),
        password: password(server),
        files: open.files().count() as u64,
        bytes: open.bytes_total(),
        rows: open.rows_total(),
        columns: schema.fields().iter().map(|field| (field.name().clone(), row_type(field))).collect(),
    })
}

async fn planned_target(
    job: &JobSpec,
    target: &dyn Target,
    state: &TargetState,
    schema: &Schema,
) -> Result<PlannedTarget, Failure> {
    let server = match &job.pipeline().target.place {
        Place::Postgres { server, .. } => Some(server),
        Place::File { .. } | Place::Folder(_) | Place::Sqlite { .. } => None,
    };
    let mode = match &job.pipeline().target.mode {
        LoadMode::Replace => "replace".to_owned(),
        LoadMode::Append => "append".to_owned(),
        LoadMode::Upsert { key } => format!("upsert by {}", key.join(", ")),
    };
    let misfits = target::check(target, schema).await?;
    let columns = match &state.columns {
        Some(columns) => columns.clone(),
        None => target.new_columns(schema),
    };
    Ok(PlannedTarget {
        location: job.target_name(),
        password: password(server),
        mode,
        is_there: state.columns.is_some(),
        columns: joined(schema, &columns),
        misfits: misfits.into_iter().map(|misfit| format!("{}: {}", misfit.message, misfit.remedy)).collect(),
    })
}

fn password(server: Option<&PostgresServer>) -> Option<String> {
    server.and_then(|server| server.password.as_ref()).map(ToString::to_string)
}

/// The columns of the rows in their order, then those that only the target has.
fn joined(schema: &Schema, columns: &[TargetColumn]) -> Vec<PlannedColumn> {
    let target_type =
        |name: &str| columns.iter().find(|column| column.name == name).map(|column| column.type_name.clone());
    let of_rows = schema.fields().iter().map(|field| PlannedColumn {
        name: field.name().clone(),
        row_type: Some(row_type(field)),
        target_type: target_type(field.name()),
    });
    let others = columns.iter().filter(|column| schema.field_with_name(&column.name).is_err()).map(|column| {
        PlannedColumn { name: column.name.clone(), row_type: None, target_type: Some(column.type_name.clone()) }
    });
    of_rows.chain(others).collect()
}

/// A type by the name that a schema would give it, or by its own where a schema has none.
fn row_type(field: &Field) -> String {
    column_type(field).map_or_else(|| field.data_type().to_string(), |ty| ty.to_string())
}
