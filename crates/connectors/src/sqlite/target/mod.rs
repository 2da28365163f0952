//! A table that rows are loaded into.
//!
//! A load is one transaction, from before its first row until after its last: what it replaces, what it adds, and the note of
//! what it was. While it runs, nobody else writes to the file. A file that is not there is made empty at once, and stays so
//! where the load does not come to its end.

mod bind;
mod create;
mod fit;
mod insert;
mod load;
mod merge;
mod notes;
mod values;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use arrow::datatypes::Schema;
use etlplus_core::pipeline::{Interval, JobSpec, LoadMode, PathTemplate, TableName};
use etlplus_core::{Failure, Type};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::database::{Access, Database};
use super::table::Table;
use crate::target::{Load, Loader, Misfit, Target, TargetColumn, TargetState, Values};

/// A table of a database file.
pub(crate) struct SqliteTarget {
    path: PathBuf,
    table: TableName,
    mode: LoadMode,
    job: JobSpec,
    /// How many loads the table had when the job began to read what it has. It decides by that which rows it loads, so that
    /// no other load may come before its own.
    seen: Mutex<Option<i64>>,
}

impl SqliteTarget {
    pub(crate) fn new(path: &PathTemplate, table: &TableName, job: &JobSpec) -> Self {
        let (path, mode) = (job.path(path), job.pipeline().target.mode.clone());
        Self { path, table: table.clone(), mode, job: job.clone(), seen: Mutex::new(None) }
    }

    /// The database as it is; `None` where there is none yet.
    async fn existing(&self) -> Result<Option<Database>, Failure> {
        if !self.path.try_exists().unwrap_or(true) {
            return Ok(None);
        }
        // What a killed load left is undone by whoever opens the file next and may write to it.
        Database::open(&self.path, Access::Write).await.map(Some)
    }

    async fn find_state(&self) -> Result<TargetState, Failure> {
        let Some(mut database) = self.existing().await? else { return Ok(TargetState::default()) };
        let table = Table::named(&mut database, &self.table).await?;
        let columns = table.map(|table| {
            let column = |column: super::table::TableColumn| TargetColumn {
                name: column.name,
                type_name: column.type_name,
                is_nullable: column.is_nullable,
                has_default: column.has_default,
            };
            table.columns.into_iter().map(column).collect()
        });
        let notes = notes::read(&mut database, &self.job, &self.table).await?;
        database.close().await?;
        Ok(TargetState { columns, ..notes })
    }
}

impl Target for SqliteTarget {
    fn misfits(&self, schema: &Schema) -> Vec<Misfit> {
        fit::misfits(schema, &self.table, &self.mode)
    }

    fn new_columns(&self, schema: &Schema) -> Vec<TargetColumn> {
        create::columns(schema, &self.mode)
    }

    fn check<'a>(&'a self, schema: &'a Schema) -> BoxFuture<'a, Result<Vec<Misfit>, Failure>> {
        async move {
            let mut misfits = self.misfits(schema);
            if let Some(mut database) = self.existing().await? {
                misfits.extend(fit::misfits_of_table(&mut database, schema, &self.table, &self.mode).await?);
                database.close().await?;
            }
            Ok(misfits)
        }
        .boxed()
    }

    fn state(&self) -> BoxFuture<'_, Result<TargetState, Failure>> {
        self.find_state().boxed()
    }

    fn fix_interval<'a>(&'a self, interval: &'a Interval) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let mut database = Database::open(&self.path, Access::Create).await?;
            notes::fix_interval(&mut database, &self.job, &self.table, interval).await?;
            database.close().await
        }
        .boxed()
    }

    fn values<'a>(&'a self, column: &'a str, ty: Type) -> BoxFuture<'a, Result<Option<Values>, Failure>> {
        async move {
            // Rows that are replaced make room for new ones of the same value.
            if self.mode != LoadMode::Append {
                return Ok(None);
            }
            let mut database = self.existing().await?;
            let count = match &mut database {
                Some(database) => notes::count(database, &self.table).await?,
                None => 0,
            };
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(count);
            match database {
                Some(database) => values::read(database, &self.table, column, ty, &self.job).await,
                None => Ok(None),
            }
        }
        .boxed()
    }

    fn start(&self, load: Load) -> BoxFuture<'_, Result<Box<dyn Loader>, Failure>> {
        async move {
            let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let begun = load::begin(&self.path, &self.table, &self.mode, &self.job, seen, &load.schema).await?;
            Ok(Box::new(load::SqliteLoader::start(begun, load.control)) as Box<dyn Loader>)
        }
        .boxed()
    }
}
