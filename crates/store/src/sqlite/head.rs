//! What is known of the log as a whole.

use etlplus_core::ids::{Epoch, Offset};
use etlplus_core::ports::LogPosition;
use sqlx::{Row, SqliteConnection};

use super::rows;

/// The one row of the table `meta`. The writer keeps it in memory, changes it with what it writes, and writes it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The place of the last fact.
    pub(super) position: LogPosition,
    /// After this one, no fact is missing.
    pub(super) oldest: Offset,
    /// The last fact that the rules for alerts were shown.
    pub(super) alerts_cursor: Offset,
    /// Jobs that have ended.
    pub(super) ended_jobs: u64,
    /// Log lines, of all jobs.
    pub(super) lines: u64,
    /// Bytes of sealed log lines, of all jobs.
    pub(super) log_bytes: u64,
    /// Readings, of all jobs.
    pub(super) samples: u64,
}

impl Head {
    pub(super) async fn read(connection: &mut SqliteConnection) -> sqlx::Result<Self> {
        let select =
            "SELECT epoch, last_offset, oldest_offset, alerts_cursor, ended_jobs, lines, log_bytes, samples FROM meta";
        let row = sqlx::query(select).fetch_one(connection).await?;
        let epoch = row.try_get::<&str, _>("epoch")?.parse().map_err(rows::undecodable)?;
        let offset = |column| row.try_get(column).map(Offset::from_number);
        Ok(Self {
            position: LogPosition { epoch: Epoch::from_uuid(epoch), offset: offset("last_offset")? },
            oldest: offset("oldest_offset")?,
            alerts_cursor: offset("alerts_cursor")?,
            ended_jobs: row.try_get("ended_jobs")?,
            lines: row.try_get("lines")?,
            log_bytes: row.try_get("log_bytes")?,
            samples: row.try_get("samples")?,
        })
    }

    pub(super) async fn write(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let update = "UPDATE meta SET last_offset = ?1, oldest_offset = ?2, alerts_cursor = ?3, ended_jobs = ?4, \
                      lines = ?5, samples = ?6, log_bytes = ?7";
        sqlx::query(update)
            .bind(rows::integer(self.position.offset.get()))
            .bind(rows::integer(self.oldest.get()))
            .bind(rows::integer(self.alerts_cursor.get()))
            .bind(rows::integer(self.ended_jobs))
            .bind(rows::integer(self.lines))
            .bind(rows::integer(self.samples))
            .bind(rows::integer(self.log_bytes))
            .execute(connection)
            .await?;
        Ok(())
    }
}
