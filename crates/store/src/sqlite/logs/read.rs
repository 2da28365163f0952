//! A job's log, as the ports ask for it.

use std::time::{Duration, Instant};

use etlplus_core::ids::{JobId, Offset};
use etlplus_core::log::LogLevel;
use etlplus_core::ports::{LogFound, LogQuery, LogRange, LogSearch, StoredLine};
use sqlx::{Row, SqliteConnection};

use super::chunk::levels_from;
use super::search::Searching;
use super::{ChunkCache, LINE_COLUMNS, stored_line};
use crate::sqlite::{Store, rows};

/// How long one search takes, and holds a connection: what was not looked at by then is for the next.
const SEARCH_TIME: Duration = Duration::from_millis(150);

impl Store {
    pub(in super::super) async fn read_log(&self, query: LogQuery) -> sqlx::Result<Vec<StoredLine>> {
        let LogQuery { job, min_level, range, limit } = query;
        // One moment: what is a row before is in a chunk after.
        let mut transaction = self.readers.begin().await?;
        let Some(key) = key_of(&mut transaction, job).await? else { return Ok(Vec::new()) };
        let lines = match range {
            LogRange::After(after) => {
                let (attempt, step, since, until, pattern) = Default::default();
                let search = LogSearch { job, attempt, min_level, step, since, until, pattern, after, limit };
                Searching::new(&mut transaction, &self.chunks, key, search)?.run(None).await?.lines
            }
            LogRange::Last => last(&mut transaction, &self.chunks, key, min_level, limit.get()).await?,
        };
        transaction.commit().await?;
        Ok(lines)
    }

    pub(in super::super) async fn search_log(&self, search: LogSearch) -> sqlx::Result<LogFound> {
        let _permit = self.searches.acquire().await.map_err(rows::undecodable)?;
        let mut transaction = self.readers.begin().await?;
        let Some(key) = key_of(&mut transaction, search.job).await? else { return Ok(LogFound::default()) };
        let searching = Searching::new(&mut transaction, &self.chunks, key, search)?;
        let found = searching.run(Some(Instant::now() + SEARCH_TIME)).await?;
        transaction.commit().await?;
        Ok(found)
    }
}

async fn key_of(connection: &mut SqliteConnection, job: JobId) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT key FROM jobs WHERE id = ?1").bind(job.to_string()).fetch_optional(connection).await
}

/// The last `most` lines of a job at `min_level` or above, in order.
async fn last(
    connection: &mut SqliteConnection,
    cache: &ChunkCache,
    job: i64,
    min_level: LogLevel,
    most: usize,
) -> sqlx::Result<Vec<StoredLine>> {
    let select =
        format!("SELECT {LINE_COLUMNS} FROM log_lines WHERE job = ?1 AND level >= ?2 ORDER BY offset DESC LIMIT ?3");
    let select = sqlx::query(sqlx::AssertSqlSafe(select)).bind(job).bind(rows::level_number(min_level));
    let read = select.bind(rows::integer(most)).fetch_all(&mut *connection).await?;
    // The last stands first.
    let mut lines = read.iter().map(stored_line).collect::<sqlx::Result<Vec<_>>>()?;
    let mut before = i64::MAX;
    loop {
        let select = "SELECT first_offset, last_offset FROM log_chunks INDEXED BY log_chunks_by_job \
                      WHERE job = ?1 AND last_offset < ?2 AND levels & ?3 <> 0 ORDER BY last_offset DESC LIMIT 1";
        let select = sqlx::query(select).bind(job).bind(before).bind(levels_from(min_level));
        let Some(row) = select.fetch_optional(&mut *connection).await? else { break };
        before = row.try_get("last_offset")?;
        if lines.get(most - 1).is_some_and(|line| rows::integer(line.offset.get()) > before) {
            break;
        }
        let first = row.try_get("first_offset").map(Offset::from_number)?;
        let Some(chunk) = cache.chunk(connection, first).await? else { break };
        let wanted = (0..chunk.heads.len()).rev().filter(|index| chunk.heads.level(*index) >= min_level);
        for index in wanted.take(most) {
            lines.push(chunk.line(index)?);
        }
        lines.sort_unstable_by_key(|line| std::cmp::Reverse(line.offset));
        lines.truncate(most);
    }
    lines.reverse();
    Ok(lines)
}
