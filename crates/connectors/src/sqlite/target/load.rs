//! One load: a transaction that one task writes, while others bring it rows.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use etlplus_core::Failure;
use etlplus_core::pipeline::{JobSpec, LoadMode, TableName};
use etlplus_core::ports::Control;
use etlplus_core::progress::Counters;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::bind::StoredRows;
use super::create::create_table;
use super::insert::{Insert, NotInserted};
use super::merge::{Merge, NotMerged, STAGED};
use super::{fit, notes};
use crate::sqlite::database::{Access, BUSY_TIMEOUT, Database, arguments, quoted};
use crate::sqlite::failure::broken_constraint;
use crate::sqlite::table::Table;
use crate::target::{Loaded, Loader, Misfit, Ready};

/// Batches that wait for the writer: enough to let the query work on while rows are inserted.
const WAITING_BATCHES: usize = 2;
/// Rows that a broken foreign key is told of.
const ORPHANS_SHOWN: usize = 3;

/// A load whose transaction has begun.
pub(super) struct Begun {
    database: Database,
    table: TableName,
    job: JobSpec,
    insert: Insert,
    /// What is to be done with the rows at the end, where they are not inserted at once.
    merge: Option<Merge>,
    rows: u64,
}

/// Begins the transaction and makes the table ready. `seen` are the loads that the table had when the job read its rows, if it
/// did.
pub(super) async fn begin(
    path: &Path,
    table: &TableName,
    mode: &LoadMode,
    job: &JobSpec,
    seen: Option<i64>,
    schema: &Schema,
) -> Result<Begun, Failure> {
    let mut database = Database::open(path, Access::Create).await?;
    database.execute("BEGIN IMMEDIATE", arguments![]).await?;
    // Pages that do not fit into memory are written before the commit where no reader is in the way. It is not worth waiting
    // for one that is.
    set_busy_timeout(&mut database, 0).await?;
    notes::prepare(&mut database, job, table, seen).await?;
    let mut misfits = fit::misfits(schema, table, mode);
    misfits.extend(fit::misfits_of_table(&mut database, schema, table, mode).await?);
    if let Some(Misfit { message, remedy }) = misfits.into_iter().next() {
        return Err(Failure::user("target_misfit", format!("{}: {message}", path.display()), remedy));
    }
    if Table::named(&mut database, table).await?.is_none() {
        database.execute(create_table(schema, table, mode), arguments![]).await?;
    }
    let target = format!("main.{}", quoted(&table.table));
    if *mode != LoadMode::Append {
        // A row that others refer to goes, and comes back.
        database.execute("PRAGMA defer_foreign_keys = ON", arguments![]).await?;
    }
    let (into, merge) = match mode {
        LoadMode::Append => (target, None),
        LoadMode::Replace => {
            database.execute(format!("DELETE FROM {target}"), arguments![]).await?;
            (target, None)
        }
        LoadMode::Upsert { key } => {
            let Some(there) = Table::named(&mut database, table).await? else {
                return Err(Failure::bug("a table that was made is not there"));
            };
            (STAGED.to_owned(), Some(Merge::prepare(&mut database, table, &there, schema, key).await?))
        }
    };
    let insert = Insert::new(&into, schema);
    Ok(Begun { database, table: table.clone(), job: job.clone(), insert, merge, rows: 0 })
}

async fn set_busy_timeout(database: &mut Database, milliseconds: u128) -> Result<(), Failure> {
    database.execute(format!("PRAGMA busy_timeout = {milliseconds}"), arguments![]).await.map(drop)
}

impl Begun {
    async fn insert(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let rows = StoredRows::of(batch)?;
        if let Some(merge) = &self.merge
            && let Some((row, column)) = rows.first_null(&merge.key)
        {
            return Err(Failure::data(
                "key_without_value",
                format!(
                    "row {} of the load has no value in {column:?}, which is in the key: {}",
                    self.number(row),
                    rows.shown(row)
                ),
                "reject such rows by the rule required",
            ));
        }
        match self.insert.rows(&mut self.database, &rows).await {
            Ok(()) => {
                self.rows += rows.len() as u64;
                Ok(())
            }
            Err(NotInserted::Failed(failure)) => Err(failure),
            Err(NotInserted::Refused { row, .. }) if self.merge.is_some() => Err(Failure::data(
                "key_repeated",
                format!("row {} of the load has the key of an earlier one: {}", self.number(row), rows.shown(row)),
                "reject such rows by the rule unique, or keep one of each key in SQL",
            )),
            Err(NotInserted::Refused { row, constraint }) => {
                Err(self.refused(self.number(row), &constraint, &rows.shown(row)))
            }
            Err(NotInserted::PassedOver { rows, count }) => {
                Err(self.passed_over(self.number(rows.start), self.number(rows.end) - 1, count))
            }
        }
    }

    /// The number in the load of a row of the next batch, from 1.
    fn number(&self, row: usize) -> u64 {
        self.rows + row as u64 + 1
    }

    fn refused(&self, number: u64, constraint: &str, row: &str) -> Failure {
        Failure::data(
            "constraint_violated",
            format!("{} refuses row {number} of the load: {constraint}: {row}", self.place()),
            "reject such rows by a rule of the schema, or change the constraint",
        )
    }

    fn passed_over(&self, first: u64, last: u64, count: u64) -> Failure {
        Failure::data(
            "row_not_stored",
            format!("{} passes over {count} of the rows {first} to {last} of the load in silence", self.place()),
            "look for ON CONFLICT IGNORE and RAISE(IGNORE) in the table and its triggers",
        )
    }

    fn place(&self) -> String {
        format!("{} of {}", self.table, self.database.path().display())
    }

    /// Merges what is to be merged, and notes the load.
    async fn finish(mut self, cursor: Option<String>) -> Result<ReadyLoad, Failure> {
        if let Some(merge) = &self.merge {
            match merge.merge(&mut self.database, self.rows).await {
                Ok(()) => {}
                Err(NotMerged::Failed(failure)) => return Err(failure),
                Err(NotMerged::Refused { row, constraint, shown }) => {
                    return Err(self.refused(row.unsigned_abs(), &constraint, &shown));
                }
                Err(NotMerged::PassedOver { first, last, count }) => {
                    return Err(self.passed_over(first.unsigned_abs(), last.unsigned_abs(), count));
                }
            }
        }
        notes::write(&mut self.database, &self.job, &self.table, self.rows, cursor).await?;
        Ok(ReadyLoad { database: self.database })
    }
}

/// Brings rows to the task that writes them.
pub(super) struct SqliteLoader {
    /// Gone once the last batch is sent.
    batches: Option<mpsc::Sender<RecordBatch>>,
    /// Gone once its end was awaited.
    writer: Option<JoinHandle<Result<Begun, Failure>>>,
}

impl SqliteLoader {
    pub(super) fn start(begun: Begun, control: Arc<Control>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
        let writer = tokio::spawn(write(begun, receiver, control));
        Self { batches: Some(sender), writer: Some(writer) }
    }

    async fn end(&mut self) -> Result<Begun, Failure> {
        self.batches = None;
        let Some(writer) = &mut self.writer else { return Err(Failure::bug("the writer has ended before")) };
        let ended = writer.await;
        self.writer = None;
        ended.map_err(|error| Failure::bug(format!("the writer ended early: {error}")))?
    }
}

impl Drop for SqliteLoader {
    /// The writer's connection goes with it, and what it wrote is undone.
    fn drop(&mut self) {
        if let Some(writer) = &self.writer {
            writer.abort();
        }
    }
}

async fn write(
    mut begun: Begun,
    mut batches: mpsc::Receiver<RecordBatch>,
    control: Arc<Control>,
) -> Result<Begun, Failure> {
    while let Some(batch) = batches.recv().await {
        begun.insert(&batch).await?;
        Counters::add(&control.counters.rows_loaded, batch.num_rows() as u64);
    }
    Ok(begun)
}

impl Loader for SqliteLoader {
    fn write(&mut self, batch: RecordBatch) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let is_taken = match &self.batches {
                Some(batches) => batches.send(batch).await.is_ok(),
                None => false,
            };
            // A writer that takes no more has failed, and says why.
            if is_taken { Ok(()) } else { self.end().await.and(Err(Failure::bug("the writer stopped"))) }
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>, cursor: Option<String>) -> BoxFuture<'static, Result<Box<dyn Ready>, Failure>> {
        async move { Ok(Box::new(self.end().await?.finish(cursor).await?) as Box<dyn Ready>) }.boxed()
    }
}

/// A transaction that lacks but its end.
struct ReadyLoad {
    database: Database,
}

impl Ready for ReadyLoad {
    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<Loaded, Failure>> {
        async move {
            // Readers are waited for now: where there is no write-ahead log, they keep the commit from its file.
            set_busy_timeout(&mut self.database, BUSY_TIMEOUT.as_millis()).await?;
            let committed = sqlx::query("COMMIT").execute(self.database.connection()).await;
            if let Err(error) = committed {
                return Err(match broken_constraint(&error) {
                    Some(constraint) => self.orphans(constraint.to_owned()).await?,
                    None => self.database.failed(&error),
                });
            }
            // Closing moves the write-ahead log into the file, which others do too where this fails: the rows are in place.
            drop(self.database.close().await);
            Ok(Loaded { bytes: None })
        }
        .boxed()
    }
}

impl ReadyLoad {
    /// The rows that refer to what is not there.
    async fn orphans(&mut self, constraint: String) -> Result<Failure, Failure> {
        let sql = format!("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT {ORPHANS_SHOWN}");
        let failed = |error: sqlx::Error| Failure::bug(format!("a broken foreign key: {error}"));
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(self.database.connection()).await.map_err(failed)?;
        let mut shown = Vec::with_capacity(rows.len());
        for row in &rows {
            let (table, parent): (String, String) = (row.try_get(0).map_err(failed)?, row.try_get(2).map_err(failed)?);
            let rowid: Option<i64> = row.try_get(1).map_err(failed)?;
            let which = rowid.map_or_else(String::new, |rowid| format!(" with rowid {rowid}"));
            shown.push(format!("a row of {table}{which} refers to none of {parent}"));
        }
        Ok(Failure::data(
            "constraint_violated",
            format!("{}: {constraint}: {}", self.database.path().display(), shown.join("; ")),
            "load the rows that are referred to first, or reject those that refer to none",
        ))
    }
}
