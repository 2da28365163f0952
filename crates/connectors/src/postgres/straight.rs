//! A load in one transaction of one session: rows go straight into the table, or, where their keys decide what becomes of
//! the old rows, into a temporary table and from there. Until the commit nobody sees them, and a session that ends leaves
//! nothing.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use etlplus_core::ports::Control;
use etlplus_core::{Counters, Failure};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::catalog::Place;
use super::connect::Session;
use super::copy_in::{Copying, Goal};
use super::failure::{failure, is_code};
use super::target::Job;
use super::{loads, quoted, quoted_list};
use crate::target::{Loaded, Loader, Ready};

/// The temporary table of rows that are merged by key. It is the session's own, so that its name meets no other.
pub(super) const MERGED: &str = "etlplus_merged";
/// The server's code for a row that a statement meets twice.
const SAME_ROW_TWICE: &str = "21000";

/// Takes the rows of a load in one transaction, which has begun.
pub(super) struct Straight {
    pub(super) job: Job,
    pub(super) control: Arc<Control>,
    pub(super) copying: Copying,
    /// How rows are merged by key, where they are.
    pub(super) merge: Option<Merge>,
}

/// Rows of the temporary table go into the target by key.
pub(super) struct Merge {
    pub(super) key: Vec<String>,
    pub(super) columns: Vec<String>,
}

/// A session, whose transaction has begun, that loads by `goal`.
pub(super) fn start(session: Session, goal: &Goal, job: Job, control: Arc<Control>, merge: Option<Merge>) -> Straight {
    Straight { job, control, copying: Copying::start(vec![session], goal), merge }
}

impl Loader for Straight {
    fn write(&mut self, batch: RecordBatch) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let rows = batch.num_rows() as u64;
            if let Some(merge) = &self.merge {
                merge.ensure_whole_keys(&batch, self.copying.rows())?;
            }
            self.copying.write(batch).await?;
            Counters::add(&self.control.counters.rows_loaded, rows);
            Ok(())
        }
        .boxed()
    }

    fn finish(self: Box<Self>, cursor: Option<String>) -> BoxFuture<'static, Result<Box<dyn Ready>, Failure>> {
        async move {
            let Self { job, copying, merge, .. } = *self;
            let rows = copying.rows();
            let session = copying.finish().await?.pop();
            let mut session = session.ok_or_else(|| Failure::bug("a load has lost its session"))?;
            if let Some(merge) = merge {
                merge.run(&mut session, &job.place).await?;
            }
            Ok(Box::new(Written { session, job, rows, cursor }) as Box<dyn Ready>)
        }
        .boxed()
    }
}

impl Merge {
    /// Nothing is equal to a row without a whole key, not even itself: it would be added again by each load. `before` rows of
    /// the load came before the batch.
    fn ensure_whole_keys(&self, batch: &RecordBatch, before: u64) -> Result<(), Failure> {
        for name in &self.key {
            let Some(column) = batch.column_by_name(name).filter(|column| column.null_count() > 0) else { continue };
            let Some(row) = (0..column.len()).find(|row| column.is_null(*row)) else { continue };
            return Err(Failure::data(
                "key_without_value",
                format!("row {} of the load has no value in {name:?}, which is in the key", before + row as u64 + 1),
                "reject such rows by the rule required",
            ));
        }
        Ok(())
    }

    async fn run(&self, session: &mut Session, place: &Place) -> Result<(), Failure> {
        let action = format!("merge rows into {place} of {}", session.url());
        let columns = quoted_list(self.columns.iter().map(String::as_str));
        let key = quoted_list(self.key.iter().map(String::as_str));
        let others = self.columns.iter().filter(|column| !self.key.contains(column)).map(|column| quoted(column));
        let set = others.map(|column| format!("{column} = EXCLUDED.{column}")).collect::<Vec<_>>().join(", ");
        let then = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {set}") };
        let merged = format!(
            "INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM pg_temp.{MERGED} \
             ON CONFLICT ({key}) DO {then}",
            place.sql()
        );
        session.run("SAVEPOINT merge").await?;
        match session.run_long(&merged).await? {
            Ok(_) if !set.is_empty() => Ok(()),
            // Rows that are nothing but keys are not told when they come twice.
            Ok(_) => self.ensure_each_key_once(session).await,
            Err(error) if is_code(&error, SAME_ROW_TWICE) => {
                session.run("ROLLBACK TO merge").await?;
                self.ensure_each_key_once(session).await?;
                Err(failure(&action, &error))
            }
            Err(error) => Err(failure(&action, &error)),
        }
    }

    async fn ensure_each_key_once(&self, session: &mut Session) -> Result<(), Failure> {
        let key = quoted_list(self.key.iter().map(String::as_str));
        let sql = format!("SELECT row({key})::text FROM pg_temp.{MERGED} GROUP BY {key} HAVING count(*) > 1 LIMIT 1",);
        let Some(row) = session.row_slowly(&sql).await? else { return Ok(()) };
        let shown: String = sqlx::Row::try_get(&row, 0).map_err(|error| session.failure(&error))?;
        Err(Failure::data(
            "key_repeated",
            format!("two rows of the load have the key ({}) = {shown}", self.key.join(", ")),
            "reject such rows by the rule unique, or keep one of them in SQL",
        ))
    }
}

/// All rows are in their place, and nobody sees them yet.
pub(super) struct Written {
    pub(super) session: Session,
    pub(super) job: Job,
    pub(super) rows: u64,
    pub(super) cursor: Option<String>,
}

impl Ready for Written {
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<Loaded, Failure>> {
        async move {
            let Self { mut session, job, rows, cursor } = *self;
            loads::note(&mut session, &job, rows, cursor).await?;
            commit(session, &job).await
        }
        .boxed()
    }
}

/// Commits the transaction. Where the answer is lost, a new session is asked whether it took effect: a job that says it failed
/// must not have loaded.
pub(super) async fn commit(mut session: Session, job: &Job) -> Result<Loaded, Failure> {
    let loaded = Loaded { bytes: None };
    let failed = match session.run_long("COMMIT").await {
        Ok(Ok(_)) => return Ok(loaded),
        Ok(Err(error)) => session.failure(&error),
        Err(failure) => failure,
    };
    drop(session);
    match has_loaded(job).await {
        Ok(true) => Ok(loaded),
        Ok(false) | Err(_) => Err(failed),
    }
}

/// Whether the job has loaded, once its last session has ended one way or the other and given up the lock.
async fn has_loaded(job: &Job) -> Result<bool, Failure> {
    let mut session = job.server.connect().await?;
    let waited = session.run_long(&format!("SET lock_timeout = 0; {}", job.lock_statement())).await?;
    waited.map_err(|error| session.failure(&error))?;
    Ok(loads::loaded(&mut session, &job.id, &job.place).await?.is_some())
}
