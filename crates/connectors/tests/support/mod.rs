//! Jobs made by hand, and rows that go through them.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod random;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use etlplus_connectors::target::{Load, Loaded};
use etlplus_connectors::{CheckPlan, Intake, Memory, Reservation, source, target};
use etlplus_core::ids::JobId;
use etlplus_core::job::JobPolicy;
use etlplus_core::pipeline::{
    Column, CsvTarget, DatabaseRows, ExtraFields, FileCompression, Incremental, Interval, JobSpec, Limits, LoadMode,
    Origin, PathPart, PathTemplate, Pipeline, Place, RejectFormat, RejectPolicy, Rule, Source, SourceFiles,
    SourceFormat, Sql, SqliteSource, TableName, Target, TargetFormat, ValueFormat,
};
use etlplus_core::ports::Control;
use etlplus_core::{Failure, Position, Reject, Type};
use uuid::Uuid;

/// As much memory as anybody asks for.
#[derive(Debug)]
pub(crate) struct Unlimited;

impl Memory for Unlimited {
    fn reserve(&self, _name: &str) -> Box<dyn Reservation> {
        Box::new(Self)
    }
}

impl Reservation for Unlimited {
    fn try_resize(&mut self, _bytes: usize) -> bool {
        true
    }
}

pub(crate) fn path(path: &Path) -> PathTemplate {
    let text = path.to_str().expect("a path of the test is UTF-8").to_owned();
    PathTemplate { parts: vec![PathPart::Text(text)], key: "path".to_owned(), position: Position::START }
}

pub(crate) fn table(name: &str) -> TableName {
    TableName { schema: None, table: name.to_owned(), position: Position::START }
}

pub(crate) fn column(name: &str, ty: Type) -> Column {
    Column { name: name.to_owned(), ty, format: ValueFormat::Standard, rules: Vec::new(), position: Position::START }
}

pub(crate) fn with_rules(column: Column, rules: Vec<Rule>) -> Column {
    Column { rules, ..column }
}

pub(crate) fn sqlite_table(file: &Path, name: &str, columns: Vec<Column>) -> Source {
    let rows = DatabaseRows::Table(table(name));
    Source {
        origin: Origin::Sqlite(SqliteSource { path: path(file), rows }),
        columns,
        extra_fields: ExtraFields::Reject,
    }
}

pub(crate) fn sqlite_query(file: &Path, query: &str, columns: Vec<Column>) -> Source {
    let sql = Sql { text: query.to_owned(), key: "source.sqlite.query".to_owned(), lines: vec![Position::START] };
    let rows = DatabaseRows::Query(sql);
    Source {
        origin: Origin::Sqlite(SqliteSource { path: path(file), rows }),
        columns,
        extra_fields: ExtraFields::Reject,
    }
}

pub(crate) fn files(file: &Path, format: SourceFormat, columns: Vec<Column>) -> Source {
    let files = SourceFiles { format, path: path(file), compression: FileCompression::Auto };
    Source { origin: Origin::Files(files), columns, extra_fields: ExtraFields::Reject }
}

pub(crate) fn sqlite_place(file: &Path, name: &str) -> Place {
    Place::Sqlite { path: path(file), table: table(name) }
}

/// A pipeline that does nothing but move rows.
pub(crate) fn pipeline(source: Source, place: Place, mode: LoadMode) -> Pipeline {
    Pipeline {
        name: "orders".to_owned(),
        description: None,
        tags: Vec::new(),
        parameters: Vec::new(),
        source,
        checks: Vec::new(),
        lookups: Vec::new(),
        transforms: Vec::new(),
        target: Target { place, mode },
        incremental: None,
        rejects: RejectPolicy {
            path: None,
            format: RejectFormat::Ndjson,
            max_count: None,
            max_percent: RejectPolicy::DEFAULT_MAX_PERCENT,
        },
        limits: Limits::default(),
        policy: JobPolicy::default(),
        schedule: None,
    }
}

pub(crate) fn incremental(pipeline: Pipeline, cursor: &str) -> Pipeline {
    let incremental = Incremental { cursor: cursor.to_owned(), start: None, position: Position::START };
    Pipeline { incremental: Some(incremental), ..pipeline }
}

/// A new job of a pipeline.
pub(crate) fn job(pipeline: Pipeline) -> JobSpec {
    let id = JobId::from_uuid(Uuid::now_v7());
    JobSpec::new(id, Arc::new(pipeline), Path::new("/"), &BTreeMap::new(), chrono::DateTime::UNIX_EPOCH)
        .expect("it has no parameters")
}

/// A new job that loads into a place. What it reads is of no account.
pub(crate) fn job_into(place: Place, mode: LoadMode) -> JobSpec {
    let source = sqlite_table(Path::new("nowhere.db"), "nothing", Vec::new());
    job(pipeline(source, place, mode))
}

/// A new job that reads. Where it loads is of no account.
pub(crate) fn job_from(source: &Source) -> JobSpec {
    job(pipeline(source.clone(), csv_place(Path::new("nowhere.csv")), LoadMode::Replace))
}

pub(crate) fn csv_place(file: &Path) -> Place {
    let format = TargetFormat::Csv(CsvTarget { delimiter: b',', header: true, null: String::new() });
    Place::File { format, path: path(file) }
}

/// The schema of rows with these columns.
pub(crate) fn schema(columns: &[Column]) -> SchemaRef {
    CheckPlan::new(columns, &job_from(&sqlite_table(Path::new("nowhere.db"), "nothing", Vec::new()))).schema
}

/// Everything that a job's source has, and whatever is rejected.
pub(crate) async fn read(job: &JobSpec, interval: Option<&Interval>) -> Result<(RecordBatch, Vec<Reject>), Failure> {
    let mut open = source::open(&job.pipeline().source, job, interval).await?;
    if let (Some(interval), Some(incremental)) = (interval, &job.pipeline().incremental) {
        open.plan_mut().follow(&incremental.cursor, interval.after.as_ref())?;
    }
    let mut intake = Intake::start(open, &Unlimited);
    let schema = intake.schema();
    let (mut batches, mut rejects) = (Vec::new(), Vec::new());
    while let Some(rows) = intake.next().await? {
        batches.push(rows.batch);
        rejects.extend(rows.rejects);
    }
    Ok((concat_batches(&schema, &batches).expect("they have one schema"), rejects))
}

/// Loads rows as a job does, from the first step to the last.
pub(crate) async fn load(job: &JobSpec, batches: &[RecordBatch], cursor: Option<&str>) -> Result<Loaded, Failure> {
    let target = target::of(job);
    let load = Load { schema: batches[0].schema(), control: Arc::new(Control::default()) };
    let mut loader = target.start(load).await?;
    for batch in batches {
        loader.write(batch.clone()).await?;
    }
    loader.finish(cursor.map(str::to_owned)).await?.commit().await
}

/// The rows as texts, in an order of their own, with the columns by name.
pub(crate) fn rows(batches: &[RecordBatch]) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        let named = |(field, array): (&Arc<Field>, &ArrayRef)| (field.name().clone(), array.clone());
        let mut columns: Vec<_> = schema.fields().iter().zip(batch.columns()).map(named).collect();
        columns.sort_by_key(|(name, _)| name.clone());
        let columns: Vec<_> = columns.into_iter().map(|(_, array)| array).collect();
        rows.extend(texts(&columns, batch.num_rows()));
    }
    rows.sort();
    rows
}

/// The rows as texts, as they stand.
pub(crate) fn rows_in_order(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    texts(batch.columns(), batch.num_rows())
}

fn texts(columns: &[ArrayRef], rows: usize) -> Vec<Vec<Option<String>>> {
    let columns: Vec<_> = columns.iter().map(shown).collect();
    let options = FormatOptions::new().with_display_error(false);
    let formatters: Vec<_> =
        columns.iter().map(|array| ArrayFormatter::try_new(array, &options).expect("every type has texts")).collect();
    let value =
        |row: usize, column: usize| columns[column].is_valid(row).then(|| formatters[column].value(row).to_string());
    (0..rows).map(|row| (0..columns.len()).map(|column| value(row, column)).collect()).collect()
}

/// The same values in types that have texts: of zones, Arrow alone knows offsets.
fn shown(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            cast(array, &DataType::Timestamp(*unit, Some("+00:00".into()))).expect("it is the same zone")
        }
        _ => array.clone(),
    }
}
