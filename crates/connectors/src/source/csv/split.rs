//! The records of a block, taken apart into fields.

use std::slice::{ChunksExact, Iter};

use memchr::memchr;

use crate::source::text::simd::{CHUNK, Chunk, Visitor, prefix_xor, walk};
use crate::source::text::{Block, Dialect, Malformed, Span, split_fields};

/// The well-formed records of a block and where their fields stand.
pub(in crate::source) struct Fields {
    /// Fields of each record.
    count: usize,
    /// The numbers of the well-formed records in the block.
    rows: Vec<u32>,
    /// Where each of their fields ends in the block, `count` a row: at the delimiter after it, or at the end of its record.
    ends: Vec<u32>,
}

/// Why a record has not the fields that it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Fault {
    Malformed(Malformed),
    /// It has another number of fields.
    FieldCount(usize),
}

impl Fields {
    /// How many well-formed records there are.
    pub(in crate::source) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The number in the block of a well-formed record.
    pub(in crate::source) fn record(&self, row: usize) -> usize {
        self.rows[row] as usize
    }

    /// The byte range in the block of a field, quotes included.
    pub(in crate::source) fn range(&self, block: &Block, row: usize, field: usize) -> std::ops::Range<usize> {
        let ends = &self.ends[row * self.count..][..self.count];
        range(block, self.rows[row], ends, field)
    }

    /// The text of one field of each record, quotes included.
    pub(in crate::source) fn texts<'a>(&'a self, block: &'a Block, field: usize) -> Texts<'a> {
        Texts { block, field, rows: self.rows.iter(), ends: self.ends.chunks_exact(self.count) }
    }

    /// Leaves out the records of which `keep`, given the number of their row, does not say true.
    pub(in crate::source) fn retain(&mut self, mut keep: impl FnMut(&Self, usize) -> bool) {
        let kept: Vec<_> = (0..self.rows.len()).filter(|row| keep(self, *row)).collect();
        for (to, from) in kept.iter().enumerate() {
            self.rows[to] = self.rows[*from];
            self.ends.copy_within(from * self.count..(from + 1) * self.count, to * self.count);
        }
        self.rows.truncate(kept.len());
        self.ends.truncate(kept.len() * self.count);
    }
}

/// The texts of one field.
pub(in crate::source) struct Texts<'a> {
    block: &'a Block,
    field: usize,
    rows: Iter<'a, u32>,
    ends: ChunksExact<'a, u32>,
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (row, ends) = (self.rows.next()?, self.ends.next()?);
        Some(&self.block.data[range(self.block, *row, ends, self.field)])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl ExactSizeIterator for Texts<'_> {}

#[inline(always)]
fn range(block: &Block, record: u32, ends: &[u32], field: usize) -> std::ops::Range<usize> {
    let start = match field {
        0 => block.spans[record as usize].start,
        _ => ends[field - 1] + 1,
    };
    start as usize..ends[field] as usize
}

/// Takes the records of `block` apart, and names in `block` those that nobody has named yet. With the fields of the
/// well-formed records come the numbers of the others.
pub(in crate::source) fn split(
    block: &mut Block,
    dialect: Dialect,
    field_count: usize,
    skip_blank_lines: bool,
) -> (Fields, Vec<(usize, Fault)>) {
    let mut splitter = Splitter {
        dialect,
        field_count,
        skip_blank_lines,
        spans: Vec::new(),
        rows: Vec::new(),
        places: Vec::new(),
        ends: 0,
        faults: Vec::new(),
        record_ends: Vec::new(),
    };
    let spans = std::mem::take(&mut block.spans);
    if block.is_surveyed {
        splitter.split_surveyed(&block.data, &spans);
    } else {
        splitter.split_exactly(&block.data, &spans);
    }
    block.spans = splitter.spans;
    splitter.places.truncate(splitter.ends);
    (Fields { count: field_count, rows: splitter.rows, ends: splitter.places }, splitter.faults)
}

struct Splitter {
    dialect: Dialect,
    field_count: usize,
    skip_blank_lines: bool,
    spans: Vec<Span>,
    rows: Vec<u32>,
    /// The ends of fields, of which the first `ends` are of well-formed records; what comes after them is room.
    places: Vec<u32>,
    ends: usize,
    faults: Vec<(usize, Fault)>,
    /// For each record of a stretch, the number in `places` of its last field.
    record_ends: Vec<u32>,
}

impl Splitter {
    /// Between `broken` records are stretches of well-quoted ones.
    fn split_surveyed(&mut self, data: &[u8], broken: &[Span]) {
        let mut at = 0;
        for span in broken {
            self.split_stretch(data, at, span.start as usize);
            self.push(*span);
            // It was given up at the end of its first line.
            at =
                memchr(b'\n', &data[span.end as usize..]).map_or(data.len(), |newline| span.end as usize + newline + 1);
        }
        self.split_stretch(data, at, data.len());
    }

    fn split_exactly(&mut self, data: &[u8], spans: &[Span]) {
        let mut fields = Vec::new();
        for span in spans {
            if span.malformed.is_some() {
                self.push(*span);
                continue;
            }
            fields.clear();
            split_fields(&data[span.start as usize..span.end as usize], self.dialect, &mut fields);
            let first = self.ends;
            self.places.truncate(first);
            self.places.extend(fields.iter().map(|(_, end)| span.start + end));
            self.record(*span, first, self.places.len());
        }
    }

    /// A record that cannot be read.
    fn push(&mut self, span: Span) {
        if let Some(why) = span.malformed {
            self.faults.push((self.spans.len(), Fault::Malformed(why)));
        }
        self.spans.push(span);
    }

    /// A record that can be read, whose fields end at `places[first..past]`.
    #[inline]
    fn record(&mut self, span: Span, first: usize, past: usize) {
        let found = past - first;
        if self.skip_blank_lines && span.start == span.end {
            return;
        }
        if found == self.field_count {
            if first != self.ends {
                self.places.copy_within(first..past, self.ends);
            }
            self.ends += found;
            // The last field ends where the record does: before its carriage return.
            self.places[self.ends - 1] = span.end;
            self.rows.push(self.spans.len() as u32);
        } else {
            self.faults.push((self.spans.len(), Fault::FieldCount(found)));
        }
        self.spans.push(span);
    }

    /// Takes apart what stands in `data` from `start` to `end`: whole, well-quoted records.
    fn split_stretch(&mut self, data: &[u8], start: usize, end: usize) {
        let stretch = &data[start..end];
        let mut places = Places {
            dialect: self.dialect,
            base: start as u32,
            inside: 0,
            count: self.ends,
            places: std::mem::take(&mut self.places),
            record_ends: std::mem::take(&mut self.record_ends),
        };
        places.record_ends.clear();
        walk(stretch, &mut places);
        if !stretch.is_empty() && (places.inside != 0 || stretch.last() != Some(&b'\n')) {
            places.end_of_text(end as u32);
        }
        let Places { places, record_ends, .. } = places;
        self.places = places;
        let (mut first, mut start) = (self.ends, start);
        for last in &record_ends {
            let past = *last as usize + 1;
            let newline = self.places[past - 1] as usize;
            let is_crlf = newline > start && data[newline - 1] == b'\r';
            let end = newline - usize::from(is_crlf);
            self.record(Span { start: start as u32, end: end as u32, malformed: None }, first, past);
            (first, start) = (past, newline + 1);
        }
        self.record_ends = record_ends;
    }
}

/// Finds the delimiters and line ends outside quotes.
struct Places {
    dialect: Dialect,
    /// Where the stretch begins in the block.
    base: u32,
    /// All ones where the chunk begins inside quotes.
    inside: u64,
    places: Vec<u32>,
    /// How many of `places` are found; the others are room.
    count: usize,
    record_ends: Vec<u32>,
}

impl Places {
    /// The last record of a file may lack its line end.
    fn end_of_text(&mut self, end: u32) {
        self.places.truncate(self.count);
        self.places.push(end);
        self.record_ends.push(self.count as u32);
        self.count += 1;
    }

    /// The next 64 places, to be written to.
    #[inline(always)]
    fn room(&mut self) -> &mut [u32; CHUNK] {
        if self.places.len() < self.count + CHUNK {
            self.grow();
        }
        self.places[self.count..].first_chunk_mut().expect("there is room for 64 places")
    }

    #[cold]
    fn grow(&mut self) {
        self.places.resize(self.places.len() * 2 + 4096, 0);
    }
}

impl Visitor for Places {
    #[inline(always)]
    fn visit<C: Chunk>(&mut self, at: usize, chunk: C) -> bool {
        /// Places are written so many at a time: most chunks have fewer, and a loop that ends after each chunk's own
        /// number of them would cost a wrong guess of the processor per chunk.
        const STEP: usize = 8;
        let newlines = chunk.equal(b'\n');
        let delimiters = chunk.equal(self.dialect.delimiter);
        let quotes = self.dialect.quote.map_or(0, |quote| chunk.equal(quote));
        let within = if quotes == 0 { self.inside } else { self.inside ^ prefix_xor(quotes) };
        self.inside = (within as i64 >> (CHUNK - 1)) as u64;
        let found = (newlines | delimiters) & !within;
        let (base, count) = (self.base + at as u32, self.count as u32);
        let room = self.room();
        let (mut left, mut written) = (found, 0);
        while left != 0 {
            for _ in 0..STEP {
                // Past the last one this writes what is never read.
                room[written % CHUNK] = base + left.trailing_zeros();
                left &= left.wrapping_sub(1);
                written += 1;
            }
        }
        self.count += found.count_ones() as usize;
        let mut ends = newlines & !within;
        while ends != 0 {
            let below = ends & ends.wrapping_neg();
            self.record_ends.push(count + (found & (below - 1)).count_ones());
            ends &= ends - 1;
        }
        true
    }
}
