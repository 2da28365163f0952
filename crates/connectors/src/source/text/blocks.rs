//! Blocks of whole records, read one after another from one file.

use std::io;
use std::sync::OnceLock;

use etlplus_core::reject::RAW_MAX_BYTES;
use memchr::{memchr, memchr_iter};

use super::block::{Block, Span};
use super::framing::{Dialect, Framing, Malformed, Scan};
use super::input::Input;
use super::survey::{Limits, survey};

/// How much of a file is read and parsed at a time: large enough that its costs vanish, small enough for the cache.
const BLOCK_BYTES: usize = 1 << 20;

/// The most values that a block has: a null takes one byte of text, and some hundred where it is a reject's broken rule.
const BLOCK_VALUES_MAX: usize = 1 << 17;
/// The most records of a block: a record takes two bytes of text, and some hundred where it is rejected.
const BLOCK_RECORDS_MAX: usize = 1 << 16;

/// Cuts a file into blocks.
pub(crate) struct BlockReader<R> {
    input: R,
    framing: Framing,
    record_limit: usize,
    skip_blank_lines: bool,
    is_exact: bool,
    block_bytes: usize,
    block_records: usize,
    /// Bytes that were read and belong to no block yet.
    pending: Vec<u8>,
    at_end: bool,
    /// Whether `pending` begins inside a line that is too long and was told already.
    inside_long_line: bool,
    /// Where `pending` begins in the text.
    offset: u64,
    /// How many bytes of the file were accounted for by a block.
    told: u64,
    line: u64,
    row: u64,
}

impl<R: Input> BlockReader<R> {
    /// A reader from the start of `input`. `record_limit` is the most bytes that a record may have.
    pub(crate) fn new(input: R, framing: Framing, record_limit: usize, skip_blank_lines: bool) -> Self {
        Self {
            input,
            framing,
            record_limit,
            skip_blank_lines,
            is_exact: false,
            block_bytes: BLOCK_BYTES,
            block_records: BLOCK_RECORDS_MAX,
            pending: Vec::new(),
            at_end: false,
            inside_long_line: false,
            offset: 0,
            told: 0,
            line: 1,
            row: 1,
        }
    }

    /// Says how many values a record becomes. Blocks end after some number of them too, since records may become far larger in
    /// memory than they are as text.
    pub(crate) fn limit_values(&mut self, of_each_record: usize) {
        self.block_records = (BLOCK_VALUES_MAX / of_each_record.max(1)).max(1).min(self.block_records);
    }

    /// Whether each byte of the text is one of the file's.
    pub(crate) fn is_as_it_is(&self) -> bool {
        self.input.file_offset(0).is_some()
    }

    /// Says whether lines without a byte are no records.
    pub(crate) fn skip_blank_lines(&mut self, skip: bool) {
        self.skip_blank_lines = skip;
    }

    /// The same, told apart record by record, so that no block is left to be split.
    pub(crate) fn exact(mut self) -> Self {
        self.is_exact = true;
        self
    }

    /// The same with blocks of another size, so that tests cut small texts at every place.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn with_block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes;
        self
    }

    /// Passes over so many lines, whatever is in them.
    pub(crate) fn skip_lines(&mut self, lines: u64) -> io::Result<()> {
        let mut left = lines;
        while left > 0 {
            self.fill(self.block_bytes)?;
            if self.pending.is_empty() {
                break;
            }
            let mut past = 0;
            for newline in memchr_iter(b'\n', &self.pending).take(left as usize) {
                past = newline + 1;
                left -= 1;
            }
            self.take(if left > 0 { self.pending.len() } else { past });
        }
        Ok(())
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
                Scan::Comment { next } => self.take(next),
                Scan::LongComment => while !self.pass_line()? {},
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
            self.inside_long_line = !self.pass_line()?;
            if self.inside_long_line {
                // Whoever takes the blocks may have stopped listening; a line without an end must not keep him from saying so.
                return Ok(Some(self.block(Vec::new(), Cut::default())));
            }
        }
        let mut want = self.block_bytes;
        loop {
            self.fill(want)?;
            if self.pending.is_empty() {
                let is_all_told = self.told == self.input.file_bytes(self.offset);
                return Ok((!is_all_told).then(|| self.block(Vec::new(), Cut::default())));
            }
            let cut = match self.framing {
                Framing::Fields(dialect) if dialect.escape.is_none() && dialect.comment.is_none() && !self.is_exact => {
                    self.cut_surveyed(dialect)
                }
                _ => self.cut_exactly(),
            };
            if cut.used == 0 {
                want = self.pending.len() * 2;
                continue;
            }
            let rest = self.pending.split_off(cut.used);
            let data = std::mem::replace(&mut self.pending, rest);
            return Ok(Some(self.block(data, cut)));
        }
    }

    fn block(&mut self, data: Vec<u8>, cut: Cut) -> Block {
        let told = self.input.file_bytes(self.offset + data.len() as u64);
        let block = Block {
            spans: cut.spans,
            is_surveyed: cut.is_surveyed,
            offset: self.input.file_offset(self.offset),
            first_row: self.row,
            bytes: told - self.told,
            first_line: self.line,
            lines: OnceLock::new(),
            data,
        };
        self.offset += block.data.len() as u64;
        self.row += cut.records;
        self.line += cut.lines;
        self.told = told;
        block
    }

    /// The whole records of the pending bytes, told apart one by one.
    fn cut_exactly(&mut self) -> Cut {
        let mut cut = Cut::default();
        while cut.used < self.pending.len() && cut.spans.len() < self.block_records {
            match self.step(&mut cut) {
                Step::Record(span) => cut.spans.push(span),
                Step::Nothing => {}
                Step::Incomplete => break,
            }
        }
        cut.records = cut.spans.len() as u64;
        cut
    }

    /// The whole records of the pending bytes; only those that cannot be read are looked at one by one.
    fn cut_surveyed(&mut self, dialect: Dialect) -> Cut {
        let mut cut = Cut { is_surveyed: true, ..Cut::default() };
        while cut.used < self.pending.len() && cut.records < self.block_records as u64 {
            let rest = &self.pending[cut.used..];
            let records_max = self.block_records as u64 - cut.records;
            let limits = Limits { bytes: self.record_limit, records: records_max };
            let found = survey(rest, dialect, self.at_end, limits, self.skip_blank_lines);
            cut.used += found.next;
            cut.records += found.records;
            cut.lines += found.lines;
            if !found.is_broken || !self.pass_broken(&mut cut) {
                break;
            }
        }
        cut
    }

    /// Goes on record by record until one that cannot be read lies behind; whether there was one.
    fn pass_broken(&mut self, cut: &mut Cut) -> bool {
        while cut.used < self.pending.len() && cut.records < self.block_records as u64 {
            match self.step(cut) {
                Step::Record(span) => {
                    cut.records += 1;
                    if span.malformed.is_some() {
                        cut.spans.push(span);
                        return true;
                    }
                }
                Step::Nothing => {}
                Step::Incomplete => return false,
            }
        }
        false
    }

    /// Scans the record at `cut.used` and moves past it.
    fn step(&mut self, cut: &mut Cut) -> Step {
        let start = cut.used;
        let rest = &self.pending[start..];
        let (end, next, malformed) = match self.framing.scan(rest, self.at_end, self.record_limit) {
            Scan::Record { end: 0, next } if self.skip_blank_lines => {
                cut.pass(self.framing, &rest[..next]);
                return Step::Nothing;
            }
            Scan::Comment { next } => {
                cut.pass(self.framing, &rest[..next]);
                return Step::Nothing;
            }
            Scan::LongComment => {
                self.inside_long_line = true;
                cut.pass(self.framing, rest);
                return Step::Nothing;
            }
            Scan::Record { end, next } => (end, next, None),
            Scan::Broken { why, end, next } => (end, next, Some(why)),
            Scan::TooLong => {
                self.inside_long_line = true;
                // One byte more than a reject shows, so that it knows itself to be cut.
                let kept = rest.len().min(RAW_MAX_BYTES + 1);
                (kept, rest.len(), Some(Malformed::RecordTooLong))
            }
            Scan::Incomplete => return Step::Incomplete,
        };
        cut.pass(self.framing, &rest[..next]);
        Step::Record(Span { start: start as u32, end: (start + end) as u32, malformed })
    }

    /// Reads on to the end of a line, whatever is in it and however long it is; whether that was found.
    fn pass_line(&mut self) -> io::Result<bool> {
        self.fill(self.block_bytes)?;
        let newline = memchr(b'\n', &self.pending);
        self.take(newline.map_or(self.pending.len(), |newline| newline + 1));
        Ok(newline.is_some() || self.at_end && self.pending.is_empty())
    }

    /// Reads until `want` bytes are pending or the file ends.
    fn fill(&mut self, want: usize) -> io::Result<()> {
        while !self.at_end && self.pending.len() < want {
            let missing = want - self.pending.len();
            self.pending.reserve(missing);
            let read = self.input.read_some(&mut self.pending, missing as u64)?;
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

/// The records at the start of the pending bytes.
#[derive(Default)]
struct Cut {
    spans: Vec<Span>,
    is_surveyed: bool,
    /// Bytes that the records take.
    used: usize,
    records: u64,
    /// Line ends in those bytes.
    lines: u64,
}

impl Cut {
    /// Moves past `bytes`, one record.
    fn pass(&mut self, framing: Framing, bytes: &[u8]) {
        self.used += bytes.len();
        self.lines += match framing {
            Framing::Lines => u64::from(bytes.ends_with(b"\n")),
            Framing::Fields(_) => memchr_iter(b'\n', bytes).count() as u64,
        };
    }
}

/// What stands at a place in the text.
enum Step {
    Record(Span),
    /// A line that is no record.
    Nothing,
    Incomplete,
}
