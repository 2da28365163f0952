//! Reads a table in ranges of its pages, by several sessions that all see it as it was at one moment.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use etlplus_core::Failure;
use futures::future::join_all;
use futures::stream::{BoxStream, once};
use futures::{StreamExt, TryStreamExt};
use sqlx::Row;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::connect::{Server, Session, parallel_sessions};
use super::copy_out::{Shape, WAITING_BATCHES, read_copy, received};
use super::decode::Decoded;
use super::literal;
use super::query::Described;
use crate::check::{CheckPlan, Checked};
use crate::source::Reader;
use crate::source::arrow_records::ArrowRecords;

/// The fewest pages that are read by one COPY, 8 MiB: less is read before another session is there.
const RANGE_PAGES_MIN: i64 = 1024;
/// How many ranges each session reads, one after another: so that none is idle for long while another has much to do.
const RANGES_A_SESSION: i64 = 4;

/// How each session sees the database: as it was at one moment, whatever others write meanwhile.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Rows of a source that can be read.
pub(super) struct PgRows {
    pub(super) server: Server,
    pub(super) session: Session,
    pub(super) described: Described,
    pub(super) shape: Shape,
    pub(super) conditions: Vec<String>,
    /// Whether the conditions leave few rows, which an index finds.
    pub(super) is_narrow: bool,
}

impl Reader for PgRows {
    fn read(self: Box<Self>, plan: Arc<CheckPlan>) -> BoxStream<'static, Result<Checked, Failure>> {
        once(self.start(plan)).try_flatten().boxed()
    }
}

impl PgRows {
    async fn start(
        mut self: Box<Self>,
        plan: Arc<CheckPlan>,
    ) -> Result<BoxStream<'static, Result<Checked, Failure>>, Failure> {
        self.session.run(BEGIN).await?;
        let statements = self.statements().await?;
        let others = parallel_sessions().min(statements.len()) - 1;
        let sessions = self.sessions(others).await?;
        let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
        let statements = Arc::new(Mutex::new(VecDeque::from(statements)));
        let rows = Arc::new(AtomicU64::new(0));
        let name: Arc<str> = self.described.name.as_str().into();
        let mut tasks = JoinSet::new();
        for mut session in sessions.into_iter().chain([self.session]) {
            let (statements, shape, sender) = (statements.clone(), self.shape.clone(), sender.clone());
            let (plan, name, rows) = (plan.clone(), name.clone(), rows.clone());
            tasks.spawn(async move {
                let make = |decoded: Decoded| {
                    let count = decoded.batch.num_rows() as u64;
                    let first_row = rows.fetch_add(count, Ordering::Relaxed) + 1;
                    let records = ArrowRecords::new(name.clone(), decoded.batch, first_row).with_unfit(decoded.unfit);
                    records.check(&plan, decoded.bytes as u64)
                };
                loop {
                    let statement = statements.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(statement) = statement else { break };
                    match read_copy(&mut session, &statement, &shape, &make, &sender).await {
                        Ok(true) => {}
                        Ok(false) => return,
                        Err(failure) => {
                            // A receiver that is gone has stopped listening on purpose.
                            let _ = sender.send(Err(failure)).await;
                            return;
                        }
                    }
                }
                // All rows are read; how the session ends changes nothing.
                let _ = session.run("COMMIT").await;
            });
        }
        Ok(received(receiver, tasks))
    }

    /// A COPY for each range of the table's pages, or one for all rows.
    async fn statements(&mut self) -> Result<Vec<String>, Failure> {
        let columns: Vec<_> = self.shape.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let oid = match self.described.ranged() {
            Some(oid) if !self.is_narrow => oid,
            _ => return Ok(vec![self.described.copy(&columns, &self.conditions)]),
        };
        let sql = "SELECT pg_relation_size($1::bigint::oid::regclass) / current_setting('block_size')::bigint";
        let row = self.session.row(sql, &[Some(&oid.to_string())]).await?;
        let pages: Option<i64> =
            row.map(|row| row.try_get(0)).transpose().map_err(|error| self.session.failure(&error))?;
        let ranges = ranges(pages.unwrap_or(0), parallel_sessions() as i64);
        let copy = |range: String| {
            let conditions: Vec<_> = self.conditions.iter().cloned().chain([range]).collect();
            self.described.copy(&columns, &conditions)
        };
        Ok(ranges.into_iter().map(copy).collect())
    }

    /// More sessions that see the database as the first one does; as many as are to be had.
    async fn sessions(&mut self, count: usize) -> Result<Vec<Session>, Failure> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let exported = self.session.row("SELECT pg_export_snapshot()", &[]).await?;
        let snapshot: Option<String> =
            exported.map(|row| row.try_get(0)).transpose().map_err(|error| self.session.failure(&error))?;
        let snapshot = snapshot.ok_or_else(|| Failure::bug("a snapshot has no name"))?;
        let mut sessions = Vec::with_capacity(count);
        for connected in join_all((0..count).map(|_| self.server.connect())).await {
            match connected {
                Ok(mut session) => {
                    session.run(&format!("{BEGIN}; SET TRANSACTION SNAPSHOT {}", literal(&snapshot))).await?;
                    sessions.push(session);
                }
                Err(failure) if failure.code == "too_many_connections" => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(sessions)
    }
}

/// Ranges of pages that are together the whole table, as conditions. The last one has no end: pages that are added meanwhile
/// have no rows that the snapshot sees, and nothing depends on the size being right.
fn ranges(pages: i64, sessions: i64) -> Vec<String> {
    let count = (pages / RANGE_PAGES_MIN).clamp(1, sessions * RANGES_A_SESSION);
    let start = |range: i64| pages * range / count;
    let condition = |range: i64| match range + 1 == count {
        true => format!("ctid >= '({},0)'::tid", start(range)),
        false => format!("ctid >= '({},0)'::tid AND ctid < '({},0)'::tid", start(range), start(range + 1)),
    };
    (0..count).map(condition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_the_whole_table_once() {
        assert_eq!(ranges(0, 4), ["ctid >= '(0,0)'::tid"]);
        assert_eq!(ranges(1500, 4), ["ctid >= '(0,0)'::tid"]);
        assert_eq!(
            ranges(3073, 2),
            [
                "ctid >= '(0,0)'::tid AND ctid < '(1024,0)'::tid",
                "ctid >= '(1024,0)'::tid AND ctid < '(2048,0)'::tid",
                "ctid >= '(2048,0)'::tid",
            ]
        );
        assert_eq!(ranges(1 << 30, 2).len(), 8);
    }
}
