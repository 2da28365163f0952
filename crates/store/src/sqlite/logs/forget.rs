//! Forgetting lines, and sealing those that are old. A chunk goes as a whole.

use etlplus_core::ids::Offset;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row, Sqlite, query::Query};

use crate::sqlite::batch::Batch;
use crate::sqlite::retention::Step;
use crate::sqlite::rows;

/// Rows that a chunk counts for: to delete it takes about as long, since it is some dozen pages.
const ROWS_PER_CHUNK: u64 = 16;
/// What may go: what the rules have seen (`?1`) of jobs that have ended.
macro_rules! may_go {
    ($offset:literal) => {
        concat!(
            $offset,
            " <= ?1 AND job NOT IN (SELECT key FROM jobs WHERE status IN ('PENDING', 'RUNNING', 'PAUSED'))"
        )
    };
}

/// A chunk that may go.
struct Chunk {
    first: i64,
    last: i64,
    lines: u64,
}

impl Batch<'_> {
    /// Forgets what fits the step of the lines of some jobs, whose keys are given as JSON.
    pub(in super::super) async fn forget_logs(&mut self, keys: &str, step: &mut Step) -> sqlx::Result<()> {
        let delete = "DELETE FROM log_lines WHERE offset IN (SELECT offset FROM log_lines \
                      WHERE job IN (SELECT value FROM json_each(?1)) LIMIT ?2) RETURNING offset";
        self.forget_lines(sqlx::query(delete).bind(keys).bind(rows::integer(step.rows)), step).await?;
        while step.rows > 0 {
            let select = "SELECT first_offset, last_offset, lines FROM log_chunks \
                          WHERE job IN (SELECT value FROM json_each(?1)) LIMIT 1";
            let Some(chunk) = self.chunk(sqlx::query(select).bind(keys)).await? else { break };
            self.forget_chunk(&chunk, step).await?;
        }
        Ok(())
    }

    pub(in super::super) async fn prune_lines(&mut self, step: &mut Step) -> sqlx::Result<()> {
        let cursor = rows::integer(self.head.alerts_cursor.get());
        if let Some(before) = step.limits.lines_before {
            let delete = concat!(
                "DELETE FROM log_lines WHERE offset IN (SELECT offset FROM log_lines WHERE at < ?2 AND ",
                may_go!("offset"),
                " ORDER BY at LIMIT ?3) RETURNING offset"
            );
            let delete = sqlx::query(delete).bind(cursor).bind(rows::nanos(before)).bind(rows::integer(step.rows));
            self.forget_lines(delete, step).await?;
            let select = concat!(
                "SELECT first_offset, last_offset, lines FROM log_chunks WHERE last_at < ?2 AND ",
                may_go!("last_offset"),
                " ORDER BY last_at LIMIT 1"
            );
            while step.rows > 0 {
                let select = sqlx::query(select).bind(cursor).bind(rows::nanos(before));
                let Some(chunk) = self.chunk(select).await? else { break };
                self.forget_chunk(&chunk, step).await?;
            }
        }
        if let Some(max) = step.limits.lines_max {
            self.prune_excess_lines(max, step).await?;
        }
        Ok(())
    }

    /// The first recorded go, in the order of rows and of the ends of chunks.
    async fn prune_excess_lines(&mut self, max: u64, step: &mut Step) -> sqlx::Result<()> {
        let cursor = rows::integer(self.head.alerts_cursor.get());
        while step.rows > 0 && self.head.lines > max {
            let oldest = self.oldest_chunk().await?;
            let delete = concat!(
                "DELETE FROM log_lines WHERE offset IN (SELECT offset FROM log_lines WHERE offset < ?2 AND ",
                may_go!("offset"),
                " ORDER BY offset LIMIT ?3) RETURNING offset"
            );
            let before = oldest.as_ref().map_or(i64::MAX, |chunk| chunk.last);
            let number = (self.head.lines - max).min(step.rows);
            let delete = sqlx::query(delete).bind(cursor).bind(before).bind(rows::integer(number));
            self.forget_lines(delete, step).await?;
            let excess = self.head.lines.saturating_sub(max);
            match oldest.filter(|chunk| chunk.lines <= excess) {
                Some(chunk) if step.rows > 0 => _ = self.forget_chunk(&chunk, step).await?,
                _ => break,
            }
        }
        Ok(())
    }

    pub(in super::super) async fn prune_log_bytes(&mut self, step: &mut Step) -> sqlx::Result<()> {
        while step.rows > 0 && step.limits.log_bytes_max.is_some_and(|max| self.head.log_bytes > max) {
            let Some(chunk) = self.oldest_chunk().await? else { break };
            self.forget_chunk(&chunk, step).await?;
        }
        let Some(max) = step.limits.job_log_bytes_max.filter(|_| step.rows > 0) else { return Ok(()) };
        let cursor = rows::integer(self.head.alerts_cursor.get());
        let select = concat!(
            "SELECT job, sum(bytes) AS bytes FROM log_chunks INDEXED BY log_chunks_by_job WHERE ",
            may_go!("last_offset"),
            " GROUP BY job HAVING sum(bytes) > ?2 LIMIT ?3"
        );
        let select = sqlx::query(select).bind(cursor).bind(rows::integer(max)).bind(rows::integer(step.rows));
        for row in select.fetch_all(&mut *self.connection).await? {
            let (job, mut bytes): (i64, u64) = (row.try_get("job")?, row.try_get("bytes")?);
            while step.rows > 0 && bytes > max {
                let select = "SELECT first_offset, last_offset, lines FROM log_chunks \
                              WHERE job = ?1 AND last_offset <= ?2 ORDER BY first_offset LIMIT 1";
                let Some(chunk) = self.chunk(sqlx::query(select).bind(job).bind(cursor)).await? else { break };
                bytes = bytes.saturating_sub(self.forget_chunk(&chunk, step).await?);
            }
        }
        Ok(())
    }

    /// Seals the lines of attempts that have been silent for so long as the limits say.
    pub(in super::super) async fn seal_silent(&mut self, step: &mut Step) -> sqlx::Result<()> {
        let Some(before) = step.limits.seal_before.filter(|_| step.rows > 0) else { return Ok(()) };
        for (key, attempt) in self.silent_since(rows::nanos(before), step.rows).await? {
            while step.rows > 0 {
                let sealed = self.seal_first(key, attempt).await?;
                if sealed == 0 {
                    break;
                }
                step.took(sealed);
            }
        }
        Ok(())
    }

    async fn oldest_chunk(&mut self) -> sqlx::Result<Option<Chunk>> {
        let select = concat!(
            "SELECT first_offset, last_offset, lines FROM log_chunks INDEXED BY log_chunks_by_end WHERE ",
            may_go!("last_offset"),
            " ORDER BY last_offset LIMIT 1"
        );
        self.chunk(sqlx::query(select).bind(rows::integer(self.head.alerts_cursor.get()))).await
    }

    async fn chunk(&mut self, select: Query<'_, Sqlite, SqliteArguments>) -> sqlx::Result<Option<Chunk>> {
        let row = select.fetch_optional(&mut *self.connection).await?;
        row.map(|row| {
            let (first, last) = (row.try_get("first_offset")?, row.try_get("last_offset")?);
            Ok(Chunk { first, last, lines: row.try_get("lines")? })
        })
        .transpose()
    }

    /// Deletes a chunk, and gives the bytes that it took.
    async fn forget_chunk(&mut self, chunk: &Chunk, step: &mut Step) -> sqlx::Result<u64> {
        let delete = "DELETE FROM log_chunks WHERE first_offset = ?1 RETURNING bytes";
        let delete = sqlx::query_scalar(delete).bind(chunk.first);
        let bytes: u64 = delete.fetch_one(&mut *self.connection).await?;
        self.head.oldest = self.head.oldest.max(Offset::from_number(chunk.last.cast_unsigned()));
        self.head.log_bytes = self.head.log_bytes.saturating_sub(bytes);
        self.head.lines = self.head.lines.saturating_sub(chunk.lines);
        step.pruned.lines += chunk.lines;
        step.took(ROWS_PER_CHUNK);
        Ok(bytes)
    }

    async fn forget_lines(&mut self, delete: Query<'_, Sqlite, SqliteArguments>, step: &mut Step) -> sqlx::Result<()> {
        let deleted = self.forget_facts(delete).await?;
        self.head.lines = self.head.lines.saturating_sub(deleted);
        step.pruned.lines += deleted;
        step.took(deleted);
        Ok(())
    }
}
