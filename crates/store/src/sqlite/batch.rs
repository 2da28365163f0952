//! Changes, as they are written within one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use etlplus_core::ids::{JobId, Offset};
use etlplus_core::job::{JobHeader, JobStatus};
use etlplus_core::ports::{Change, Fact, LedgerError, LogPosition, Recorded};
use sqlx::{Row, SqliteConnection};

use super::head::Head;
use super::logs::ChunkCache;
use super::rows;

/// Jobs whose headers are remembered. When they are more, all are forgotten and looked up again as they come.
const KNOWN_JOBS_MAX: usize = 1_024;

/// Why a request was not written.
pub(super) enum Refused<E> {
    /// It does not fit what is there, or cannot be put into a row.
    Unfit(E),
    /// SQLite says no.
    Database(sqlx::Error),
}

impl<E> From<sqlx::Error> for Refused<E> {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// What never changes of jobs that something was written about: their row's key, and the header that their facts carry. A
/// burst of log lines looks its job up once.
#[derive(Debug, Default)]
pub(super) struct KnownJobs(HashMap<JobId, (i64, Arc<JobHeader>)>);

impl KnownJobs {
    /// After a rollback a job that was made in it is not there, and a job that is deleted leaves its key to another.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    fn remember(&mut self, key: i64, header: Arc<JobHeader>) {
        if self.0.len() >= KNOWN_JOBS_MAX {
            self.forget();
        }
        self.0.insert(header.id, (key, header));
    }
}

/// A transaction that is being filled.
pub(super) struct Batch<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) known: &'a mut KnownJobs,
    pub(super) chunks: &'a ChunkCache,
    /// What is known of the log so far.
    pub(super) head: Head,
    /// What is to be told once the transaction is committed.
    pub(super) facts: Vec<Recorded>,
}

impl Batch<'_> {
    /// Forgets what came after `head`, which was taken back.
    pub(super) fn back_to(&mut self, head: Head) {
        self.head = head;
        self.facts.retain(|recorded| recorded.offset <= head.position.offset);
        self.known.forget();
    }

    /// Writes `changes` in their order, and gives the place of the last fact then.
    pub(super) async fn record(&mut self, changes: Vec<Change>) -> Result<LogPosition, Refused<LedgerError>> {
        for change in changes {
            match change {
                Change::Submit(new) => self.submit(*new).await?,
                Change::Move { job, fact, report } => self.move_job(job, fact, report.as_ref()).await?,
                Change::Log { job, attempt, lines, spool_bytes } => {
                    self.log(job, attempt, lines, spool_bytes).await?;
                }
                Change::Sample(sample) => self.sample(&sample).await?,
                Change::Alert(alert) => self.alert(alert).await?,
                Change::Settings { expected, overlay, change } => {
                    self.change_settings(expected, &overlay, change).await?;
                }
            }
        }
        Ok(self.head.position)
    }

    /// The place of the next fact.
    pub(super) fn next_offset(&self) -> Offset {
        self.head.position.offset.next()
    }

    /// Has `fact` told after the commit. It was written at the next place.
    pub(super) fn tell(&mut self, fact: Fact) {
        let offset = self.next_offset();
        self.head.position.offset = offset;
        self.facts.push(Recorded { offset, fact });
    }

    /// A job's key and header. Where there is no such job, `expected` says where the change takes it to be.
    pub(super) async fn known(
        &mut self,
        job: JobId,
        expected: JobStatus,
    ) -> Result<(i64, Arc<JobHeader>), Refused<LedgerError>> {
        if let Some(known) = self.known.0.get(&job) {
            return Ok(known.clone());
        }
        let select = "SELECT key, id, pipeline, job_type, tags, submitted_at FROM jobs WHERE id = ?1";
        let row = sqlx::query(select).bind(job.to_string()).fetch_optional(&mut *self.connection).await?;
        let Some(row) = row else {
            let expected = Some(expected);
            return Err(Refused::Unfit(LedgerError::Conflict { job, expected, found: None }));
        };
        let (key, header) = (row.try_get("key")?, Arc::new(rows::header(&row)?));
        self.known.remember(key, header.clone());
        Ok((key, header))
    }

    pub(super) async fn conflict(
        &mut self,
        job: JobId,
        expected: Option<JobStatus>,
    ) -> sqlx::Result<Refused<LedgerError>> {
        let select = "SELECT json_quote(status) FROM jobs WHERE id = ?1";
        let found: Option<String> =
            sqlx::query_scalar(select).bind(job.to_string()).fetch_optional(&mut *self.connection).await?;
        let found = found.as_deref().map(rows::json).transpose()?;
        Ok(Refused::Unfit(LedgerError::Conflict { job, expected, found }))
    }
}

/// About how many rows `changes` write.
pub(super) fn weight(changes: &[Change]) -> usize {
    changes.iter().map(|change| if let Change::Log { lines, .. } = change { lines.len().max(1) } else { 1 }).sum()
}
