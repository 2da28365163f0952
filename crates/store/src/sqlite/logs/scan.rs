//! Looking through the messages of a chunk.

use std::time::Instant;

use etlplus_core::ids::{AttemptNumber, Offset};
use etlplus_core::log::LogPattern;
use etlplus_core::log::Regex;
use etlplus_core::ports::{LogSearch, StoredLine};
use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter};
use zstd::bulk::Decompressor;

use super::chunk::{Heads, MESSAGE_END, unpack};

/// Bytes of messages between two looks at the clock: the slowest expressions need some milliseconds for them.
const BYTES_PER_LOOK: usize = 4 << 10;

/// A chunk as it is stored.
pub(super) struct PackedChunk {
    pub(super) attempt: AttemptNumber,
    pub(super) heads: Vec<u8>,
    pub(super) texts: Vec<u8>,
}

/// What was found in a chunk.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) lines: Vec<StoredLine>,
    /// The last line that was looked at, where time ran out before the end.
    pub(super) stopped_after: Option<Offset>,
}

/// What is searched for, with memory that is used for one chunk after the other.
pub(super) struct Scanner {
    pattern: Wanted,
    decompressor: Decompressor<'static>,
    texts: Vec<u8>,
    folded: Vec<u8>,
    heads: Vec<u8>,
}

enum Wanted {
    Text { finder: Box<Finder<'static>>, ignores_case: bool },
    Regex(Regex),
}

impl Scanner {
    pub(super) fn new(pattern: &LogPattern) -> sqlx::Result<Self> {
        let pattern = match pattern {
            LogPattern::Text(text) => Wanted::Text {
                finder: Box::new(Finder::new(text.needle()).into_owned()),
                ignores_case: text.ignores_case(),
            },
            LogPattern::Regex(regex) => Wanted::Regex(regex.clone()),
        };
        let (texts, folded, heads) = Default::default();
        Ok(Self { pattern, decompressor: Decompressor::new()?, texts, folded, heads })
    }

    /// The lines of `chunk` that `search` asks for: at most one more than its limit, so that it is seen that there are more.
    pub(super) fn scan(
        &mut self,
        chunk: &PackedChunk,
        search: &LogSearch,
        deadline: Option<Instant>,
    ) -> sqlx::Result<Scanned> {
        unpack(&mut self.decompressor, &chunk.texts, &mut self.texts)?;
        let (heads, places, stopped_after) = match &self.pattern {
            Wanted::Text { finder, ignores_case } => {
                let texts = if *ignores_case {
                    self.folded.clone_from(&self.texts);
                    self.folded.make_ascii_lowercase();
                    &self.folded
                } else {
                    &self.texts
                };
                let places = places_of_text(finder, texts);
                // Most chunks do not hold it, and nothing else of them is looked at.
                if places.is_empty() {
                    return Ok(Scanned::default());
                }
                unpack(&mut self.decompressor, &chunk.heads, &mut self.heads)?;
                (Heads::read(&self.heads)?, places, None)
            }
            Wanted::Regex(regex) => {
                unpack(&mut self.decompressor, &chunk.heads, &mut self.heads)?;
                let heads = Heads::read(&self.heads)?;
                let first = heads.after(search.after).start;
                let (places, looked_at) = places_of_matches(regex, &self.texts, first, deadline);
                let stopped_after = (looked_at < heads.len()).then(|| heads.offset(looked_at - 1));
                (heads, places, stopped_after)
            }
        };
        let mut lines = Vec::new();
        for (index, from, to) in places {
            let is_after = index < heads.len() && heads.offset(index) > search.after;
            if is_after && search.is_wanted(chunk.attempt, heads.level(index), heads.at(index), heads.step(index)) {
                lines.push(heads.line(index, chunk.attempt, &self.texts[from..to])?);
                if lines.len() > search.limit.get() {
                    return Ok(Scanned { lines, stopped_after: None });
                }
            }
        }
        Ok(Scanned { lines, stopped_after })
    }
}

/// A line whose message is what is searched for: its number, and where its message is.
type Place = (usize, usize, usize);

/// The lines whose messages hold a text.
fn places_of_text(finder: &Finder<'_>, texts: &[u8]) -> Vec<Place> {
    let (mut places, mut line, mut from) = (Vec::new(), 0, 0);
    while let Some(hit) = finder.find(&texts[from..]).map(|hit| from + hit) {
        // Lines are counted only as far as something is found.
        let mut begin = from;
        for end in memchr_iter(MESSAGE_END, &texts[from..hit]) {
            line += 1;
            begin = from + end + 1;
        }
        let end = memchr(MESSAGE_END, &texts[hit..]).map_or(texts.len(), |end| hit + end);
        places.push((line, begin, end));
        line += 1;
        from = (end + 1).min(texts.len());
    }
    places
}

/// The lines from `first` on whose messages match, and the line before which time ran out; or the number of all lines.
fn places_of_matches(regex: &Regex, texts: &[u8], first: usize, deadline: Option<Instant>) -> (Vec<Place>, usize) {
    let (mut places, mut bytes, mut lines) = (Vec::new(), 0, 0);
    for (line, (from, to)) in message_spans(texts).enumerate() {
        lines = line + 1;
        if line < first {
            continue;
        }
        if bytes >= BYTES_PER_LOOK {
            bytes = 0;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return (places, line);
            }
        }
        bytes += to - from + 1;
        if regex.is_match(&texts[from..to]) {
            places.push((line, from, to));
        }
    }
    (places, lines)
}

/// Where each message is.
fn message_spans(texts: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut from = 0;
    memchr_iter(MESSAGE_END, texts).map(move |end| (std::mem::replace(&mut from, end + 1), end))
}
