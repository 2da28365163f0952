//! Writing lines: as rows, or sealed where they are enough for a chunk.

use etlplus_core::LogLine;
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::JobStatus;
use etlplus_core::ports::{Fact, LedgerError};
use sqlx::{QueryBuilder, Row};
use tokio::task::spawn_blocking;

use super::chunk::{CHUNK_BYTES_MAX, CHUNK_LINES_MAX, Packed, pack};
use super::{LINE_COLUMNS, Placed, attempt_number, stored_line};
use crate::sqlite::batch::{Batch, Refused};
use crate::sqlite::rows;

/// Lines in one statement. More would save little; SQLite takes 32,766 values in one, and a line has nine.
const LINES_PER_STATEMENT: usize = 256;

/// What of an attempt is in rows.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    lines: u64,
    bytes: u64,
}

impl Open {
    fn of<'a>(lines: impl IntoIterator<Item = &'a Placed>) -> Self {
        lines.into_iter().fold(Self::default(), |open, placed| Self {
            lines: open.lines + 1,
            bytes: open.bytes + placed.weight() as u64,
        })
    }

    fn and(self, other: Self) -> Self {
        Self { lines: self.lines + other.lines, bytes: self.bytes + other.bytes }
    }

    fn is_chunk(self) -> bool {
        self.lines >= CHUNK_LINES_MAX as u64 || self.bytes >= CHUNK_BYTES_MAX as u64
    }
}

impl Batch<'_> {
    pub(in super::super) async fn log(
        &mut self,
        job: JobId,
        attempt: AttemptNumber,
        lines: Vec<LogLine>,
        spool_bytes: u64,
    ) -> Result<(), Refused<LedgerError>> {
        let (key, header) = self.known(job, JobStatus::Running).await?;
        let before = self.note_said(key, attempt, &lines, spool_bytes).await?;
        self.head.lines += lines.len() as u64;
        let mut offset = self.head.position.offset;
        let mut place = |line| {
            offset = offset.next();
            Placed { offset, line }
        };
        let placed: Vec<_> = lines.into_iter().map(&mut place).collect();
        let placed = self.write_lines(key, attempt, before, placed).await?;
        for Placed { line, .. } in placed {
            self.tell(Fact::Log { job: header.clone(), attempt, line });
        }
        Ok(())
    }

    /// Notes how much of an attempt's spool is recorded, and gives what of it is in rows.
    async fn note_said(
        &mut self,
        key: i64,
        attempt: AttemptNumber,
        lines: &[LogLine],
        spool_bytes: u64,
    ) -> sqlx::Result<Open> {
        let upsert = "INSERT INTO attempts (job, attempt, spool_bytes, last_line, said_at) \
                      VALUES (?1, ?2, ?3, coalesce(?4, 0), coalesce(?5, 0)) \
                      ON CONFLICT (job, attempt) DO UPDATE SET spool_bytes = excluded.spool_bytes, \
                      last_line = coalesce(?4, last_line), said_at = coalesce(?5, said_at) \
                      RETURNING open_lines, open_bytes";
        let row = sqlx::query(upsert)
            .bind(key)
            .bind(attempt.get())
            .bind(rows::integer(spool_bytes))
            .bind(lines.last().map(|line| rows::integer(line.line)))
            .bind(lines.iter().map(|line| rows::nanos(line.at)).max())
            .fetch_one(&mut *self.connection)
            .await?;
        Ok(Open { lines: row.try_get("open_lines")?, bytes: row.try_get("open_bytes")? })
    }

    /// Writes lines that come after those that are `open`, and gives them back.
    async fn write_lines(
        &mut self,
        key: i64,
        attempt: AttemptNumber,
        open: Open,
        lines: Vec<Placed>,
    ) -> sqlx::Result<Vec<Placed>> {
        let all = open.and(Open::of(&lines));
        // Rows that are a chunk by themselves were left by an earlier release: one chunk after the other is made of them.
        // A line without a number is no row, and is refused as such.
        let cannot_be = lines.iter().any(|placed| placed.line.line == 0);
        if !all.is_chunk() || open.is_chunk() || cannot_be {
            self.insert_rows(key, attempt, &lines).await?;
            self.set_open(key, attempt, all).await?;
            if open.is_chunk() {
                self.seal_first(key, attempt).await?;
            }
            return Ok(lines);
        }
        let number = lines.len();
        let mut left = self.take_rows(key, attempt, open.lines).await?;
        left.extend(lines);
        let mut sealed = Vec::new();
        while Open::of(&left).is_chunk() {
            let rest = left.split_off(chunk_length(&left));
            sealed.append(&mut self.insert_chunk(key, attempt, left).await?);
            left = rest;
        }
        self.insert_rows(key, attempt, &left).await?;
        self.set_open(key, attempt, Open::of(&left)).await?;
        sealed.append(&mut left);
        // The rows that were there before have been told.
        Ok(sealed.split_off(sealed.len() - number))
    }

    /// Seals the first rows of an attempt, as many as a chunk takes, and gives their number.
    pub(super) async fn seal_first(&mut self, key: i64, attempt: AttemptNumber) -> sqlx::Result<u64> {
        let mut lines = self.take_rows(key, attempt, CHUNK_LINES_MAX as u64).await?;
        let are_all = lines.len() < CHUNK_LINES_MAX;
        let rest = lines.split_off(chunk_length(&lines));
        self.insert_rows(key, attempt, &rest).await?;
        let sealed = Open::of(&lines);
        if are_all {
            // Retention counts no rows of attempts: this is where it is seen what it left.
            self.set_open(key, attempt, Open::of(&rest)).await?;
        } else {
            let update = "UPDATE attempts SET open_lines = max(open_lines - ?3, 0), \
                          open_bytes = max(open_bytes - ?4, 0) WHERE job = ?1 AND attempt = ?2";
            let update = sqlx::query(update).bind(key).bind(attempt.get()).bind(rows::integer(sealed.lines));
            update.bind(rows::integer(sealed.bytes)).execute(&mut *self.connection).await?;
        }
        if !lines.is_empty() {
            self.insert_chunk(key, attempt, lines).await?;
        }
        Ok(sealed.lines)
    }

    /// The attempts that have rows and said nothing since `before` (as the tables have it), the first silent first.
    pub(super) async fn silent_since(&mut self, before: i64, most: u64) -> sqlx::Result<Vec<(i64, AttemptNumber)>> {
        let select =
            "SELECT job, attempt FROM attempts WHERE open_lines > 0 AND said_at < ?1 ORDER BY said_at LIMIT ?2";
        let select = sqlx::query(select).bind(before).bind(rows::integer(most));
        let silent = select.fetch_all(&mut *self.connection).await?;
        silent.iter().map(|row| Ok((row.try_get("job")?, attempt_number(row.try_get("attempt")?)?))).collect()
    }

    /// Takes the first rows of an attempt out of the table.
    async fn take_rows(&mut self, key: i64, attempt: AttemptNumber, most: u64) -> sqlx::Result<Vec<Placed>> {
        let select =
            format!("SELECT {LINE_COLUMNS} FROM log_lines WHERE job = ?1 AND attempt = ?2 ORDER BY offset LIMIT ?3");
        let select = sqlx::query(sqlx::AssertSqlSafe(select)).bind(key).bind(attempt.get());
        let read = select.bind(rows::integer(most)).fetch_all(&mut *self.connection).await?;
        let lines =
            read.iter().map(|row| stored_line(row).map(|stored| Placed { offset: stored.offset, line: stored.line }));
        let lines = lines.collect::<sqlx::Result<Vec<_>>>()?;
        if let Some(last) = lines.last() {
            let delete = "DELETE FROM log_lines WHERE job = ?1 AND attempt = ?2 AND offset <= ?3";
            let delete = sqlx::query(delete).bind(key).bind(attempt.get()).bind(rows::integer(last.offset.get()));
            delete.execute(&mut *self.connection).await?;
        }
        Ok(lines)
    }

    async fn insert_rows(&mut self, key: i64, attempt: AttemptNumber, lines: &[Placed]) -> sqlx::Result<()> {
        for lines in lines.chunks(LINES_PER_STATEMENT) {
            let insert = "INSERT INTO log_lines (offset, job, attempt, line, at, level, step, message, fields) ";
            let mut insert = QueryBuilder::new(insert);
            let fields = |line: &LogLine| match line.fields.is_empty() {
                true => Ok(None),
                false => rows::to_json(&line.fields).map(Some),
            };
            let fields = lines.iter().map(|placed| fields(&placed.line)).collect::<sqlx::Result<Vec<_>>>()?;
            insert.push_values(lines.iter().zip(fields), |mut row, (Placed { offset, line }, fields)| {
                row.push_bind(rows::integer(offset.get()))
                    .push_bind(key)
                    .push_bind(attempt.get())
                    .push_bind(rows::integer(line.line))
                    .push_bind(rows::nanos(line.at))
                    .push_bind(rows::level_number(line.level))
                    .push_bind(line.step.as_deref())
                    .push_bind(line.message.as_str())
                    .push_bind(fields);
            });
            // Statements of every other length would push the ones in use out of the cache.
            let is_full = lines.len() == LINES_PER_STATEMENT;
            insert.build().persistent(is_full).execute(&mut *self.connection).await?;
        }
        Ok(())
    }

    async fn set_open(&mut self, key: i64, attempt: AttemptNumber, open: Open) -> sqlx::Result<()> {
        let update = "UPDATE attempts SET open_lines = ?3, open_bytes = ?4 WHERE job = ?1 AND attempt = ?2";
        let update = sqlx::query(update).bind(key).bind(attempt.get()).bind(rows::integer(open.lines));
        update.bind(rows::integer(open.bytes)).execute(&mut *self.connection).await?;
        Ok(())
    }

    /// Packs lines, of which there is at least one, and gives them back.
    async fn insert_chunk(
        &mut self,
        key: i64,
        attempt: AttemptNumber,
        lines: Vec<Placed>,
    ) -> sqlx::Result<Vec<Placed>> {
        // Some milliseconds, for which others should not wait.
        let packed = spawn_blocking(move || pack(lines)).await.map_err(rows::undecodable)?;
        let Packed { lines, first_at, last_at, levels, trigrams, heads, texts } = packed?;
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(lines) };
        let bytes = rows::integer(trigrams.len() + heads.len() + texts.len());
        let insert = "INSERT INTO log_chunks (first_offset, last_offset, job, attempt, lines, first_line, last_line, \
                      first_at, last_at, levels, bytes, trigrams, heads, texts) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        sqlx::query(insert)
            .bind(rows::integer(first.offset.get()))
            .bind(rows::integer(last.offset.get()))
            .bind(key)
            .bind(attempt.get())
            .bind(rows::integer(lines.len()))
            .bind(rows::integer(first.line.line))
            .bind(rows::integer(last.line.line))
            .bind(rows::nanos(first_at))
            .bind(rows::nanos(last_at))
            .bind(levels)
            .bind(bytes)
            .bind(trigrams)
            .bind(heads)
            .bind(texts)
            .execute(&mut *self.connection)
            .await?;
        self.head.log_bytes += bytes.cast_unsigned();
        Ok(lines)
    }
}

/// How many of `lines` the next chunk takes.
fn chunk_length(lines: &[Placed]) -> usize {
    let mut bytes = 0;
    let is_within = |placed: &&Placed| {
        let fits = bytes < CHUNK_BYTES_MAX;
        bytes += placed.weight();
        fits
    };
    lines.iter().take(CHUNK_LINES_MAX).take_while(is_within).count()
}
