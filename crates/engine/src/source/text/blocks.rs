//! Blocks of whole records, read one after another from one file.

use std::io::{self, Read};

use etlplus_core::reject::RAW_MAX_BYTES;
use memchr::{memchr, memchr_iter};

use super::framing::{Framing, Malformed, Scan};

/// How much of a file is read and parsed at a time: large enough that its costs vanish, small enough for the cache.
const BLOCK_BYTES: usize = 1 << 20;

/// Some whole records of one file.
#[derive(Debug)]
pub(crate) struct Block {
    /// The bytes that the spans point into.
    pub(crate) data: Vec<u8>,
    /// The records in order.
    pub(crate) spans: Vec<Span>,
    /// Where `data` begins in the file, in bytes.
    pub(crate) offset: u64,
    /// The number of the first record among the file's data records, from 1.
    pub(crate) first_row: u64,
    /// Bytes of the file that lie behind the reader with this block.
    pub(crate) bytes: u64,
}

/// One record in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its first byte in the block.
    pub(crate) start: u32,
    /// Past its last byte, without its line end.
    pub(crate) end: u32,
    /// The physical line on which it begins, from 1.
    pub(crate) line: u64,
    /// Why it cannot be read, if so.
    pub(crate) malformed: Option<Malformed>,
}

impl Block {
    /// The bytes of a record.
    pub(crate) fn record(&self, index: usize) -> &[u8] {
        let span = &self.spans[index];
        &self.data[span.start as usize..span.end as usize]
    }
}

/// Cuts a file into blocks.
pub(crate) struct BlockReader<R> {
    input: R,
    framing: Framing,
    record_limit: usize,
    skip_blank_lines: bool,
    block_bytes: usize,
    block_records: usize,
    /// Bytes that were read and belong to no block yet.
    pending: Vec<u8>,
    at_end: bool,
    /// Whether `pending` begins inside a line that is too long and was told already.
    inside_long_line: bool,
    offset: u64,
    /// Up to where bytes were accounted for by a block.
    told: u64,
    line: u64,
    row: u64,
}

impl<R: Read> BlockReader<R> {
    /// A reader from the start of `input`. `record_limit` is the most bytes that a record may have.
    pub(crate) fn new(input: R, framing: Framing, record_limit: usize, skip_blank_lines: bool) -> Self {
        Self {
            input,
            framing,
            record_limit,
            skip_blank_lines,
            block_bytes: BLOCK_BYTES,
            block_records: usize::MAX,
            pending: Vec::new(),
            at_end: false,
            inside_long_line: false,
            offset: 0,
            told: 0,
            line: 1,
            row: 1,
        }
    }

    /// Ends each block after so many records too, where records may become far larger in memory than they are as text.
    pub(crate) fn limit_records(&mut self, records: usize) {
        self.block_records = records.max(1);
    }

    /// Says whether lines without a byte are no records.
    pub(crate) fn skip_blank_lines(&mut self, skip: bool) {
        self.skip_blank_lines = skip;
    }

    /// The same with blocks of another size, so that tests cut small texts at every place.
    #[cfg(test)]
    pub(crate) fn with_block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes;
        self
    }

    /// Passes over a UTF-8 byte order mark; to be called first.
    pub(crate) fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        self.fill(MARK.len())?;
        if self.pending.starts_with(MARK) {
            self.take(MARK.len());
        }
        Ok(())
    }

    /// Whether the text begins with the byte order mark of UTF-16, which is another encoding than the one we read.
    pub(crate) fn is_utf16(&mut self) -> io::Result<bool> {
        self.fill(2)?;
        Ok(self.pending.starts_with(b"\xFF\xFE") || self.pending.starts_with(b"\xFE\xFF"))
    }

    /// Takes the first record by itself: the header. `Ok(None)` in an empty file; `Err` inside with the reason where it
    /// is malformed.
    pub(crate) fn header(&mut self) -> io::Result<Option<Result<Vec<u8>, Malformed>>> {
        loop {
            self.fill(1)?;
            if self.pending.is_empty() {
                return Ok(None);
            }
            match self.framing.scan(&self.pending, self.at_end, self.record_limit) {
                Scan::Record { end, next } => {
                    let header = self.pending[..end].to_vec();
                    self.take(next);
                    if !header.is_empty() {
                        return Ok(Some(Ok(header)));
                    }
                }
                Scan::Broken { why, .. } => return Ok(Some(Err(why))),
                Scan::TooLong => return Ok(Some(Err(Malformed::RecordTooLong))),
                Scan::Incomplete => self.fill(self.pending.len() * 2)?,
            }
        }
    }

    /// The next block; `None` at the end of the file. A block may hold no record (of blank lines, say) and still account
    /// for bytes.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        if self.inside_long_line {
            self.pass_long_line()?;
        }
        let mut want = self.block_bytes;
        loop {
            self.fill(want)?;
            if self.pending.is_empty() {
                let is_all_told = self.told == self.offset;
                return Ok((!is_all_told).then(|| self.block(Vec::new(), Vec::new())));
            }
            let (spans, used) = self.spans();
            if used == 0 {
                want = self.pending.len() * 2;
                continue;
            }
            let rest = self.pending.split_off(used);
            let data = std::mem::replace(&mut self.pending, rest);
            return Ok(Some(self.block(data, spans)));
        }
    }

    fn block(&mut self, data: Vec<u8>, spans: Vec<Span>) -> Block {
        let (offset, first_row) = (self.offset, self.row);
        self.offset += data.len() as u64;
        self.row += spans.len() as u64;
        let bytes = self.offset - self.told;
        self.told = self.offset;
        Block { data, spans, offset, first_row, bytes }
    }

    /// The whole records of the pending bytes, and how many bytes they take.
    fn spans(&mut self) -> (Vec<Span>, usize) {
        let (mut spans, mut at) = (Vec::new(), 0);
        while at < self.pending.len() && spans.len() < self.block_records {
            let rest = &self.pending[at..];
            let (end, next, malformed) = match self.framing.scan(rest, self.at_end, self.record_limit) {
                Scan::Record { end: 0, next } if self.skip_blank_lines => {
                    self.line += 1;
                    at += next;
                    continue;
                }
                Scan::Record { end, next } => (end, next, None),
                Scan::Broken { why, end, next } => (end, next, Some(why)),
                Scan::TooLong => {
                    self.inside_long_line = true;
                    // One byte more than a reject shows, so that it knows itself to be cut.
                    let kept = rest.len().min(RAW_MAX_BYTES + 1);
                    (kept, rest.len(), Some(Malformed::RecordTooLong))
                }
                Scan::Incomplete => break,
            };
            spans.push(Span { start: at as u32, end: (at + end) as u32, line: self.line, malformed });
            self.line += memchr_iter(b'\n', &rest[..next]).count() as u64;
            at += next;
        }
        (spans, at)
    }

    /// Reads on to the end of a line that was too long to hold.
    fn pass_long_line(&mut self) -> io::Result<()> {
        self.inside_long_line = false;
        loop {
            self.fill(self.block_bytes)?;
            if self.pending.is_empty() {
                return Ok(());
            }
            if let Some(newline) = memchr(b'\n', &self.pending) {
                self.take(newline + 1);
                return Ok(());
            }
            self.take(self.pending.len());
        }
    }

    /// Reads until `want` bytes are pending or the file ends.
    fn fill(&mut self, want: usize) -> io::Result<()> {
        while !self.at_end && self.pending.len() < want {
            let missing = want - self.pending.len();
            self.pending.reserve(missing);
            let read = self.input.by_ref().take(missing as u64).read_to_end(&mut self.pending)?;
            self.at_end = read < missing;
        }
        Ok(())
    }

    /// Drops pending bytes that belong to no block.
    fn take(&mut self, bytes: usize) {
        self.line += memchr_iter(b'\n', &self.pending[..bytes]).count() as u64;
        self.offset += bytes as u64;
        self.pending.drain(..bytes);
    }
}
