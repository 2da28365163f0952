//! The reader: SQLite's thread steps from row to row, a task puts them into blocks, and several blocks are checked at a time.

use std::sync::Arc;

use etlplus_core::Failure;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteArguments;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::block::{Block, Origin};
use super::interval::{Bounds, without};
use super::records::SqliteRecords;
use super::relation::Relation;
use crate::check::{CheckPlan, Checked, check};
use crate::source::{Reader, parallel_blocks, received};
use crate::sqlite::database::Database;

/// Blocks that wait to be checked: the reader works ahead by so many.
const WAITING_BLOCKS: usize = 2;

pub(super) struct SqliteReader {
    database: Database,
    select: Select,
    origin: Origin,
    bounds: Option<Arc<Bounds>>,
}

/// A query that is ready to run.
pub(in crate::sqlite) struct Select {
    pub(in crate::sqlite) sql: String,
    pub(in crate::sqlite) arguments: SqliteArguments,
    /// How many columns it has.
    pub(in crate::sqlite) columns: usize,
}

impl SqliteReader {
    pub(super) fn new(database: Database, relation: &Relation, plan: &CheckPlan, bounds: Option<Bounds>) -> Self {
        let columns: Vec<_> = plan.columns.iter().map(|column| (column.name.clone(), column.ty)).collect();
        let selected: Vec<_> = columns.iter().map(|(name, _)| relation.column_sql(name)).collect();
        let (filter, arguments) = bounds.as_ref().map(Bounds::filter).unwrap_or_default();
        let select = Select {
            sql: format!("SELECT {} FROM {} {filter}", selected.join(", "), relation.sql),
            arguments,
            columns: columns.len(),
        };
        let origin = Origin { name: relation.name.clone(), columns: columns.into() };
        Self { database, select, origin, bounds: bounds.map(Arc::new) }
    }
}

impl Reader for SqliteReader {
    fn read(self: Box<Self>, plan: Arc<CheckPlan>) -> BoxStream<'static, Result<Checked, Failure>> {
        let Self { database, select, origin, bounds } = *self;
        let mut first_row = 1;
        let numbered = blocks(database, select).map_ok(move |block| {
            let records = SqliteRecords { origin: origin.clone(), first_row, block };
            first_row += records.block.rows() as u64;
            records
        });
        let checked = numbered.map(move |records| {
            let (plan, bounds) = (plan.clone(), bounds.clone());
            async move {
                let records = records?;
                let checked = spawn_blocking(move || check_records(records, &plan, bounds.as_deref())).await;
                checked.map_err(|error| Failure::bug(format!("a check ended early: {error}")))?
            }
        });
        checked.buffered(parallel_blocks()).boxed()
    }
}

fn check_records(records: SqliteRecords, plan: &CheckPlan, bounds: Option<&Bounds>) -> Result<Checked, Failure> {
    let first_row = records.first_row;
    let beyond = bounds.map(|bounds| bounds.beyond(&records, plan)).transpose()?.flatten();
    let checked = check(Arc::new(records), plan, Vec::new(), 0)?;
    match beyond {
        Some(beyond) => without(checked, &beyond, first_row),
        None => Ok(checked),
    }
}

/// The rows of `select`. The connection is closed, and its lock given back, before the stream ends.
pub(in crate::sqlite) fn blocks(database: Database, select: Select) -> BoxStream<'static, Result<Block, Failure>> {
    let (sender, receiver) = mpsc::channel(WAITING_BLOCKS);
    let reading = tokio::spawn(async move {
        tokio::select! {
            read = read_all(database, select, &sender) => if let Err(failure) = read {
                // A receiver that is gone has stopped listening on purpose.
                let _ = sender.send(Err(failure)).await;
            },
            () = sender.closed() => {}
        }
    });
    received(receiver, reading, |reason| Failure::bug(format!("a reader ended early: {reason}"))).boxed()
}

async fn read_all(
    mut database: Database,
    select: Select,
    sender: &mpsc::Sender<Result<Block, Failure>>,
) -> Result<(), Failure> {
    let empty = || Block::new(select.columns);
    let mut block = empty();
    let query = sqlx::query_with(AssertSqlSafe(select.sql), select.arguments);
    let read: Result<(), sqlx::Error> = async {
        let mut rows = query.fetch(database.connection());
        while let Some(row) = rows.try_next().await? {
            block.push(&row)?;
            if block.is_full() && sender.send(Ok(std::mem::replace(&mut block, empty()))).await.is_err() {
                break;
            }
        }
        Ok(())
    }
    .await;
    read.map_err(|error| database.failed(&error))?;
    database.close().await?;
    if block.rows() > 0 {
        // Nobody listens where this fails.
        let _ = sender.send(Ok(block)).await;
    }
    Ok(())
}
