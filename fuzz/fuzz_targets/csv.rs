//! The CSV reader: cut anywhere it reads what the exact scanner reads, and what is well-formed it reads as the `csv` crate does.
#![no_main]

use arbitrary::Arbitrary;
use etlplus_connectors::source::fuzzing::{CsvText, Record, Unread, read_csv};
use libfuzzer_sys::fuzz_target;

/// More than any text here has.
const UNLIMITED: usize = 1 << 20;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    has_quotes: bool,
    has_escapes: bool,
    has_comments: bool,
    delimiter: u8,
    skip_lines: u8,
    field_count: u8,
    record_limit: Option<u16>,
    block_bytes: u16,
    text: &'a [u8],
}

fuzz_target!(|input: Input| {
    let how = CsvText {
        delimiter: b",;\t|"[usize::from(input.delimiter % 4)],
        quote: input.has_quotes.then_some(b'"'),
        escape: (input.has_quotes && input.has_escapes).then_some(b'\\'),
        comment: input.has_comments.then_some(b'#'),
        skip_lines: (input.skip_lines % 3).into(),
        field_count: usize::from(input.field_count % 5) + 1,
        record_limit: input.record_limit.map_or(UNLIMITED, |limit| usize::from(limit).max(1)),
        block_bytes: UNLIMITED,
        is_exact: true,
    };
    let expected = comparable(read_csv(input.text, &how));
    let cut = CsvText { block_bytes: usize::from(input.block_bytes).max(1), ..how };
    for how in [CsvText { is_exact: false, ..how }, cut, CsvText { is_exact: false, ..cut }] {
        assert_eq!(comparable(read_csv(input.text, &how)), expected, "{how:?}");
    }
    compare_with_csv_crate(input.text, &how, &expected);
});

/// Of a record that is too long only a start is kept, and how much depends on what was read.
fn comparable(mut records: Vec<Record>) -> Vec<Record> {
    records.iter_mut().filter(|record| record.fields == Err(Unread::TooLong)).for_each(|record| record.raw.clear());
    records
}

/// The crate takes a carriage return, a mark of the encoding and a blank line in a file of one column otherwise.
fn compare_with_csv_crate(text: &[u8], how: &CsvText, found: &[Record]) {
    let is_well_formed = found.iter().all(|record| record.fields.is_ok());
    if !is_well_formed
        || how.skip_lines > 0
        || how.field_count == 1
        || text.contains(&b'\r')
        || text.starts_with(b"\xEF\xBB\xBF")
    {
        return;
    }
    // Of a comment that nothing ends the crate makes an empty record.
    let ended = [text, b"\n"].concat();
    let mut reader = csv::ReaderBuilder::new();
    reader.delimiter(how.delimiter).has_headers(false).flexible(true).terminator(csv::Terminator::Any(b'\n'));
    reader.quoting(how.quote.is_some()).escape(how.escape).comment(how.comment);
    let records: Result<Vec<_>, _> = reader.from_reader(&*ended).into_byte_records().collect();
    let records = records.expect("byte records of any length are no error");
    let fields = |record: &csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
    let expected: Vec<_> = records.iter().map(fields).collect();
    let found: Vec<_> = found.iter().map(|record| record.fields.clone().expect("all are well-formed")).collect();
    assert_eq!(found, expected);
}
