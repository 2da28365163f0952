//! Reading, on connections that cannot write. What belongs together is read in one transaction, which sees one moment.

use std::num::NonZeroUsize;

use etlplus_core::ids::{AttemptNumber, JobId, Offset};
use etlplus_core::job::{JobDefinition, JobFact};
use etlplus_core::ports::{
    Answer, History, HistoryError, JobQuery, JobRecord, LogFound, LogPosition, LogQuery, LogSearch, Recorded, Sample,
    Snapshot, SpoolPosition, StoreUnavailable, StoredLine,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::error::unavailable;
use super::head::Head;
use super::{FAULT_LASTS, Store, facts, read, rows};

impl History for Store {
    fn recording_fault(&self) -> Option<StoreUnavailable> {
        let fault = self.fault.borrow();
        fault.as_ref().filter(|fault| fault.at.elapsed() < FAULT_LASTS).map(|fault| fault.reason.clone())
    }

    fn job(&self, job: JobId) -> Answer<'_, Result<Option<JobRecord>, StoreUnavailable>> {
        read(async move {
            let select =
                "SELECT id, pipeline, job_type, tags, submitted_at, policy, state, report FROM jobs WHERE id = ?1";
            let row = sqlx::query(select).bind(job.to_string()).fetch_optional(&self.readers).await?;
            row.as_ref().map(rows::job).transpose()
        })
    }

    fn definition(&self, job: JobId) -> Answer<'_, Result<Option<JobDefinition>, StoreUnavailable>> {
        read(async move {
            let select = "SELECT definition FROM jobs WHERE id = ?1";
            let text: Option<String> =
                sqlx::query_scalar(select).bind(job.to_string()).fetch_optional(&self.readers).await?;
            text.as_deref().map(rows::json).transpose()
        })
    }

    fn by_idempotency_key(&self, key: String) -> Answer<'_, Result<Option<(JobId, String)>, StoreUnavailable>> {
        read(async move {
            let select = "SELECT id, idempotency_digest FROM jobs WHERE idempotency_key = ?1";
            let row = sqlx::query(select).bind(key).fetch_optional(&self.readers).await?;
            row.map(|row| Ok((rows::job_id(&row)?, row.try_get("idempotency_digest")?))).transpose()
        })
    }

    fn jobs(&self, query: JobQuery) -> Answer<'_, Result<Vec<JobRecord>, StoreUnavailable>> {
        read(async move {
            let rows = jobs_statement(query).build().fetch_all(&self.readers).await?;
            rows.iter().map(rows::job).collect()
        })
    }

    fn snapshot(&self) -> Answer<'_, Result<Snapshot, StoreUnavailable>> {
        read(async move {
            let mut transaction = self.readers.begin().await?;
            let position = Head::read(&mut transaction).await?.position;
            // The condition stands as in the index, which holds just these.
            let select = "SELECT id, pipeline, job_type, tags, submitted_at, policy, state, report FROM jobs \
                          WHERE status IN ('PENDING', 'RUNNING', 'PAUSED') ORDER BY id";
            let rows = sqlx::query(select).fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(Snapshot { position, jobs: rows.iter().map(rows::job).collect::<sqlx::Result<_>>()? })
        })
    }

    fn facts_after(&self, place: LogPosition, limit: NonZeroUsize) -> Answer<'_, Result<Vec<Recorded>, HistoryError>> {
        Box::pin(async move {
            let failed = |error: sqlx::Error| HistoryError::Unavailable(unavailable(&error));
            let mut transaction = self.readers.begin().await.map_err(failed)?;
            let Head { position: newest, oldest, .. } = Head::read(&mut transaction).await.map_err(failed)?;
            if place.epoch != newest.epoch || !(oldest..=newest.offset).contains(&place.offset) {
                return Err(HistoryError::Gap { asked: place, oldest, newest });
            }
            let facts = facts::after(&mut transaction, &self.chunks, place.offset, limit).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
            Ok(facts)
        })
    }

    fn moves(&self, job: JobId, limit: NonZeroUsize) -> Answer<'_, Result<Vec<(Offset, JobFact)>, StoreUnavailable>> {
        read(async move {
            let select = "SELECT * FROM (SELECT offset, body FROM facts \
                          WHERE job = (SELECT key FROM jobs WHERE id = ?1) ORDER BY offset DESC LIMIT ?2) ORDER BY offset";
            let rows = sqlx::query(select)
                .bind(job.to_string())
                .bind(rows::integer(limit.get()))
                .fetch_all(&self.readers)
                .await?;
            rows.iter().map(|row| Ok((rows::offset(row)?, rows::json(row.try_get("body")?)?))).collect()
        })
    }

    fn log(&self, query: LogQuery) -> Answer<'_, Result<Vec<StoredLine>, StoreUnavailable>> {
        read(self.read_log(query))
    }

    fn search(&self, search: LogSearch) -> Answer<'_, Result<LogFound, StoreUnavailable>> {
        read(self.search_log(search))
    }

    fn samples(&self, job: JobId, limit: NonZeroUsize) -> Answer<'_, Result<Vec<Sample>, StoreUnavailable>> {
        read(async move {
            let select = "SELECT * FROM (SELECT number, attempt, at, progress, rows_per_second, cores FROM samples \
                          WHERE job = (SELECT key FROM jobs WHERE id = ?1) ORDER BY number DESC LIMIT ?2) ORDER BY number";
            let rows = sqlx::query(select)
                .bind(job.to_string())
                .bind(rows::integer(limit.get()))
                .fetch_all(&self.readers)
                .await?;
            rows.iter().map(|row| sample(job, row)).collect()
        })
    }

    fn spool_position(
        &self,
        job: JobId,
        attempt: AttemptNumber,
    ) -> Answer<'_, Result<SpoolPosition, StoreUnavailable>> {
        read(async move {
            let select = "SELECT spool_bytes, last_line FROM attempts \
                          WHERE job = (SELECT key FROM jobs WHERE id = ?1) AND attempt = ?2";
            let query = sqlx::query(select).bind(job.to_string()).bind(attempt.get());
            let row = query.fetch_optional(&self.readers).await?;
            row.map_or(Ok(SpoolPosition::default()), |row| {
                Ok(SpoolPosition { bytes: row.try_get("spool_bytes")?, line: row.try_get("last_line")? })
            })
        })
    }
}

fn jobs_statement(query: JobQuery) -> QueryBuilder<Sqlite> {
    let JobQuery { statuses, pipeline, job_type, tag, from, until, text, before, limit } = query;
    let select = "SELECT id, pipeline, job_type, tags, submitted_at, policy, state, report FROM jobs WHERE TRUE";
    let mut sql = QueryBuilder::new(select);
    if !statuses.is_empty() {
        sql.push(" AND status IN (");
        let mut list = sql.separated(", ");
        for status in statuses {
            list.push_bind(status.to_string());
        }
        sql.push(")");
    }
    if let Some(pipeline) = pipeline {
        sql.push(" AND pipeline = ").push_bind(pipeline);
    }
    if let Some(job_type) = job_type {
        sql.push(" AND job_type = ").push_bind(job_type.as_str());
    }
    if let Some(tag) = tag {
        sql.push(" AND EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ").push_bind(tag).push(")");
    }
    if let Some(from) = from {
        sql.push(" AND submitted_at >= ").push_bind(rows::nanos(from));
    }
    if let Some(until) = until {
        sql.push(" AND submitted_at < ").push_bind(rows::nanos(until));
    }
    if let Some(text) = text {
        // `lower` knows the letters of ASCII alone, and `instr` has no wildcards and no longest pattern, as LIKE has.
        let text = text.to_ascii_lowercase();
        sql.push(" AND (instr(id, ").push_bind(text.clone()).push(") > 0");
        sql.push(" OR instr(lower(pipeline), ").push_bind(text.clone()).push(") > 0");
        sql.push(" OR instr(lower(failure), ").push_bind(text.clone()).push(") > 0");
        sql.push(" OR EXISTS (SELECT 1 FROM json_each(tags) WHERE instr(lower(value), ")
            .push_bind(text)
            .push(") > 0))");
    }
    if let Some(before) = before {
        sql.push(" AND id < ").push_bind(before.to_string());
    }
    sql.push(" ORDER BY id DESC LIMIT ").push_bind(rows::integer(limit.get()));
    sql
}

fn sample(job: JobId, row: &SqliteRow) -> sqlx::Result<Sample> {
    Ok(Sample {
        job,
        attempt: rows::attempt(row)?,
        at: rows::time(row.try_get("at")?),
        progress: rows::json(row.try_get("progress")?)?,
        rows_per_second: row.try_get("rows_per_second")?,
        cores: row.try_get("cores")?,
    })
}
