//! Targets: what a job loads is there as a whole once it is committed, and before that the target is as it was.

mod atomic_file;
mod chunks;
mod encode;
mod file;
mod folder;
mod interval;
mod output;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use etlplus_core::pipeline::{Interval, JobSpec, Place};
use etlplus_core::ports::Control;
use etlplus_core::{Failure, Type};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::check::column_type;
use crate::postgres::PostgresTarget;
use crate::sqlite::SqliteTarget;
pub use atomic_file::{AtomicFile, TEMPORARY_SUFFIX};
pub use encode::ScratchWriter;
pub(crate) use folder::partition_of;
pub(crate) use interval::{INTERVALS_KEPT_DAYS, NotedInterval, ensure_next, noted, reached};

/// A target of one job. One kind for each place that rows can go.
pub trait Target: Send + Sync {
    /// Why rows of `schema` cannot be written there, whatever is there; empty where they can.
    fn misfits(&self, schema: &Schema) -> Vec<Misfit>;

    /// The columns that a target made for rows of `schema` has.
    fn new_columns(&self, schema: &Schema) -> Vec<TargetColumn> {
        let column = |field: &Field| TargetColumn {
            name: field.name().clone(),
            type_name: column_type(field).map_or_else(|| field.data_type().to_string(), |ty| ty.to_string()),
            is_nullable: true,
            has_default: false,
        };
        schema.fields().iter().map(|field| column(field)).collect()
    }

    /// Why rows of `schema` cannot be written there as it is; empty where they can. It looks at what is there.
    ///
    /// # Errors
    /// Where it cannot be looked at.
    fn check<'a>(&'a self, schema: &'a Schema) -> BoxFuture<'a, Result<Vec<Misfit>, Failure>> {
        async { Ok(self.misfits(schema)) }.boxed()
    }

    /// What is there, and what earlier loads noted.
    fn state(&self) -> BoxFuture<'_, Result<TargetState, Failure>>;

    /// Notes what an incremental load is going to read, so that each attempt of the job reads the same. To be called once
    /// the job has found none in the state.
    fn fix_interval<'a>(&'a self, interval: &'a Interval) -> BoxFuture<'a, Result<(), Failure>> {
        let _ = interval;
        async { Err(Failure::bug("this target takes no incremental loads")) }.boxed()
    }

    /// The values of a column of the rows that are there, for the rule `unique`; `None` where there are no rows that stay, or
    /// no such column.
    fn values<'a>(&'a self, column: &'a str, ty: Type) -> BoxFuture<'a, Result<Option<Values>, Failure>> {
        let _ = (column, ty);
        async { Ok(None) }.boxed()
    }

    /// Starts a load. Until it is committed the target is as it was.
    fn start(&self, load: Load) -> BoxFuture<'_, Result<Box<dyn Loader>, Failure>>;
}

/// The values of a column, some at a time.
pub type Values = BoxStream<'static, Result<ArrayRef, Failure>>;

/// What a load is.
pub struct Load {
    /// The columns of its rows.
    pub schema: SchemaRef,
    /// Where it counts the rows that were handed to the target.
    pub control: Arc<Control>,
}

/// Takes the rows of one load. Dropped before its commit, it leaves the target as it was.
pub trait Loader: Send {
    /// Takes some rows, in order; waits while too many are on their way.
    fn write(&mut self, batch: RecordBatch) -> BoxFuture<'_, Result<(), Failure>>;

    /// Writes what is still on its way. `cursor` is the greatest cursor of an incremental load, to be noted with the rows; it
    /// is the text of a [`etlplus_core::Value`].
    fn finish(self: Box<Self>, cursor: Option<String>) -> BoxFuture<'static, Result<Box<dyn Ready>, Failure>>;
}

/// A load whose rows are all written, and not yet in place.
pub trait Ready: Send {
    /// Puts them in place, all at once and durably.
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<Loaded, Failure>>;
}

/// What a load put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// The size of the files written; `None` where a database keeps that to itself.
    pub bytes: Option<u64>,
}

/// What a target has before a load.
#[derive(Debug, Default)]
pub struct TargetState {
    /// Its columns, as it has them; `None` where there is no target yet, or its columns go with its rows.
    pub columns: Option<Vec<TargetColumn>>,
    /// Rows that an earlier attempt of this very job has loaded: nothing is left to do.
    pub loaded: Option<u64>,
    /// The text of the greatest cursor that was loaded.
    pub cursor: Option<String>,
    /// What an earlier attempt of this very job was going to read.
    pub interval: Option<NotedInterval>,
}

/// A column of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the target calls it.
    pub type_name: String,
    /// Whether it can have no value.
    pub is_nullable: bool,
    /// Whether a row that does not give it gets one all the same.
    pub has_default: bool,
}

/// Why rows cannot be written to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What does not fit.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// Another job has loaded after this one had looked at what `target` has.
pub(crate) fn changed_meanwhile(target: &str) -> Failure {
    Failure::transient(
        "target_changed",
        format!("another job loaded into {target} after this one had looked at it"),
        "run again",
    )
}

/// The target of `job`.
pub fn of(job: &JobSpec) -> Box<dyn Target> {
    match &job.pipeline().target.place {
        Place::File { format, path } => Box::new(file::FileTarget::new(format, path, job)),
        Place::Folder(folder) => Box::new(folder::FolderTarget::new(folder, job)),
        Place::Sqlite { path, table } => Box::new(SqliteTarget::new(path, table, job)),
        Place::Postgres { server, table } => Box::new(PostgresTarget::new(server, table, job)),
    }
}

/// Why rows of `schema` cannot be written to `target` as it is; empty where they can. Looks at what is there.
///
/// # Errors
/// Where it cannot be looked at.
pub async fn check(target: &dyn Target, schema: &Schema) -> Result<Vec<Misfit>, Failure> {
    let misfits = misfits(target, schema);
    if misfits.is_empty() { target.check(schema).await } else { Ok(misfits) }
}

/// Why rows of `schema` cannot be written to `target`, whatever is there; empty where they can.
pub fn misfits(target: &dyn Target, schema: &Schema) -> Vec<Misfit> {
    if schema.fields().is_empty() {
        let message = "the rows have no columns".to_owned();
        return vec![Misfit { message, remedy: "select at least one column".to_owned() }];
    }
    let mut names = HashSet::new();
    if let Some(field) = schema.fields().iter().find(|field| !names.insert(field.name())) {
        let message = format!("two columns of the target are named {:?}", field.name());
        return vec![Misfit { message, remedy: "name them apart with AS".to_owned() }];
    }
    target.misfits(schema)
}
