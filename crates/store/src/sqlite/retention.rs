//! Forgetting. A job that has not ended is left alone with all that is its, and so is every fact that the rules for alerts
//! were not shown yet. Where a fact is deleted, the log's oldest place rises to it: after that place none is missing.

use std::num::NonZeroUsize;

use etlplus_core::ports::{Answer, Pruned, Retention, RetentionLimits, StoreUnavailable};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::batch::Batch;
use super::requests::Request;
use super::{Store, rows};

/// Rows that one step removes at most, whatever is asked for: it holds up the writer for some tens of milliseconds.
const STEP_MAX: usize = 4_096;
/// Rows that a job has at least: its own, that of its submit, and that of its end.
const ROWS_PER_JOB: u64 = 3;
/// Pages that one step gives back to the system: 1 MiB, each of which may have to be moved.
const PAGES_PER_STEP: &str = "PRAGMA incremental_vacuum(256)";

impl Retention for Store {
    fn prune(&self, limits: RetentionLimits, step: NonZeroUsize) -> Answer<'_, Result<Pruned, StoreUnavailable>> {
        Box::pin(self.ask((limits, step), Request::Prune))
    }
}

/// What is left to do of one step.
pub(super) struct Step {
    pub(super) limits: RetentionLimits,
    /// Rows that it may still remove.
    pub(super) rows: u64,
    pub(super) pruned: Pruned,
}

impl Step {
    pub(super) fn took(&mut self, rows: u64) {
        self.rows = self.rows.saturating_sub(rows);
    }
}

impl Batch<'_> {
    pub(super) async fn prune(&mut self, limits: RetentionLimits, step: NonZeroUsize) -> sqlx::Result<Pruned> {
        let mut step = Step { limits, rows: step.get().min(STEP_MAX) as u64, pruned: Pruned::default() };
        self.prune_jobs(&mut step).await?;
        self.prune_lines(&mut step).await?;
        self.prune_log_bytes(&mut step).await?;
        self.prune_samples(&mut step).await?;
        self.prune_alerts(&mut step).await?;
        self.prune_settings_changes(&mut step).await?;
        self.seal_silent(&mut step).await?;
        let has_space_left = self.give_back_space().await?;
        Ok(Pruned { more: step.rows == 0 || has_space_left, ..step.pruned })
    }

    async fn prune_jobs(&mut self, step: &mut Step) -> sqlx::Result<()> {
        while step.rows > 0 {
            let keys = self.jobs_to_forget(step).await?;
            if keys.is_empty() {
                break;
            }
            self.prune_these(&keys, step).await?;
        }
        Ok(())
    }

    /// The keys of the next jobs that are not kept: about as many as fit the step if they have nothing but their moves.
    async fn jobs_to_forget(&mut self, step: &Step) -> sqlx::Result<Vec<i64>> {
        let cursor = rows::integer(self.head.alerts_cursor.get());
        let most = step.rows / ROWS_PER_JOB + 1;
        if let Some(before) = step.limits.jobs_before {
            let select = "SELECT key FROM jobs \
                          WHERE finished_at IS NOT NULL AND rtrim(finished_at, 'Z') < ?2 \
                          AND NOT EXISTS (SELECT 1 FROM facts WHERE facts.job = jobs.key AND facts.offset > ?1) \
                          AND NOT EXISTS (SELECT 1 FROM log_lines WHERE log_lines.job = jobs.key AND log_lines.offset > ?1) \
                          AND NOT EXISTS (SELECT 1 FROM log_chunks \
                                          WHERE log_chunks.job = jobs.key AND log_chunks.last_offset > ?1) \
                          ORDER BY rtrim(finished_at, 'Z') LIMIT ?3";
            let select = sqlx::query_scalar(select).bind(cursor).bind(rows::sortable_text(before));
            let keys: Vec<_> = select.bind(rows::integer(most)).fetch_all(&mut *self.connection).await?;
            if !keys.is_empty() {
                return Ok(keys);
            }
        }
        let excess = step.limits.jobs_max.map_or(0, |max| self.head.ended_jobs.saturating_sub(max));
        let select = "SELECT key FROM jobs WHERE finished_at IS NOT NULL \
                      AND NOT EXISTS (SELECT 1 FROM facts WHERE facts.job = jobs.key AND facts.offset > ?1) \
                      AND NOT EXISTS (SELECT 1 FROM log_lines WHERE log_lines.job = jobs.key AND log_lines.offset > ?1) \
                      AND NOT EXISTS (SELECT 1 FROM log_chunks \
                                      WHERE log_chunks.job = jobs.key AND log_chunks.last_offset > ?1) \
                      ORDER BY key LIMIT ?2";
        let select = sqlx::query_scalar(select).bind(cursor).bind(rows::integer(most.min(excess)));
        select.fetch_all(&mut *self.connection).await
    }

    /// Deletes what fits the step of some jobs: their lines and readings, and where none is left the jobs themselves.
    async fn prune_these(&mut self, keys: &[i64], step: &mut Step) -> sqlx::Result<()> {
        let keys = rows::to_json(keys)?;
        self.forget_logs(&keys, step).await?;
        let delete = "DELETE FROM samples WHERE (job, number) IN (SELECT job, number FROM samples \
                      WHERE job IN (SELECT value FROM json_each(?1)) LIMIT ?2)";
        self.forget_samples(sqlx::query(delete).bind(&keys).bind(rows::integer(step.rows)), step).await?;
        if step.rows == 0 {
            return Ok(());
        }
        // A job has a few moves for each attempt: they go with it, so that nobody sees it without them.
        let delete = "DELETE FROM facts WHERE job IN (SELECT value FROM json_each(?1)) RETURNING offset";
        let moves = self.forget_facts(sqlx::query(delete).bind(&keys)).await?;
        let delete = "DELETE FROM attempts WHERE job IN (SELECT value FROM json_each(?1))";
        sqlx::query(delete).bind(&keys).execute(&mut *self.connection).await?;
        let delete = "DELETE FROM jobs WHERE key IN (SELECT value FROM json_each(?1))";
        let jobs = sqlx::query(delete).bind(&keys).execute(&mut *self.connection).await?.rows_affected();
        // Their keys are free for others.
        self.known.forget();
        self.head.ended_jobs = self.head.ended_jobs.saturating_sub(jobs);
        step.pruned.jobs += jobs;
        step.took(moves + jobs);
        Ok(())
    }

    async fn prune_samples(&mut self, step: &mut Step) -> sqlx::Result<()> {
        if let Some(before) = step.limits.samples_before {
            let delete = "DELETE FROM samples WHERE (job, number) IN (SELECT job, number FROM samples WHERE at < ?1 \
                          AND job NOT IN (SELECT key FROM jobs WHERE status IN ('PENDING', 'RUNNING', 'PAUSED')) \
                          ORDER BY at LIMIT ?2)";
            let delete = sqlx::query(delete).bind(rows::nanos(before)).bind(rows::integer(step.rows));
            self.forget_samples(delete, step).await?;
        }
        if let Some(max) = step.limits.samples_max {
            let delete = "DELETE FROM samples WHERE (job, number) IN (SELECT job, number FROM samples \
                          WHERE job NOT IN (SELECT key FROM jobs WHERE status IN ('PENDING', 'RUNNING', 'PAUSED')) \
                          ORDER BY at LIMIT ?1)";
            let number = self.head.samples.saturating_sub(max).min(step.rows);
            self.forget_samples(sqlx::query(delete).bind(rows::integer(number)), step).await?;
        }
        Ok(())
    }

    /// A change of settings is read by its place in the log alone, which nobody can ask for any more.
    async fn prune_settings_changes(&mut self, step: &mut Step) -> sqlx::Result<()> {
        let delete = "DELETE FROM settings_changes WHERE offset IN \
                      (SELECT offset FROM settings_changes WHERE offset <= ?1 ORDER BY offset LIMIT ?2)";
        let delete = sqlx::query(delete).bind(rows::integer(self.head.oldest.get())).bind(rows::integer(step.rows));
        step.took(delete.execute(&mut *self.connection).await?.rows_affected());
        Ok(())
    }

    async fn forget_samples(
        &mut self,
        delete: Query<'_, Sqlite, SqliteArguments>,
        step: &mut Step,
    ) -> sqlx::Result<()> {
        let deleted = delete.execute(&mut *self.connection).await?.rows_affected();
        self.head.samples = self.head.samples.saturating_sub(deleted);
        step.pruned.samples += deleted;
        step.took(deleted);
        Ok(())
    }

    /// Runs `delete`, which returns the offsets of the facts that it deletes, and gives their number.
    pub(super) async fn forget_facts(&mut self, delete: Query<'_, Sqlite, SqliteArguments>) -> sqlx::Result<u64> {
        let deleted = delete.fetch_all(&mut *self.connection).await?;
        for row in &deleted {
            self.head.oldest = self.head.oldest.max(rows::offset(row)?);
        }
        Ok(deleted.len() as u64)
    }

    /// Gives some free pages back to the system, and says whether there are more that can be given back. A database that was
    /// not made for it keeps them for itself.
    async fn give_back_space(&mut self) -> sqlx::Result<bool> {
        let before = self.free_pages().await?;
        if before == 0 {
            return Ok(false);
        }
        // Each row that is fetched is a page.
        sqlx::query(PAGES_PER_STEP).fetch_all(&mut *self.connection).await?;
        let after = self.free_pages().await?;
        Ok(0 < after && after < before)
    }

    async fn free_pages(&mut self) -> sqlx::Result<i64> {
        sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut *self.connection).await
    }
}
