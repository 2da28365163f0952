//! The log of facts, which is in five tables: one for each kind, and two for log lines.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use etlplus_core::ids::Offset;
use etlplus_core::job::JobHeader;
use etlplus_core::ports::{Fact, Recorded, StoredLine};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::logs::{ChunkCache, lines_between};
use super::rows;

/// The facts after `offset`, which is the log's oldest place or a later one: at most `limit`. Since offsets have no holes
/// from there on, those that are asked for are a range of them, whichever table each is in.
pub(super) async fn after(
    connection: &mut SqliteConnection,
    chunks: &ChunkCache,
    offset: Offset,
    limit: NonZeroUsize,
) -> sqlx::Result<Vec<Recorded>> {
    let after = rows::integer(offset.get());
    let last = after.saturating_add(rows::integer(limit.get()));
    let mut facts = Vec::new();
    let mut headers = HashMap::new();

    let moves = "SELECT offset, body, key, id, pipeline, job_type, tags, submitted_at \
                 FROM facts JOIN jobs ON jobs.key = facts.job WHERE offset > ?1 AND offset <= ?2 ORDER BY offset";
    for row in sqlx::query(moves).bind(after).bind(last).fetch_all(&mut *connection).await? {
        let fact = Fact::Job { job: shared_header(&mut headers, &row)?, fact: rows::json(row.try_get("body")?)? };
        facts.push(Recorded { offset: rows::offset(&row)?, fact });
    }
    for (key, StoredLine { offset, attempt, line }) in lines_between(connection, chunks, after, last).await? {
        let job = header_of(connection, &mut headers, key).await?;
        facts.push(Recorded { offset, fact: Fact::Log { job, attempt, line } });
    }
    let alerts = "SELECT offset, body FROM alerts WHERE offset > ?1 AND offset <= ?2";
    for row in sqlx::query(alerts).bind(after).bind(last).fetch_all(&mut *connection).await? {
        let fact = Fact::Alert(Arc::new(rows::json(row.try_get("body")?)?));
        facts.push(Recorded { offset: rows::offset(&row)?, fact });
    }
    let changes = "SELECT offset, body FROM settings_changes WHERE offset > ?1 AND offset <= ?2";
    for row in sqlx::query(changes).bind(after).bind(last).fetch_all(connection).await? {
        let fact = Fact::Settings(Arc::new(rows::json(row.try_get("body")?)?));
        facts.push(Recorded { offset: rows::offset(&row)?, fact });
    }
    facts.sort_unstable_by_key(|recorded| recorded.offset);
    Ok(facts)
}

async fn header_of(
    connection: &mut SqliteConnection,
    headers: &mut HashMap<i64, Arc<JobHeader>>,
    key: i64,
) -> sqlx::Result<Arc<JobHeader>> {
    if let Some(header) = headers.get(&key) {
        return Ok(header.clone());
    }
    let select = "SELECT key, id, pipeline, job_type, tags, submitted_at FROM jobs WHERE key = ?1";
    let row = sqlx::query(select).bind(key).fetch_one(connection).await?;
    shared_header(headers, &row)
}

fn shared_header(headers: &mut HashMap<i64, Arc<JobHeader>>, row: &SqliteRow) -> sqlx::Result<Arc<JobHeader>> {
    let key = row.try_get("key")?;
    if let Some(header) = headers.get(&key) {
        return Ok(header.clone());
    }
    let header = Arc::new(rows::header(row)?);
    headers.insert(key, header.clone());
    Ok(header)
}
