//! The insides of the readers, as tests and fuzz targets look at them: texts go in, and what became of each record comes out.

use std::io::{self, Read};

use super::csv::{Fault, split, unquoted};
use super::text::simd::{Chunk, Visitor, walk, walk_portable};
use super::text::{BlockReader, Dialect, Framing, Input, Malformed};

/// How a CSV text is read.
#[derive(Debug, Clone, Copy)]
pub struct CsvText {
    /// Between fields.
    pub delimiter: u8,
    /// Around fields.
    pub quote: Option<u8>,
    /// Takes the next character as it stands, inside quotes.
    pub escape: Option<u8>,
    /// Begins a line that is no record.
    pub comment: Option<u8>,
    /// Lines that are passed over at the start.
    pub skip_lines: u64,
    /// Fields of each record. Where there are more than one, blank lines are no records.
    pub field_count: usize,
    /// The most bytes of a record.
    pub record_limit: usize,
    /// How much is read at a time.
    pub block_bytes: usize,
    /// Whether each record is looked at by itself, which is slow and plain to see.
    pub is_exact: bool,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 1.
    pub row: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Where it begins in the text.
    pub offset: u64,
    /// Its bytes, without its line end.
    pub raw: Vec<u8>,
    /// Its fields without their quotes, or why it has none.
    pub fields: Result<Vec<Vec<u8>>, Unread>,
}

/// Why a record was not taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// A quote that nothing closes.
    UnclosedQuote,
    /// A quote at a place where there can be none.
    BadQuote,
    /// More bytes than the limit.
    TooLong,
    /// So many fields, which is another number than there should be.
    FieldCount(usize),
}

impl Input for &[u8] {
    fn file_offset(&self, text: u64) -> Option<u64> {
        Some(text)
    }

    fn file_bytes(&self, text: u64) -> u64 {
        text
    }
}

/// Bytes that come as few at a time as they like.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let some = buffer.len().div_ceil(3);
        self.0.read(&mut buffer[..some])
    }
}

impl Input for Dribble<'_> {
    fn file_offset(&self, text: u64) -> Option<u64> {
        Some(text)
    }

    fn file_bytes(&self, text: u64) -> u64 {
        text
    }
}

/// What the CSV reader makes of `text`.
///
/// # Panics
/// Where a byte or a row is not accounted for, and where the parts of the reader contradict each other.
pub fn read_csv(text: &[u8], how: &CsvText) -> Vec<Record> {
    let CsvText { delimiter, quote, escape, comment, field_count, .. } = *how;
    let dialect = Dialect { delimiter, quote, escape, comment };
    let skip_blank_lines = field_count > 1;
    let framing = Framing::Fields(dialect);
    let mut reader = BlockReader::new(Dribble(text), framing, how.record_limit, skip_blank_lines);
    reader = reader.with_block_bytes(how.block_bytes);
    if how.is_exact {
        reader = reader.exact();
    }
    reader.skip_lines(how.skip_lines).expect("memory can be read");
    let (mut records, mut bytes) = (Vec::new(), 0);
    while let Some(mut block) = reader.next().expect("memory can be read") {
        assert_eq!(block.first_row, records.len() as u64 + 1, "every record is counted");
        bytes += block.bytes;
        let (fields, faults) = split(&mut block, dialect, field_count, skip_blank_lines);
        assert_eq!(fields.rows() + faults.len(), block.spans.len(), "every record has its fate");
        let mut fates = vec![None; block.spans.len()];
        for (index, fault) in faults {
            fates[index] = Some(Err(match fault {
                Fault::Malformed(Malformed::UnclosedQuote) => Unread::UnclosedQuote,
                Fault::Malformed(Malformed::BadQuote) => Unread::BadQuote,
                Fault::Malformed(Malformed::RecordTooLong) => Unread::TooLong,
                Fault::FieldCount(found) => Unread::FieldCount(found),
            }));
        }
        for row in 0..fields.rows() {
            let text = |field| unquoted(&block.data[fields.range(&block, row, field)], dialect).0.into_owned();
            fates[fields.record(row)] = Some(Ok((0..field_count).map(text).collect()));
        }
        for (index, fate) in fates.into_iter().enumerate() {
            records.push(Record {
                row: block.first_row + index as u64,
                line: block.line(index),
                offset: block.offset.expect("the text is the file") + u64::from(block.spans[index].start),
                raw: block.record(index).to_vec(),
                fields: fate.expect("every record has its fate"),
            });
        }
    }
    assert_eq!(bytes, text.len() as u64, "every byte is accounted for");
    records
}

/// Which bytes of `text` are `byte`, 64 bits at a time, by the instructions of this processor and by those of any.
pub fn masks(text: &[u8], byte: u8) -> [Vec<u64>; 2] {
    struct Seen(u8, Vec<u64>);
    impl Visitor for Seen {
        fn visit<C: Chunk>(&mut self, _: usize, chunk: C) -> bool {
            self.1.push(chunk.equal(self.0));
            true
        }
    }
    let (mut fast, mut portable) = (Seen(byte, Vec::new()), Seen(byte, Vec::new()));
    walk(text, &mut fast);
    walk_portable(text, &mut portable);
    [fast.1, portable.1]
}
