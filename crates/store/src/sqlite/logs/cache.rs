//! Chunks that were unpacked a moment ago. Who reads a log page by page, or the facts that were missed, needs each of them
//! several times; and so do others who read the same.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use etlplus_core::ids::{AttemptNumber, Offset};
use etlplus_core::ports::StoredLine;
use memchr::memchr_iter;
use sqlx::{Row, SqliteConnection};
use tokio::task::spawn_blocking;
use zstd::bulk::Decompressor;

use super::chunk::{Heads, MESSAGE_END, unpack};
use crate::sqlite::rows;

/// Memory that they take together, in bytes: some dozen chunks, or as many jobs that speak at the same time.
const BYTES_MAX: usize = 16 << 20;

/// A chunk that was unpacked.
#[derive(Debug)]
pub(in super::super) struct Sealed {
    attempt: AttemptNumber,
    pub(super) heads: Heads,
    texts: Vec<u8>,
    /// Where each message ends in `texts`.
    ends: Vec<usize>,
}

impl Sealed {
    fn read(attempt: AttemptNumber, heads: &[u8], texts: &[u8]) -> sqlx::Result<Self> {
        let mut decompressor = Decompressor::new()?;
        let (mut text, mut messages) = (Vec::new(), Vec::new());
        unpack(&mut decompressor, heads, &mut text)?;
        let heads = Heads::read(&text)?;
        unpack(&mut decompressor, texts, &mut messages)?;
        let ends: Vec<_> = memchr_iter(MESSAGE_END, &messages).collect();
        if ends.len() != heads.len() {
            return Err(rows::undecodable("a chunk of log lines is damaged"));
        }
        Ok(Self { attempt, heads, texts: messages, ends })
    }

    /// Who said its lines.
    pub(super) fn attempt(&self) -> AttemptNumber {
        self.attempt
    }

    /// One of its lines.
    pub(super) fn line(&self, index: usize) -> sqlx::Result<StoredLine> {
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before] + 1);
        self.heads.line(index, self.attempt, &self.texts[begin..self.ends[index]])
    }

    fn bytes(&self) -> usize {
        self.texts.len() + self.ends.len() * size_of::<usize>() + self.heads.bytes()
    }
}

/// The chunks that were used last. A chunk never changes, and its first place is never given again, so that none is stale.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct ChunkCache(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// The one that was used last stands last.
    chunks: VecDeque<(Offset, Arc<Sealed>)>,
    bytes: usize,
}

impl ChunkCache {
    /// The chunk that begins at `first`; `None` where it is not there any more.
    pub(super) async fn chunk(
        &self,
        connection: &mut SqliteConnection,
        first: Offset,
    ) -> sqlx::Result<Option<Arc<Sealed>>> {
        if let Some(known) = self.known(first) {
            return Ok(Some(known));
        }
        let select = "SELECT attempt, heads, texts FROM log_chunks WHERE first_offset = ?1";
        let select = sqlx::query(select).bind(rows::integer(first.get()));
        let Some(row) = select.fetch_optional(connection).await? else { return Ok(None) };
        let (attempt, heads, texts) = (rows::attempt(&row)?, row.try_get("heads")?, row.try_get("texts")?);
        let read = move || {
            let (heads, texts): (Vec<u8>, Vec<u8>) = (heads, texts);
            Sealed::read(attempt, &heads, &texts)
        };
        let chunk = Arc::new(spawn_blocking(read).await.map_err(rows::undecodable)??);
        self.keep(first, chunk.clone());
        Ok(Some(chunk))
    }

    fn known(&self, first: Offset) -> Option<Arc<Sealed>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.chunks.iter().rposition(|(known, _)| *known == first)?;
        let used = kept.chunks.remove(index)?;
        let chunk = used.1.clone();
        kept.chunks.push_back(used);
        Some(chunk)
    }

    fn keep(&self, first: Offset, chunk: Arc<Sealed>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.chunks.iter().any(|(known, _)| *known == first) {
            return;
        }
        kept.bytes += chunk.bytes();
        kept.chunks.push_back((first, chunk));
        while kept.bytes > BYTES_MAX {
            let Some((_, oldest)) = kept.chunks.pop_front() else { break };
            kept.bytes -= oldest.bytes();
        }
    }
}
