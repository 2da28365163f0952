//! How far schedules were followed.

use chrono::{DateTime, Utc};
use etlplus_core::ports::{Answer, Schedules, StoreUnavailable};
use sqlx::Row;

use super::batch::Batch;
use super::requests::Request;
use super::{Store, read, rows};

impl Schedules for Store {
    fn schedule_marks(&self) -> Answer<'_, Result<Vec<(String, DateTime<Utc>)>, StoreUnavailable>> {
        read(async move {
            let select = "SELECT pipeline, at FROM schedule_marks ORDER BY pipeline";
            let rows = sqlx::query(select).fetch_all(&self.readers).await?;
            rows.iter().map(|row| Ok((row.try_get("pipeline")?, rows::time(row.try_get("at")?)))).collect()
        })
    }

    fn mark_schedule(&self, pipeline: String, at: DateTime<Utc>) -> Answer<'_, Result<(), StoreUnavailable>> {
        Box::pin(self.ask((pipeline, at), Request::MarkSchedule))
    }
}

impl Batch<'_> {
    /// A mark may also go back, as it must where a clock had run ahead.
    pub(super) async fn mark_schedule(&mut self, pipeline: &str, at: DateTime<Utc>) -> sqlx::Result<()> {
        let upsert = "INSERT INTO schedule_marks (pipeline, at) VALUES (?1, ?2) \
                      ON CONFLICT (pipeline) DO UPDATE SET at = excluded.at";
        sqlx::query(upsert).bind(pipeline).bind(rows::nanos(at)).execute(&mut *self.connection).await?;
        Ok(())
    }
}
