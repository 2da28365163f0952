//! Some whole records of one file.

use std::sync::OnceLock;

use memchr::memchr_iter;

use super::framing::Malformed;

/// Line ends are counted up to every so many bytes, once somebody asks for a line.
const STRIDE: usize = 4096;

/// Some whole records of one file.
#[derive(Debug)]
pub(crate) struct Block {
    /// The bytes that the spans point into.
    pub(crate) data: Vec<u8>,
    /// The records in order; where `is_surveyed`, those only that cannot be read.
    pub(crate) spans: Vec<Span>,
    /// Whether what stands between `spans` are well-quoted records, which nobody has told apart yet.
    pub(crate) is_surveyed: bool,
    /// Where `data` begins in the file, in bytes; `None` where it is not the file's own bytes.
    pub(crate) offset: Option<u64>,
    /// The number of the first record among the file's data records, from 1.
    pub(crate) first_row: u64,
    /// Bytes of the file that lie behind the reader with this block.
    pub(crate) bytes: u64,
    pub(super) first_line: u64,
    pub(super) lines: OnceLock<Vec<u64>>,
}

/// One record in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its first byte in the block.
    pub(crate) start: u32,
    /// Past its last byte, without its line end.
    pub(crate) end: u32,
    /// Why it cannot be read, if so.
    pub(crate) malformed: Option<Malformed>,
}

impl Block {
    /// Records that come from no one place: their rows count from 1, and their lines mean nothing.
    pub(crate) fn of_records(data: Vec<u8>, spans: Vec<Span>, bytes: u64) -> Self {
        let lines = OnceLock::new();
        Self { data, spans, is_surveyed: false, offset: None, first_row: 1, bytes, first_line: 1, lines }
    }

    /// The bytes of a record.
    pub(crate) fn record(&self, index: usize) -> &[u8] {
        let span = &self.spans[index];
        &self.data[span.start as usize..span.end as usize]
    }

    /// The physical line on which a record begins, from 1. Counted when it is asked for: only rejects need it.
    pub(crate) fn line(&self, index: usize) -> u64 {
        let start = self.spans[index].start as usize;
        let lines = self.lines.get_or_init(|| {
            let lines = self.data.chunks(STRIDE).scan(self.first_line, |line, bytes| {
                let first = *line;
                *line += memchr_iter(b'\n', bytes).count() as u64;
                Some(first)
            });
            lines.collect()
        });
        let stride = start / STRIDE;
        let before = memchr_iter(b'\n', &self.data[stride * STRIDE..start]).count() as u64;
        lines.get(stride).map_or(self.first_line, |line| line + before)
    }
}
