//! Pipelines that are kept by name.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use etlplus_core::ports::{Answer, Pipelines, StoreUnavailable, StoredPipeline};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::unavailable;
use super::writer::Request;
use super::{Store, rows};

impl Pipelines for Store {
    fn put_pipeline(
        &self,
        name: String,
        definition: String,
        folder: PathBuf,
        at: DateTime<Utc>,
    ) -> Answer<'_, Result<StoredPipeline, StoreUnavailable>> {
        let new = StoredPipeline { name, version: 0, definition, folder, updated_at: at };
        Box::pin(self.ask(new, Request::PutPipeline))
    }

    fn pipeline(&self, name: String) -> Answer<'_, Result<Option<StoredPipeline>, StoreUnavailable>> {
        Box::pin(async move {
            let select = "SELECT name, version, definition, folder, updated_at FROM pipelines WHERE name = ?1";
            let row = sqlx::query(select).bind(name).fetch_optional(&self.readers).await;
            row.and_then(|row| row.as_ref().map(pipeline).transpose()).map_err(|error| unavailable(&error))
        })
    }

    fn pipelines(&self) -> Answer<'_, Result<Vec<StoredPipeline>, StoreUnavailable>> {
        Box::pin(async move {
            let select = "SELECT name, version, definition, folder, updated_at FROM pipelines ORDER BY name";
            let rows = sqlx::query(select).fetch_all(&self.readers).await;
            rows.and_then(|rows| rows.iter().map(pipeline).collect()).map_err(|error| unavailable(&error))
        })
    }
}

pub(super) fn pipeline(row: &SqliteRow) -> sqlx::Result<StoredPipeline> {
    Ok(StoredPipeline {
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        definition: row.try_get("definition")?,
        folder: row.try_get::<String, _>("folder")?.into(),
        updated_at: rows::time(row.try_get("updated_at")?),
    })
}
