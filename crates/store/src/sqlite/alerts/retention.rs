//! Forgetting alerts. One that is on its way to somebody is left alone, and so is one that the rules were not shown yet.

use super::super::batch::Batch;
use super::super::retention::Step;
use super::super::rows;
use super::FIRING_MAX;

/// Alerts that are kept, whatever their age: thousands a day for a month, and more than anybody looks through. What is
/// firing or on its way to somebody counts, and stays.
pub const ALERTS_MAX: u64 = 100_000;

impl Batch<'_> {
    pub(in super::super) async fn prune_alerts(&mut self, step: &mut Step) -> sqlx::Result<()> {
        self.prune_firing_alerts(step).await?;
        self.prune_old_alerts(step).await?;
        self.prune_excess_alerts(step).await
    }

    /// An alert about a job fires until its pipeline succeeds, which one that is not run any more never does. So it goes with
    /// jobs of its age, unless its own goes on; with its job; and where the rules do not see it any more.
    async fn prune_firing_alerts(&mut self, step: &mut Step) -> sqlx::Result<()> {
        let select = "SELECT offset FROM firing_alerts JOIN alerts ON alerts.offset = firing_alerts.alert \
                      WHERE rule IN ('job_failed', 'job_timed_out', 'job_timeout_near') AND offset <= ?1 \
                      AND (offset < (SELECT alert FROM firing_alerts ORDER BY alert DESC LIMIT 1 OFFSET ?3) \
                           OR (job IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = alerts.job)) \
                           OR (at < ?2 AND NOT EXISTS \
                               (SELECT 1 FROM jobs WHERE jobs.id = alerts.job AND jobs.finished_at IS NULL))) \
                      AND NOT EXISTS (SELECT 1 FROM deliveries WHERE alert = alerts.offset AND state = 'waiting') \
                      ORDER BY offset LIMIT ?4";
        let gone: Vec<i64> = sqlx::query_scalar(select)
            .bind(rows::integer(self.head.alerts_cursor.get()))
            .bind(step.limits.jobs_before.map(rows::sortable_text))
            .bind(rows::integer(FIRING_MAX.get() - 1))
            .bind(rows::integer(step.rows))
            .fetch_all(&mut *self.connection)
            .await?;
        let delete = "DELETE FROM firing_alerts WHERE alert IN (SELECT value FROM json_each(?1))";
        sqlx::query(delete).bind(rows::to_json(&gone)?).execute(&mut *self.connection).await?;
        self.forget_alerts(&gone, step).await
    }

    /// Alerts go with jobs of their age.
    async fn prune_old_alerts(&mut self, step: &mut Step) -> sqlx::Result<()> {
        let Some(before) = step.limits.jobs_before else { return Ok(()) };
        let select = "SELECT offset FROM alerts WHERE at < ?1 AND offset <= ?2 \
                      AND NOT EXISTS (SELECT 1 FROM firing_alerts WHERE alert = offset) \
                      AND NOT EXISTS (SELECT 1 FROM deliveries WHERE alert = offset AND state = 'waiting') \
                      ORDER BY at LIMIT ?3";
        let old: Vec<i64> = sqlx::query_scalar(select)
            .bind(rows::sortable_text(before))
            .bind(rows::integer(self.head.alerts_cursor.get()))
            .bind(rows::integer(step.rows))
            .fetch_all(&mut *self.connection)
            .await?;
        self.forget_alerts(&old, step).await
    }

    /// The first recorded go where there are more than [`ALERTS_MAX`].
    async fn prune_excess_alerts(&mut self, step: &mut Step) -> sqlx::Result<()> {
        // No more are counted than this step can remove.
        let count = "SELECT count(*) FROM (SELECT 1 FROM alerts LIMIT ?1)";
        let count = sqlx::query_scalar(count).bind(rows::integer(ALERTS_MAX + step.rows));
        let count: u64 = count.fetch_one(&mut *self.connection).await?;
        let select = "SELECT offset FROM alerts WHERE offset <= ?1 \
                      AND NOT EXISTS (SELECT 1 FROM firing_alerts WHERE alert = offset) \
                      AND NOT EXISTS (SELECT 1 FROM deliveries WHERE alert = offset AND state = 'waiting') \
                      ORDER BY offset LIMIT ?2";
        let first: Vec<i64> = sqlx::query_scalar(select)
            .bind(rows::integer(self.head.alerts_cursor.get()))
            .bind(rows::integer(count.saturating_sub(ALERTS_MAX)))
            .fetch_all(&mut *self.connection)
            .await?;
        self.forget_alerts(&first, step).await
    }

    /// Deletes alerts that are not firing any more, with their deliveries.
    async fn forget_alerts(&mut self, offsets: &[i64], step: &mut Step) -> sqlx::Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let offsets = rows::to_json(offsets)?;
        let delete = "DELETE FROM deliveries WHERE alert IN (SELECT value FROM json_each(?1))";
        sqlx::query(delete).bind(&offsets).execute(&mut *self.connection).await?;
        let delete = "DELETE FROM alerts WHERE offset IN (SELECT value FROM json_each(?1)) RETURNING offset";
        let deleted = self.forget_facts(sqlx::query(delete).bind(offsets)).await?;
        step.pruned.alerts += deleted;
        step.took(deleted);
        Ok(())
    }
}
