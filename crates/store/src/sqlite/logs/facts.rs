//! Lines as facts: those of all jobs, by their places in the log.

use etlplus_core::ids::Offset;
use etlplus_core::ports::StoredLine;
use sqlx::{Row, SqliteConnection};

use super::{ChunkCache, LINE_COLUMNS, stored_line};

/// The lines whose places are after `after`, and at most `last`, each with the key of its job; in no order.
pub(in super::super) async fn lines_between(
    connection: &mut SqliteConnection,
    cache: &ChunkCache,
    after: i64,
    last: i64,
) -> sqlx::Result<Vec<(i64, StoredLine)>> {
    let mut lines = Vec::new();
    let select = format!("SELECT job, {LINE_COLUMNS} FROM log_lines WHERE offset > ?1 AND offset <= ?2");
    let select = sqlx::query(sqlx::AssertSqlSafe(select)).bind(after).bind(last);
    for row in select.fetch_all(&mut *connection).await? {
        lines.push((row.try_get("job")?, stored_line(&row)?));
    }
    let select = "SELECT first_offset, job FROM log_chunks WHERE last_offset > ?1 AND first_offset <= ?2";
    let chunks = sqlx::query(select).bind(after).bind(last).fetch_all(&mut *connection).await?;
    for row in chunks {
        let (first, job) = (row.try_get("first_offset").map(Offset::from_number)?, row.try_get("job")?);
        let Some(chunk) = cache.chunk(connection, first).await? else { continue };
        for index in chunk.heads.after(Offset::from_number(after.max(0).cast_unsigned())) {
            if chunk.heads.offset(index).get() > last.cast_unsigned() {
                break;
            }
            lines.push((job, chunk.line(index)?));
        }
    }
    Ok(lines)
}
