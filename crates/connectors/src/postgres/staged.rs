//! A load of a whole table: rows go into a new table, by several sessions at a time, and in the end it takes the place of
//! the old one.

use std::sync::Arc;

use arrow::array::RecordBatch;
use etlplus_core::ports::Control;
use etlplus_core::{Counters, Failure};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use sqlx::Row;

use super::catalog::{self, Place};
use super::connect::{Session, parallel_sessions};
use super::copy_in::{Copying, Goal};
use super::failure::{failure, is_code};
use super::straight::commit;
use super::target::Job;
use super::{loads, quoted, quoted_list};
use crate::target::{Loaded, Loader, Ready};

/// What the names of staging tables begin with; the job's id follows.
const STAGE_PREFIX: &str = "etlplus_stage_";
/// How long a swap waits for those who read the old table. While it waits, nobody else can begin to read it.
const SWAP_WAIT_SECONDS: u32 = 3;
/// The server's code for a lock that was not had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// Its code for a table that is not there.
const NO_SUCH_TABLE: &str = "42P01";

/// The name of the staging table of a job, which is also the name of the lock that a living job holds.
pub(super) fn stage_name(job: &str) -> String {
    format!("{STAGE_PREFIX}{job}")
}

/// Takes the rows of a load into a staging table.
pub(super) struct Staged {
    job: Job,
    control: Arc<Control>,
    copying: Copying,
    stage: Stage,
}

/// A staging table and what it is for.
pub(super) struct Stage {
    /// Holds the job's lock.
    pub(super) session: Session,
    pub(super) place: Place,
    /// The table that is there, if one is.
    pub(super) old: Option<i64>,
    pub(super) columns: Vec<String>,
}

/// Starts to load into `stage` by `goal`.
pub(super) async fn start(stage: Stage, goal: &Goal, job: Job, control: Arc<Control>) -> Result<Staged, Failure> {
    let (mut sessions, mut refused) = (Vec::new(), None);
    for connected in join_all((0..parallel_sessions()).map(|_| job.server.connect())).await {
        match connected {
            Ok(mut session) => {
                // What is written here becomes durable with the last transaction, before which it is worth nothing.
                session.run("SET synchronous_commit = off").await?;
                sessions.push(session);
            }
            // A server that lets in few is served by few.
            Err(failure) if failure.code == "too_many_connections" => refused = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    if let Some(refused) = refused.filter(|_| sessions.is_empty()) {
        return Err(refused);
    }
    Ok(Staged { copying: Copying::start(sessions, goal), job, control, stage })
}

impl Loader for Staged {
    fn write(&mut self, batch: RecordBatch) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let rows = batch.num_rows() as u64;
            self.copying.write(batch).await?;
            Counters::add(&self.control.counters.rows_loaded, rows);
            Ok(())
        }
        .boxed()
    }

    fn finish(self: Box<Self>, cursor: Option<String>) -> BoxFuture<'static, Result<Box<dyn Ready>, Failure>> {
        async move {
            let Self { job, copying, stage, .. } = *self;
            let rows = copying.rows();
            copying.finish().await?;
            Ok(Box::new(Filled { job, stage, rows, cursor }) as Box<dyn Ready>)
        }
        .boxed()
    }
}

/// A staging table that has all rows.
struct Filled {
    job: Job,
    stage: Stage,
    rows: u64,
    cursor: Option<String>,
}

impl Ready for Filled {
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<Loaded, Failure>> {
        async move {
            let Self { job, mut stage, rows, cursor } = *self;
            stage.session.run("BEGIN").await?;
            stage.put_in_place(&job.place).await?;
            loads::note(&mut stage.session, &job, rows, cursor).await?;
            commit(stage.session, &job).await
        }
        .boxed()
    }
}

impl Stage {
    /// Within a transaction: the staging table takes the place of the old one, or its rows do where that is not to be had.
    async fn put_in_place(&mut self, target: &Place) -> Result<(), Failure> {
        let rename = format!("ALTER TABLE {} RENAME TO {}", self.place.sql(), quoted(&target.table));
        let Some(old) = self.old else {
            // Nobody has a lock of a table that is not there yet, and two who make it must not meet.
            loads::lock(&mut self.session, target).await?;
            if catalog::table(&mut self.session, target).await?.is_some() {
                return Err(changed(target));
            }
            self.session.run(&rename).await?;
            return Ok(());
        };
        let lock = format!(
            "SET LOCAL lock_timeout = '{SWAP_WAIT_SECONDS}s'; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
            target.sql()
        );
        self.session.run("SAVEPOINT swap").await?;
        match self.session.run_long(&lock).await? {
            Ok(_)
                if self.is_still(old, target).await?
                    && catalog::can_be_swapped(&mut self.session, old, &self.place).await? =>
            {
                self.session.run(&format!("DROP TABLE {}; {rename}", target.sql())).await?;
                return Ok(());
            }
            Ok(_) => {}
            Err(error) if is_code(&error, LOCK_NOT_AVAILABLE) => {}
            Err(error) if is_code(&error, NO_SUCH_TABLE) => return Err(changed(target)),
            Err(error) => return Err(failure(&format!("lock {target}"), &error)),
        }
        self.session.run("ROLLBACK TO swap").await?;
        self.move_rows(old, target).await
    }

    /// Readers of the old table go on; they see its old rows until the commit.
    async fn move_rows(&mut self, old: i64, target: &Place) -> Result<(), Failure> {
        self.session.run(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", target.sql())).await?;
        if !self.is_still(old, target).await? {
            return Err(changed(target));
        }
        let columns = quoted_list(self.columns.iter().map(String::as_str));
        let (to, from) = (target.sql(), self.place.sql());
        let moved = format!(
            "DELETE FROM {to}; INSERT INTO {to} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {from}; DROP TABLE {from}"
        );
        let moved = self.session.run_long(&moved).await?;
        moved.map(drop).map_err(|error| failure(&format!("replace the rows of {target}"), &error))
    }

    async fn is_still(&mut self, old: i64, target: &Place) -> Result<bool, Failure> {
        Ok(catalog::table(&mut self.session, target).await?.is_some_and(|table| table.oid == old))
    }
}

/// The table is not the one that the job has looked at.
pub(super) fn changed(target: &Place) -> Failure {
    Failure::transient(
        "target_changed",
        format!("the table {target} was dropped or replaced while the job ran"),
        "run again; the table is as whoever changed it left it",
    )
}

/// Removes the staging tables of jobs that ended without doing so: no living session holds their lock.
pub(super) async fn remove_leftovers(session: &mut Session, schema: &str) -> Result<(), Failure> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname LIKE 'etlplus\\_stage\\_%' \
                 AND pg_has_role(c.relowner, 'USAGE')";
    for row in session.rows(sql, &[Some(schema)]).await? {
        let name: String = row.try_get(0).map_err(|error| session.failure(&error))?;
        let is_ours = name.strip_prefix(STAGE_PREFIX).is_some_and(|id| uuid::Uuid::try_parse(id).is_ok());
        if !is_ours {
            continue;
        }
        let tried = session.row("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", &[Some(&name)]).await?;
        let is_free =
            tried.map(|row| row.try_get::<bool, _>(0)).transpose().map_err(|error| session.failure(&error))?;
        if is_free == Some(true) {
            let place = Place { schema: schema.to_owned(), table: name.clone() };
            let removed = session.run(&format!("DROP TABLE IF EXISTS {}", place.sql())).await;
            session.row("SELECT pg_advisory_unlock(hashtextextended($1, 0))", &[Some(&name)]).await?;
            removed?;
        }
    }
    Ok(())
}
