//! Where the records of a text end, without a look at each: the fast way through what is well quoted.
//!
//! Where all quotes stand at the edges of fields, whatever has an odd number of them before it is inside quotes. The survey
//! ends at the first quote that stands elsewhere; what becomes of its record is for [`super::Framing::scan`] to say.

use memchr::memchr_iter;

use super::framing::Dialect;
use super::simd::{CHUNK, Chunk, Visitor, prefix_xor, walk};

/// What a survey found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Surveyed {
    /// Past the last record that ends well.
    pub(super) next: usize,
    /// How many records end before there, without the blank lines that are none.
    pub(super) records: u64,
    /// How many lines end before there.
    pub(super) lines: u64,
    /// Whether the record after them is not one that is well quoted so far and may still end within the limit.
    pub(super) is_broken: bool,
}

/// Where a survey ends early.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The most bytes of a record.
    pub(super) bytes: usize,
    /// About how many records are looked at: those of one chunk may be more.
    pub(super) records: u64,
}

/// Surveys `text`, which begins with a record. `last` says that nothing follows it, and `skip_blank_lines` that lines without a
/// byte are no records. Not for a dialect with escapes or comments.
pub(super) fn survey(text: &[u8], dialect: Dialect, last: bool, limits: Limits, skip_blank_lines: bool) -> Surveyed {
    if limits.bytes < CHUNK {
        // Records that begin and end within one chunk are not measured.
        return Surveyed { is_broken: true, ..Surveyed::default() };
    }
    let mut survey = Survey {
        text,
        dialect,
        limits,
        skip_blank_lines,
        inside: 0,
        after_closing: 0,
        newlines: 1 << (CHUNK - 1),
        lines: 0,
        found: Surveyed::default(),
    };
    walk(text, &mut survey);
    let Survey { inside, mut found, .. } = survey;
    let rest = &text[found.next..];
    if !found.is_broken && !rest.is_empty() && found.records < limits.records {
        found.is_broken = rest.len() > limits.bytes || last && inside != 0;
        if last && !found.is_broken {
            // The last record may lack its line end.
            found.records += u64::from(!skip_blank_lines || rest != b"\r");
            found.lines += memchr_iter(b'\n', rest).count() as u64;
            found.next = text.len();
        }
    }
    found
}

struct Survey<'a> {
    text: &'a [u8],
    dialect: Dialect,
    limits: Limits,
    skip_blank_lines: bool,
    /// All ones where the chunk begins inside quotes.
    inside: u64,
    /// One where the byte before the chunk is a closing quote.
    after_closing: u64,
    /// The newlines of the chunk before; what comes before the text counts as one.
    newlines: u64,
    /// How many lines ended before the chunk.
    lines: u64,
    found: Surveyed,
}

impl Visitor for Survey<'_> {
    #[inline(always)]
    fn visit<C: Chunk>(&mut self, at: usize, chunk: C) -> bool {
        let newlines = chunk.equal(b'\n');
        let quotes = self.dialect.quote.map_or(0, |quote| chunk.equal(quote));
        let mut within = self.inside;
        if quotes | self.after_closing != 0 {
            within ^= prefix_xor(quotes);
            let edges = newlines | quotes | chunk.equal(self.dialect.delimiter);
            if !self.is_well_quoted(at, quotes, within, edges) {
                self.found.is_broken = true;
                return false;
            }
            self.inside = (within as i64 >> (CHUNK - 1)) as u64;
            self.after_closing = (quotes & !within) >> (CHUNK - 1);
        }
        let ends = newlines & !within;
        if ends != 0 {
            let first = at + ends.trailing_zeros() as usize;
            if first - self.found.next > self.limits.bytes {
                self.found.is_broken = true;
                return false;
            }
            let last = CHUNK as u32 - 1 - ends.leading_zeros();
            self.found.next = at + last as usize + 1;
            self.found.lines = self.lines + u64::from((newlines << (CHUNK as u32 - 1 - last)).count_ones());
            self.found.records += u64::from(ends.count_ones()) - self.blank_lines(at, newlines, ends);
            if self.found.records >= self.limits.records {
                return false;
            }
        }
        self.newlines = newlines;
        self.lines += u64::from(newlines.count_ones());
        true
    }
}

impl Survey<'_> {
    /// Whether each opening quote stands after an edge of a field, and each closing one before one. A quote between two others
    /// is an edge too: of a pair, the first one closes and the second one opens again.
    #[inline(always)]
    fn is_well_quoted(&self, at: usize, quotes: u64, within: u64, edges: u64) -> bool {
        let before_is_edge = match at.checked_sub(1).map(|before| self.text[before]) {
            Some(byte) => byte == b'\n' || byte == self.dialect.delimiter || Some(byte) == self.dialect.quote,
            None => true,
        };
        let (opening, closing) = (quotes & within, quotes & !within);
        if opening & !(edges << 1 | u64::from(before_is_edge)) != 0 {
            return false;
        }
        let mut after = (closing << 1 | self.after_closing) & !edges;
        while after != 0 {
            let place = at + after.trailing_zeros() as usize;
            let is_line_end = match (self.text.get(place), self.text.get(place + 1)) {
                (None, _) | (Some(b'\r'), Some(b'\n')) => true,
                // With what follows still to be read, this record is looked at again.
                (Some(b'\r'), None) => true,
                _ => false,
            };
            if !is_line_end {
                return false;
            }
            after &= after - 1;
        }
        true
    }

    /// How many of the line ends `ends` are of lines that have no byte and are no records.
    #[inline(always)]
    fn blank_lines(&self, at: usize, newlines: u64, ends: u64) -> u64 {
        let right_after = newlines << 1 | self.newlines >> (CHUNK - 1);
        let two_after = newlines << 2 | self.newlines >> (CHUNK - 2);
        let mut candidates = ends & (right_after | two_after);
        if candidates == 0 || !self.skip_blank_lines {
            return 0;
        }
        let mut blank = 0;
        while candidates != 0 {
            let bit = candidates & candidates.wrapping_neg();
            let place = at + bit.trailing_zeros() as usize;
            blank += u64::from(bit & right_after != 0 || self.text[place - 1] == b'\r');
            candidates ^= bit;
        }
        blank
    }
}
