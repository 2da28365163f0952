//! Jobs of tests, run as the engine runs them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use etlplus_connectors::target::{Load, Loader, Misfit, Ready, Target};
use etlplus_connectors::{Intake, Memory, Reservation, source, target};
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{Interval, JobSpec, parse};
use etlplus_core::ports::Control;
use etlplus_core::{Failure, Reject};
use uuid::Uuid;

use crate::server::PostgresServer;

/// The keys by which a pipeline reaches `server`.
pub(crate) fn address(server: &PostgresServer) -> String {
    format!("url: {}, password: '${{file:{}}}'", server.url(), server.password_file().display())
}

/// A job of the pipeline `text`.
pub(crate) fn job(text: &str) -> JobSpec {
    job_as(Uuid::now_v7(), text)
}

/// A job with an id of its own, for an attempt that is repeated.
pub(crate) fn job_as(id: Uuid, text: &str) -> JobSpec {
    let pipeline = parse(text).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:#?}"));
    let as_of = "2026-03-01T00:00:00Z".parse().unwrap();
    JobSpec::new(JobId::from_uuid(id), Arc::new(pipeline), Path::new("/"), &BTreeMap::new(), as_of).unwrap()
}

/// A job that loads into `table`; `more` are further keys of the target, such as `mode: append`.
pub(crate) fn load_job(server: &PostgresServer, table: &str, more: &str) -> JobSpec {
    load_job_as(Uuid::now_v7(), server, table, more)
}

pub(crate) fn load_job_as(id: Uuid, server: &PostgresServer, table: &str, more: &str) -> JobSpec {
    job_as(id, &load_pipeline(server, server.port(), table, more))
}

/// The pipeline of such a job, which reaches `server` by `port`.
pub(crate) fn load_pipeline(server: &PostgresServer, port: u16, table: &str, more: &str) -> String {
    let address = address(server).replace(&format!(":{}/", server.port()), &format!(":{port}/"));
    format!(
        "name: orders\nsource: {{csv: {{path: a.csv}}}}\nschema: {{id: int64}}\n\
         target: {{postgres: {{{address}, table: '{table}'}}, {more}}}\n"
    )
}

/// A job that reads `rows`, such as `table: orders`; `more` are further sections of the pipeline.
pub(crate) fn read_job(server: &PostgresServer, rows: &str, more: &str) -> JobSpec {
    let address = address(server);
    job(&format!("name: orders\nsource: {{postgres: {{{address}, {rows}}}}}\ntarget: {{csv: {{path: a.csv}}}}\n{more}"))
}

/// Loads `batches` as a job does, from the first look to the commit.
pub(crate) async fn load(job: &JobSpec, batches: &[RecordBatch]) -> Result<(), Failure> {
    let target = target::of(job);
    let misfits = target.check(&batches[0].schema()).await?;
    assert_eq!(misfits, []);
    let ready = prepare(&*target, batches, None).await?;
    ready.commit().await.map(drop)
}

/// Everything but the commit.
pub(crate) async fn prepare(
    target: &dyn Target,
    batches: &[RecordBatch],
    cursor: Option<&str>,
) -> Result<Box<dyn Ready>, Failure> {
    let mut loader = start(target, &batches[0]).await?;
    for batch in batches {
        loader.write(batch.clone()).await?;
    }
    loader.finish(cursor.map(str::to_owned)).await
}

/// Starts a load of rows such as those of `batch`.
pub(crate) async fn start(target: &dyn Target, batch: &RecordBatch) -> Result<Box<dyn Loader>, Failure> {
    target.start(Load { schema: batch.schema(), control: Arc::new(Control::default()) }).await
}

/// What the target of `job` has against rows such as those of `batch`.
pub(crate) async fn misfits(job: &JobSpec, batch: &RecordBatch) -> Vec<Misfit> {
    target::of(job).check(&batch.schema()).await.unwrap()
}

/// The rows of a job's source as one batch, and its rejects.
pub(crate) async fn read(job: &JobSpec, interval: Option<&Interval>) -> Result<(RecordBatch, Vec<Reject>), Failure> {
    let opened = source::open(&job.pipeline().source, job, interval).await?;
    let mut intake = Intake::start(opened, &Unlimited);
    let (mut batches, mut rejects) = (Vec::new(), Vec::new());
    while let Some(rows) = intake.next().await? {
        batches.push(rows.batch);
        rejects.extend(rows.rejects);
    }
    Ok((concat_batches(&intake.schema(), &batches).unwrap(), rejects))
}

/// Rows of an `id` and a `note`.
pub(crate) fn notes(rows: impl IntoIterator<Item = (i64, &'static str)>) -> RecordBatch {
    let (ids, texts): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let id: ArrayRef = Arc::new(Int64Array::from(ids));
    let note: ArrayRef = Arc::new(StringArray::from(texts));
    RecordBatch::try_from_iter_with_nullable([("id", id, true), ("note", note, true)]).unwrap()
}

/// `count` rows from the number `first` on, in batches of a thousand.
pub(crate) fn numbered(first: i64, count: i64) -> Vec<RecordBatch> {
    let end = first + count;
    let batch = |start: i64| notes((start..end.min(start + 1000)).map(|id| (id, "a note of some length")));
    (first..end).step_by(1000).map(batch).collect()
}

#[derive(Debug)]
pub(crate) struct Unlimited;

impl Memory for Unlimited {
    fn reserve(&self, _name: &str) -> Box<dyn Reservation> {
        Box::new(Unlimited)
    }
}

impl Reservation for Unlimited {
    fn try_resize(&mut self, _bytes: usize) -> bool {
        true
    }
}
