//! What was changed of the settings.

use std::sync::Arc;

use etlplus_core::ports::{
    Answer, Fact, LedgerError, SettingsChange, SettingsStore, SettingsVersion, StoreUnavailable, StoredSettings,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::batch::{Batch, Refused};
use super::{Store, read, rows};

const SELECT: &str = "SELECT version, overlay FROM settings";

impl SettingsStore for Store {
    fn stored_settings(&self) -> Answer<'_, Result<Option<StoredSettings>, StoreUnavailable>> {
        read(async move {
            let row = sqlx::query(SELECT).fetch_optional(&self.readers).await?;
            row.as_ref().map(stored_settings).transpose()
        })
    }
}

impl Batch<'_> {
    pub(super) async fn change_settings(
        &mut self,
        expected: SettingsVersion,
        overlay: &str,
        change: SettingsChange,
    ) -> Result<(), Refused<LedgerError>> {
        let row = sqlx::query(SELECT).fetch_optional(&mut *self.connection).await?;
        let stored = row.as_ref().map(stored_settings).transpose()?;
        let current = stored.map_or(SettingsVersion::from_number(0), |stored| stored.version);
        if expected != current {
            return Err(Refused::Unfit(LedgerError::StaleSettings { expected, current }));
        }
        if change.version != expected.next() {
            let reason = format!("the settings' version {} does not follow {expected}", change.version);
            return Err(Refused::Unfit(LedgerError::Refused(reason)));
        }
        let upsert = "INSERT INTO settings (only_row, version, overlay) VALUES (1, ?1, ?2) \
                      ON CONFLICT (only_row) DO UPDATE SET version = excluded.version, overlay = excluded.overlay";
        sqlx::query(upsert)
            .bind(rows::integer(change.version.get()))
            .bind(overlay)
            .execute(&mut *self.connection)
            .await?;
        sqlx::query("INSERT INTO settings_changes (offset, body) VALUES (?1, ?2)")
            .bind(rows::integer(self.next_offset().get()))
            .bind(rows::to_json(&change)?)
            .execute(&mut *self.connection)
            .await?;
        self.tell(Fact::Settings(Arc::new(change)));
        Ok(())
    }
}

fn stored_settings(row: &SqliteRow) -> sqlx::Result<StoredSettings> {
    let version = SettingsVersion::from_number(row.try_get("version")?);
    Ok(StoredSettings { version, overlay: row.try_get("overlay")? })
}
