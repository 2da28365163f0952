//! The first rows after each stage of a pipeline.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionContext};
use etlplus_connectors::Intake;
use etlplus_connectors::source::OpenSource;
use etlplus_core::pipeline::{INPUT, JobSpec};
use etlplus_core::ports::{Control, StagePreview};
use etlplus_core::{Failure, Mistake, Reject};

use crate::failure::{arrow_failure, query_failure};
use crate::input_from::InputFrom;
use crate::job::{plan_lookups, plan_steps, register, session};
use crate::memory::JobMemory;
use crate::run::{load_lookups, prepare_checks};

/// The least rows of the input that the stages are shown on: joins and filters leave few of a handful.
const SAMPLE_ROWS: usize = 1000;

/// The most records that are read to find them, where most are rejected.
const READ_MAX: usize = 100_000;

/// Shows at most `rows` rows after each stage, made from the first rows of the input.
pub(crate) async fn preview(
    job: &JobSpec,
    from: &InputFrom,
    rows: usize,
    control: &Control,
) -> Result<Vec<StagePreview>, Failure> {
    let context = session(job)?;
    let memory = load_lookups(&context, job).await?;
    plan_lookups(&context, job).await.map_err(|mistakes| invalid(&mistakes))?;
    let mut source = from.open(job, None).await?;
    prepare_checks(&context, job, source.plan_mut()).await?;
    let rejects = register_sample(&context, source, rows, control).await?;
    plan_steps(&context, job).await.map_err(|mistakes| invalid(&mistakes))?;
    let pipeline = job.pipeline();
    let lookups = pipeline.lookups.iter().map(|lookup| lookup.name.as_str());
    let steps = pipeline.transforms.iter().map(|step| step.name.as_str());
    let mut previews = Vec::new();
    for name in [INPUT].into_iter().chain(lookups).chain(steps) {
        let table = context.table(name).await.map_err(query_failure)?;
        let mut preview = preview_table(name, table, rows).await?;
        if name == INPUT {
            preview.rejects.clone_from(&rejects);
        }
        previews.push(preview);
    }
    drop(memory);
    Ok(previews)
}

fn invalid(mistakes: &[Mistake]) -> Failure {
    let message = mistakes.first().map(ToString::to_string).unwrap_or_default();
    Failure::user("pipeline_invalid", message, "run `etlplus validate` to see every mistake")
}

async fn register_sample(
    context: &SessionContext,
    source: OpenSource,
    shown: usize,
    control: &Control,
) -> Result<Vec<Reject>, Failure> {
    let memory = JobMemory(context.runtime_env().memory_pool.clone());
    let mut intake = Intake::start(source, &memory);
    let schema = intake.schema();
    let wanted = shown.max(SAMPLE_ROWS);
    let (mut batches, mut rejects, mut found, mut read) = (Vec::new(), Vec::new(), 0, 0);
    while found < wanted && read < READ_MAX && !control.is_cancelled() {
        let Some(rows) = intake.next().await? else { break };
        let batch = rows.batch.slice(0, rows.batch.num_rows().min(wanted - found));
        found += batch.num_rows();
        batches.push(batch);
        read += rows.batch.num_rows() + rows.rejects.len();
        rejects.extend(rows.rejects.into_iter().take(shown - rejects.len()));
    }
    let table = MemTable::try_new(schema, vec![batches]).map_err(query_failure)?;
    register(context, INPUT, Arc::new(table));
    Ok(rejects)
}

async fn preview_table(name: &str, table: DataFrame, rows: usize) -> Result<StagePreview, Failure> {
    let table = table.limit(0, Some(rows)).map_err(query_failure)?;
    let columns = columns(table.schema().as_arrow());
    let mut texts = Vec::new();
    for batch in table.collect().await.map_err(query_failure)? {
        texts.extend(row_texts(&batch)?);
    }
    Ok(StagePreview { stage: name.to_owned(), columns, rows: texts, rejects: Vec::new() })
}

fn columns(schema: &Schema) -> Vec<(String, String)> {
    schema.fields().iter().map(|field| (field.name().clone(), type_name(field.data_type()))).collect()
}

fn row_texts(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, Failure> {
    let options = FormatOptions::new();
    let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
    let formatters = formatters.collect::<Result<Vec<_>, _>>().map_err(arrow_failure)?;
    let text = |row: usize, column: usize| {
        let is_null = batch.column(column).is_null(row);
        (!is_null).then(|| formatters[column].value(row).to_string())
    };
    Ok((0..batch.num_rows()).map(|row| (0..batch.num_columns()).map(|column| text(row, column)).collect()).collect())
}

/// An Arrow type by the name that a schema would give it, or by its own where a schema has none.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int16 => "int16".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float32 => "float32".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamptz".to_owned(),
        other => other.to_string(),
    }
}
