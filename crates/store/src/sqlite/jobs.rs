//! Jobs, their moves, and what their attempts say, as they are written.

use std::sync::Arc;

use etlplus_core::ids::JobId;
use etlplus_core::job::{Cause, JobFact, JobHeader, JobStatus};
use etlplus_core::ports::{AttemptReport, Fact, IdempotencyKey, LedgerError, NewJob, Sample, ScheduledFor};
use sqlx::Row;

use super::batch::{Batch, Refused};
use super::rows;

/// The readings that are kept of a job: half an hour of one a second. The oldest go first.
pub const SAMPLES_PER_JOB_MAX: u32 = 2_000;
impl Batch<'_> {
    pub(super) async fn submit(&mut self, new: NewJob) -> Result<(), Refused<LedgerError>> {
        let NewJob { header, definition, policy, not_before, idempotency, scheduled_for } = new;
        if let Some(key) = &idempotency {
            self.refuse_duplicate(key).await?;
        }
        let fact = JobFact::submitted(header.submitted_at, not_before);
        let insert = "INSERT INTO jobs (id, pipeline, job_type, tags, submitted_at, definition, policy, state, \
                      idempotency_key, idempotency_digest) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING";
        let inserted = sqlx::query(insert)
            .bind(header.id.to_string())
            .bind(&header.pipeline)
            .bind(header.job_type.as_str())
            .bind(rows::to_json(&header.tags)?)
            .bind(rows::nanos(header.submitted_at))
            .bind(rows::to_json(&definition)?)
            .bind(rows::to_json(&policy)?)
            .bind(rows::to_json(&fact.state)?)
            .bind(idempotency.as_ref().map(|key| &key.key))
            .bind(idempotency.as_ref().map(|key| &key.digest))
            .execute(&mut *self.connection)
            .await?;
        if inserted.rows_affected() == 0 {
            return Err(self.conflict(header.id, None).await?);
        }
        if let Some(ScheduledFor { pipeline, at }) = &scheduled_for {
            self.mark_schedule(pipeline, *at).await?;
        }
        self.tell_move(inserted.last_insert_rowid(), header.into(), fact).await
    }

    async fn refuse_duplicate(&mut self, new: &IdempotencyKey) -> Result<(), Refused<LedgerError>> {
        let select = "SELECT id, idempotency_digest FROM jobs WHERE idempotency_key = ?1";
        let Some(row) = sqlx::query(select).bind(&new.key).fetch_optional(&mut *self.connection).await? else {
            return Ok(());
        };
        let is_same = row.try_get::<&str, _>("idempotency_digest")? == new.digest;
        let job = rows::job_id(&row)?;
        Err(Refused::Unfit(LedgerError::Duplicate { key: new.key.clone(), job, is_same }))
    }

    pub(super) async fn move_job(
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
            .bind(rows::to_json(&fact.state)?)
            .bind(ends || report.is_some())
            .bind(report.map(rows::to_json).transpose()?)
            .bind(key)
            .bind(from.to_string())
            .bind(fact.state.attempt().get())
            .execute(&mut *self.connection)
            .await?;
        if updated.rows_affected() == 0 {
            return Err(self.conflict(job, Some(from)).await?);
        }
        match (from.is_terminal(), fact.state.status().is_terminal()) {
            (false, true) => self.head.ended_jobs += 1,
            (true, false) => self.head.ended_jobs = self.head.ended_jobs.saturating_sub(1),
            _ => {}
        }
        self.tell_move(key, header, fact).await
    }

    async fn tell_move(&mut self, key: i64, job: Arc<JobHeader>, fact: JobFact) -> Result<(), Refused<LedgerError>> {
        let offset = self.next_offset();
        sqlx::query("INSERT INTO facts (offset, job, body) VALUES (?1, ?2, ?3)")
            .bind(rows::integer(offset.get()))
            .bind(key)
            .bind(rows::to_json(&fact)?)
            .execute(&mut *self.connection)
            .await?;
        self.tell(Fact::Job { job, fact });
        Ok(())
    }

    pub(super) async fn sample(&mut self, sample: &Sample) -> Result<(), Refused<LedgerError>> {
        let (key, _) = self.known(sample.job, JobStatus::Running).await?;
        let insert = "INSERT INTO samples (job, number, attempt, at, progress, rows_per_second, cores) \
                      VALUES (?1, 1 + coalesce((SELECT max(number) FROM samples WHERE job = ?1), 0), ?2, ?3, ?4, ?5, ?6)";
        sqlx::query(insert)
            .bind(key)
            .bind(sample.attempt.get())
            .bind(rows::nanos(sample.at))
            .bind(rows::to_json(&sample.progress)?)
            .bind(sample.rows_per_second)
            .bind(sample.cores)
            .execute(&mut *self.connection)
            .await?;
        let delete = "DELETE FROM samples \
                      WHERE job = ?1 AND number <= (SELECT max(number) FROM samples WHERE job = ?1) - ?2";
        let deleted = sqlx::query(delete).bind(key).bind(SAMPLES_PER_JOB_MAX).execute(&mut *self.connection).await?;
        self.head.samples = (self.head.samples + 1).saturating_sub(deleted.rows_affected());
        Ok(())
    }
}
