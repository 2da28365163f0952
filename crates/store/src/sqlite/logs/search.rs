//! A job's log from a place on: chunks and rows in the order of their first lines, each looked at only where what is known
//! of it lets it hold what is asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use etlplus_core::ids::Offset;
use etlplus_core::log::LogPattern;
use etlplus_core::ports::{LogFound, LogSearch, StoredLine};
use sqlx::{Row, SqliteConnection};
use tokio::task::spawn_blocking;

use super::chunk::levels_from;
use super::scan::{PackedChunk, Scanned, Scanner};
use super::{ChunkCache, LINE_COLUMNS, stored_line, trigrams};
use crate::sqlite::rows;

/// Chunks that are looked up at once, each with up to 8 KiB of what it may hold.
const CHUNKS_PER_LOOK: i64 = 64;
/// Rows that are read at once; each may have 16 KiB.
const ROWS_PER_LOOK: i64 = 256;

/// A search on its way.
pub(super) struct Searching<'a> {
    connection: &'a mut SqliteConnection,
    cache: &'a ChunkCache,
    job: i64,
    search: Arc<LogSearch>,
    /// Lent to the thread that searches.
    scanner: Option<Scanner>,
    chunks: VecDeque<Candidate>,
    /// Where the next look at chunks begins; `None` after the last.
    chunks_from: Option<i64>,
    rows: VecDeque<StoredLine>,
    /// The place after which the next look at rows begins; `None` after the last.
    rows_after: Option<i64>,
    found: Vec<StoredLine>,
}

/// A chunk that may hold what is asked for.
struct Candidate {
    first: Offset,
    last: Offset,
    may_match: bool,
}

impl<'a> Searching<'a> {
    /// A search of the job whose row has the key `job`. `connection` is in a transaction.
    pub(super) fn new(
        connection: &'a mut SqliteConnection,
        cache: &'a ChunkCache,
        job: i64,
        search: LogSearch,
    ) -> sqlx::Result<Self> {
        let scanner = search.pattern.as_ref().map(Scanner::new).transpose()?;
        let rows_after = Some(rows::integer(search.after.get()));
        let (chunks, rows, found) = Default::default();
        let search = Arc::new(search);
        Ok(Self { connection, cache, job, search, scanner, chunks, chunks_from: Some(0), rows, rows_after, found })
    }

    /// Searches until enough is found, the log ends, or `deadline` has passed and there is a place to go on from.
    pub(super) async fn run(mut self, deadline: Option<Instant>) -> sqlx::Result<LogFound> {
        loop {
            self.look_up_chunks().await?;
            self.read_rows().await?;
            let chunk = self.chunks.front().map(|chunk| chunk.first);
            let row = self.rows.front().map(|row| row.offset);
            let Some(next) = chunk.into_iter().chain(row).min() else { return Ok(self.found(None)) };
            // All before the next part was looked at.
            let searched = Offset::from_number(next.get() - 1);
            let enough = self.found.iter().filter(|line| line.offset <= searched).count() >= self.search.limit.get();
            let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline) && searched > self.search.after;
            if enough || is_late {
                return Ok(self.found(Some(searched)));
            }
            match chunk {
                Some(first) if first == next => {
                    if let Some(place) = self.take_chunk(deadline).await? {
                        return Ok(self.found(Some(place)));
                    }
                }
                _ => self.take_rows(chunk),
            }
        }
    }

    /// The answer, where everything up to `searched` was looked at.
    fn found(self, searched: Option<Offset>) -> LogFound {
        let (mut lines, limit) = (self.found, self.search.limit.get());
        if let Some(searched) = searched {
            lines.retain(|line| line.offset <= searched);
        }
        lines.sort_unstable_by_key(|line| line.offset);
        if lines.len() <= limit {
            return LogFound { lines, next: searched };
        }
        lines.truncate(limit);
        let next = lines.last().map(|line| line.offset);
        LogFound { lines, next }
    }

    async fn look_up_chunks(&mut self) -> sqlx::Result<()> {
        let Some(from) = self.chunks_from.filter(|_| self.chunks.is_empty()) else { return Ok(()) };
        let search = self.search.clone();
        let select = "SELECT first_offset, last_offset, CASE WHEN ?8 THEN trigrams END AS trigrams \
                      FROM log_chunks INDEXED BY log_chunks_by_job \
                      WHERE job = ?1 AND first_offset > ?2 AND last_offset > ?3 AND levels & ?4 <> 0 \
                      AND (?5 IS NULL OR attempt = ?5) AND (?6 IS NULL OR last_at >= ?6) AND (?7 IS NULL OR first_at < ?7) \
                      ORDER BY first_offset LIMIT ?9";
        let needle = match &search.pattern {
            Some(LogPattern::Text(text)) => Some(text.needle()),
            Some(LogPattern::Regex(_)) | None => None,
        };
        let found = sqlx::query(select)
            .bind(self.job)
            .bind(from)
            .bind(rows::integer(search.after.get()))
            .bind(levels_from(search.min_level))
            .bind(search.attempt.map(|attempt| attempt.get()))
            .bind(search.since.map(rows::nanos))
            .bind(search.until.map(rows::nanos))
            .bind(needle.is_some())
            .bind(CHUNKS_PER_LOOK)
            .fetch_all(&mut *self.connection)
            .await?;
        let is_full = rows::integer(found.len()) == CHUNKS_PER_LOOK;
        for row in found {
            let bits: Option<&[u8]> = row.try_get("trigrams")?;
            let may_match = needle.zip(bits).is_none_or(|(needle, bits)| trigrams::may_hold(bits, needle));
            let place = |column| row.try_get(column).map(Offset::from_number);
            self.chunks.push_back(Candidate { first: place("first_offset")?, last: place("last_offset")?, may_match });
        }
        let last = self.chunks.back().map(|chunk| rows::integer(chunk.first.get()));
        self.chunks_from = last.filter(|_| is_full);
        Ok(())
    }

    async fn read_rows(&mut self) -> sqlx::Result<()> {
        let Some(after) = self.rows_after.filter(|_| self.rows.is_empty()) else { return Ok(()) };
        let select = format!(
            "SELECT {LINE_COLUMNS} FROM log_lines WHERE job = ?1 AND offset > ?2 AND level >= ?3 ORDER BY offset LIMIT ?4"
        );
        let read = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.job)
            .bind(after)
            .bind(rows::level_number(self.search.min_level))
            .bind(ROWS_PER_LOOK)
            .fetch_all(&mut *self.connection)
            .await?;
        let is_full = rows::integer(read.len()) == ROWS_PER_LOOK;
        for row in &read {
            self.rows.push_back(stored_line(row)?);
        }
        let last = self.rows.back().map(|line| rows::integer(line.offset.get()));
        self.rows_after = last.filter(|_| is_full);
        Ok(())
    }

    /// Looks at the rows that come before the next chunk.
    fn take_rows(&mut self, chunk: Option<Offset>) {
        while let Some(line) = self.rows.pop_front_if(|line| chunk.is_none_or(|chunk| line.offset < chunk)) {
            if self.search.is_match(&line) {
                self.found.push(line);
            }
        }
    }

    /// Looks at the next chunk. Where time runs out within it, gives the last place that was looked at.
    async fn take_chunk(&mut self, deadline: Option<Instant>) -> sqlx::Result<Option<Offset>> {
        let Some(Candidate { first, last, may_match: true }) = self.chunks.pop_front() else { return Ok(None) };
        let Some(mut scanner) = self.scanner.take() else {
            self.take_all(first).await?;
            return Ok(None);
        };
        let select = "SELECT attempt, heads, texts FROM log_chunks WHERE first_offset = ?1";
        let row = sqlx::query(select).bind(rows::integer(first.get())).fetch_one(&mut *self.connection).await?;
        let chunk =
            PackedChunk { attempt: rows::attempt(&row)?, heads: row.try_get("heads")?, texts: row.try_get("texts")? };
        // Within a chunk it can only be stopped where nothing else lies between its lines.
        let others = [self.chunks.front().map(|chunk| chunk.first), self.rows.front().map(|row| row.offset)];
        let are_known = !self.chunks.is_empty() || self.chunks_from.is_none();
        let deadline = deadline.filter(|_| are_known && others.into_iter().flatten().all(|other| other > last));
        let search = self.search.clone();
        let scan = move || {
            let scanned = scanner.scan(&chunk, &search, deadline);
            (scanner, scanned)
        };
        let (scanner, scanned) = spawn_blocking(scan).await.map_err(rows::undecodable)?;
        self.scanner = Some(scanner);
        let Scanned { lines, stopped_after } = scanned?;
        self.found.extend(lines);
        Ok(stopped_after)
    }

    /// Takes the lines of a chunk, whatever their messages say.
    async fn take_all(&mut self, first: Offset) -> sqlx::Result<()> {
        let Some(chunk) = self.cache.chunk(self.connection, first).await? else { return Ok(()) };
        let heads = &chunk.heads;
        let is_wanted = |index: &usize| {
            let index = *index;
            self.search.is_wanted(chunk.attempt(), heads.level(index), heads.at(index), heads.step(index))
        };
        // One more than is asked for shows that there are more.
        let most = self.search.limit.get().saturating_add(1);
        for index in heads.after(self.search.after).filter(is_wanted).take(most) {
            self.found.push(chunk.line(index)?);
        }
        Ok(())
    }
}
