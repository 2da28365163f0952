//! Changes, as they are written within one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{Cause, JobDefinition, JobFact, JobHeader, JobStatus};
use etlplus_core::log::LogLine;
use etlplus_core::ports::{
    AttemptReport, Change, Fact, LedgerError, LogPosition, Recorded, Sample, StoreUnavailable, StoredPipeline,
};
use serde::Serialize;
use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::rows;

/// The readings that are kept of a job: half an hour of one a second. The oldest go first.
pub const SAMPLES_PER_JOB_MAX: u32 = 2_000;
/// Lines in one statement. More would save little; SQLite takes 32,766 values in one, and a line has seven.
const LINES_PER_STATEMENT: usize = 256;
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
    /// After a rollback a job that was made in it is not there.
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
    /// The place of the last fact so far.
    pub(super) position: LogPosition,
    /// What is to be told once the transaction is committed.
    pub(super) facts: Vec<Recorded>,
}

impl Batch<'_> {
    /// Forgets the facts after `position`, which were taken back.
    pub(super) fn back_to(&mut self, position: LogPosition) {
        self.position = position;
        self.facts.retain(|recorded| recorded.offset <= position.offset);
        self.known.forget();
    }

    /// Writes `changes` in their order, and gives the place of the last fact then.
    pub(super) async fn record(&mut self, changes: Vec<Change>) -> Result<LogPosition, Refused<LedgerError>> {
        for change in changes {
            match change {
                Change::Submit { header, definition } => self.submit(header, &definition).await?,
                Change::Move { job, fact, report } => self.move_job(job, fact, report.as_ref()).await?,
                Change::Log { job, attempt, lines, spool_bytes } => {
                    self.log(job, attempt, lines, spool_bytes).await?;
                }
                Change::Sample(sample) => self.sample(&sample).await?,
            }
        }
        Ok(self.position)
    }

    async fn submit(&mut self, header: JobHeader, definition: &JobDefinition) -> Result<(), Refused<LedgerError>> {
        let fact = JobFact::submitted(header.submitted_at, None);
        let insert = "INSERT INTO jobs (id, pipeline, job_type, tags, submitted_at, definition, state) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING";
        let inserted = sqlx::query(insert)
            .bind(header.id.to_string())
            .bind(&header.pipeline)
            .bind(header.job_type.as_str())
            .bind(json(&header.tags)?)
            .bind(rows::nanos(header.submitted_at))
            .bind(json(definition)?)
            .bind(json(&fact.state)?)
            .execute(&mut *self.connection)
            .await?;
        if inserted.rows_affected() == 0 {
            return Err(self.conflict(header.id, None).await?);
        }
        self.tell_move(inserted.last_insert_rowid(), header.into(), fact).await
    }

    async fn move_job(
        &mut self,
        job: JobId,
        fact: JobFact,
        report: Option<&AttemptReport>,
    ) -> Result<(), Refused<LedgerError>> {
        let Some(from) = fact.from else {
            return Err(self.conflict(job, None).await?);
        };
        let (key, header) = self.known(job, from).await?;
        // An attempt that ends and leaves nothing takes away what the one before it left.
        let ends = matches!(fact.cause, Cause::Completed | Cause::Failed | Cause::Stopped | Cause::Lost);
        let update = "UPDATE jobs SET state = ?1, report = CASE WHEN ?2 THEN ?3 ELSE report END \
                      WHERE key = ?4 AND status = ?5 AND attempt <= ?6";
        let updated = sqlx::query(update)
            .bind(json(&fact.state)?)
            .bind(ends || report.is_some())
            .bind(report.map(json).transpose()?)
            .bind(key)
            .bind(from.to_string())
            .bind(fact.state.attempt().get())
            .execute(&mut *self.connection)
            .await?;
        if updated.rows_affected() == 0 {
            return Err(self.conflict(job, Some(from)).await?);
        }
        self.tell_move(key, header, fact).await
    }

    async fn tell_move(&mut self, key: i64, job: Arc<JobHeader>, fact: JobFact) -> Result<(), Refused<LedgerError>> {
        let offset = self.position.offset.next();
        sqlx::query("INSERT INTO facts (offset, job, body) VALUES (?1, ?2, ?3)")
            .bind(rows::integer(offset.get()))
            .bind(key)
            .bind(json(&fact)?)
            .execute(&mut *self.connection)
            .await?;
        self.tell(Fact::Job { job, fact });
        Ok(())
    }

    async fn log(
        &mut self,
        job: JobId,
        attempt: AttemptNumber,
        lines: Vec<LogLine>,
        spool_bytes: u64,
    ) -> Result<(), Refused<LedgerError>> {
        let (key, header) = self.known(job, JobStatus::Running).await?;
        let upsert = "INSERT INTO attempts (job, attempt, spool_bytes) VALUES (?1, ?2, ?3) \
                      ON CONFLICT (job, attempt) DO UPDATE SET spool_bytes = excluded.spool_bytes";
        sqlx::query(upsert)
            .bind(key)
            .bind(attempt.get())
            .bind(rows::integer(spool_bytes))
            .execute(&mut *self.connection)
            .await?;
        let mut offset = self.position.offset;
        for lines in lines.chunks(LINES_PER_STATEMENT) {
            let insert = "INSERT INTO log_lines (offset, job, attempt, line, at, level, message) ";
            let mut insert = QueryBuilder::new(insert);
            insert.push_values(lines, |mut row, line| {
                offset = offset.next();
                row.push_bind(rows::integer(offset.get()))
                    .push_bind(key)
                    .push_bind(attempt.get())
                    .push_bind(rows::integer(line.line))
                    .push_bind(rows::nanos(line.at))
                    .push_bind(rows::level_number(line.level))
                    .push_bind(line.message.as_str());
            });
            // Statements of every other length would push the ones in use out of the cache.
            let is_full = lines.len() == LINES_PER_STATEMENT;
            insert.build().persistent(is_full).execute(&mut *self.connection).await?;
        }
        for line in lines {
            self.tell(Fact::Log { job: header.clone(), attempt, line });
        }
        Ok(())
    }

    async fn sample(&mut self, sample: &Sample) -> Result<(), Refused<LedgerError>> {
        let (key, _) = self.known(sample.job, JobStatus::Running).await?;
        let insert = "INSERT INTO samples (job, number, attempt, at, progress, rows_per_second, cores) \
                      VALUES (?1, 1 + coalesce((SELECT max(number) FROM samples WHERE job = ?1), 0), ?2, ?3, ?4, ?5, ?6)";
        sqlx::query(insert)
            .bind(key)
            .bind(sample.attempt.get())
            .bind(rows::nanos(sample.at))
            .bind(json(&sample.progress)?)
            .bind(sample.rows_per_second)
            .bind(sample.cores)
            .execute(&mut *self.connection)
            .await?;
        let delete = "DELETE FROM samples \
                      WHERE job = ?1 AND number <= (SELECT max(number) FROM samples WHERE job = ?1) - ?2";
        sqlx::query(delete).bind(key).bind(SAMPLES_PER_JOB_MAX).execute(&mut *self.connection).await?;
        Ok(())
    }

    /// Keeps a pipeline. The version that is given is not looked at.
    pub(super) async fn put_pipeline(
        &mut self,
        new: StoredPipeline,
    ) -> Result<StoredPipeline, Refused<StoreUnavailable>> {
        let select = "SELECT name, version, definition, folder, updated_at FROM pipelines WHERE name = ?1";
        let kept = sqlx::query(select).bind(&new.name).fetch_optional(&mut *self.connection).await?;
        let kept = kept.as_ref().map(super::pipelines::pipeline).transpose()?;
        let version = match kept {
            Some(kept) if kept.definition == new.definition && kept.folder == new.folder => return Ok(kept),
            Some(kept) => kept.version + 1,
            None => 1,
        };
        let folder = new.folder.to_str().ok_or_else(|| {
            let message = format!("the pipeline's folder {} is not UTF-8", new.folder.display());
            Refused::Unfit(StoreUnavailable { message, remedy: "use folder names that are UTF-8".to_owned() })
        })?;
        let upsert = "INSERT INTO pipelines (name, version, definition, folder, updated_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                      ON CONFLICT (name) DO UPDATE SET version = excluded.version, definition = excluded.definition, \
                      folder = excluded.folder, updated_at = excluded.updated_at";
        sqlx::query(upsert)
            .bind(&new.name)
            .bind(rows::integer(version))
            .bind(&new.definition)
            .bind(folder)
            .bind(rows::nanos(new.updated_at))
            .execute(&mut *self.connection)
            .await?;
        Ok(StoredPipeline { version, ..new })
    }

    fn tell(&mut self, fact: Fact) {
        let offset = self.position.offset.next();
        self.position.offset = offset;
        self.facts.push(Recorded { offset, fact });
    }

    async fn known(&mut self, job: JobId, expected: JobStatus) -> Result<(i64, Arc<JobHeader>), Refused<LedgerError>> {
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

    async fn conflict(&mut self, job: JobId, expected: Option<JobStatus>) -> sqlx::Result<Refused<LedgerError>> {
        let select = "SELECT json_quote(status) FROM jobs WHERE id = ?1";
        let found: Option<String> =
            sqlx::query_scalar(select).bind(job.to_string()).fetch_optional(&mut *self.connection).await?;
        let found = found.as_deref().map(rows::json).transpose()?;
        Ok(Refused::Unfit(LedgerError::Conflict { job, expected, found }))
    }
}

fn json(value: &(impl Serialize + ?Sized)) -> Result<String, Refused<LedgerError>> {
    serde_json::to_string(value)
        .map_err(|error| Refused::Unfit(LedgerError::Refused(format!("a change cannot be written as JSON: {error}"))))
}

/// About how many rows `changes` write.
pub(super) fn weight(changes: &[Change]) -> usize {
    changes.iter().map(|change| if let Change::Log { lines, .. } = change { lines.len().max(1) } else { 1 }).sum()
}
