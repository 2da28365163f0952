//! Pipelines that are kept by name.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use etlplus_core::ports::{Answer, Pipelines, StoreUnavailable, StoredPipeline};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::batch::{Batch, Refused};
use super::requests::Request;
use super::{Store, read, rows};

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
        read(async move {
            let select = "SELECT name, version, definition, folder, updated_at FROM pipelines WHERE name = ?1";
            let row = sqlx::query(select).bind(name).fetch_optional(&self.readers).await?;
            row.as_ref().map(pipeline).transpose()
        })
    }

    fn pipelines(&self) -> Answer<'_, Result<Vec<StoredPipeline>, StoreUnavailable>> {
        read(async move {
            let select = "SELECT name, version, definition, folder, updated_at FROM pipelines ORDER BY name";
            let rows = sqlx::query(select).fetch_all(&self.readers).await?;
            rows.iter().map(pipeline).collect()
        })
    }
}

impl Batch<'_> {
    /// Keeps a pipeline. The version that is given is not looked at.
    pub(super) async fn put_pipeline(
        &mut self,
        new: StoredPipeline,
    ) -> Result<StoredPipeline, Refused<StoreUnavailable>> {
        let select = "SELECT name, version, definition, folder, updated_at FROM pipelines WHERE name = ?1";
        let kept = sqlx::query(select).bind(&new.name).fetch_optional(&mut *self.connection).await?;
        let kept = kept.as_ref().map(pipeline).transpose()?;
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
}

fn pipeline(row: &SqliteRow) -> sqlx::Result<StoredPipeline> {
    Ok(StoredPipeline {
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        definition: row.try_get("definition")?,
        folder: row.try_get::<String, _>("folder")?.into(),
        updated_at: rows::time(row.try_get("updated_at")?),
    })
}
