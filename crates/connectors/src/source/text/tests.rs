//! Framing against a slow reading of the same rules, at every cut.

use proptest::prelude::*;

use super::{BlockReader, Framing, Malformed};
use crate::source::fuzzing::{CsvText, Record, Unread, read_csv};

/// A limit that no text here reaches.
const UNLIMITED: usize = 1 << 20;

/// RFC 4180, read at once.
const RFC: CsvText = CsvText {
    delimiter: b',',
    quote: Some(b'"'),
    escape: None,
    comment: None,
    skip_lines: 0,
    field_count: 2,
    record_limit: UNLIMITED,
    block_bytes: UNLIMITED,
    is_exact: false,
};

/// The rules, one byte at a time: where the record at the start of `text` ends, and its fields as they stand or what is
/// wrong with it.
fn reference(text: &[u8], how: &CsvText) -> (usize, Result<Vec<Vec<u8>>, Unread>) {
    let first_line = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let (mut at, mut start, mut quoted, mut closed) = (0, 0, false, false);
    let mut fields = Vec::new();
    let field = |start: usize, end: usize| text[start..end].to_vec();
    let fault = loop {
        if at > how.record_limit {
            break if quoted { Unread::UnclosedQuote } else { Unread::TooLong };
        }
        let byte = text.get(at).copied();
        let next = text.get(at + 1).copied();
        let is_quote = byte.is_some() && byte == how.quote;
        match byte {
            None if quoted => break Unread::UnclosedQuote,
            None | Some(b'\n') if !quoted => {
                let end = if at > start && text[at - 1] == b'\r' { at - 1 } else { at };
                fields.push(field(start, end));
                return (at, Ok(fields));
            }
            Some(_) if quoted && byte == how.escape => at += 1,
            Some(_) if quoted && is_quote && next == how.quote && at < how.record_limit => at += 1,
            Some(_) if quoted && is_quote => (quoted, closed) = (false, true),
            Some(_) if quoted => {}
            Some(byte) if byte == how.delimiter => {
                fields.push(field(start, at));
                (start, closed) = (at + 1, false);
            }
            Some(b'\r') if closed && matches!(next, Some(b'\n') | None) => {}
            Some(_) if closed => break Unread::BadQuote,
            Some(_) if is_quote && at == start => quoted = true,
            Some(_) if is_quote => break Unread::BadQuote,
            _ => {}
        }
        at += 1;
    };
    (first_line, Err(if first_line > how.record_limit { Unread::TooLong } else { fault }))
}

/// A field without its quotes, one byte at a time.
fn plain_text(field: &[u8], how: &CsvText) -> Vec<u8> {
    if how.quote.is_none() || field.first().copied() != how.quote {
        return field.to_vec();
    }
    let (mut text, mut at) = (Vec::new(), 1);
    while at < field.len() - 1 {
        if Some(field[at]) == how.quote || Some(field[at]) == how.escape {
            at += 1;
        }
        text.push(field[at]);
        at += 1;
    }
    text
}

/// All records by the reference.
fn read_reference(text: &[u8], how: &CsvText) -> Vec<Record> {
    let (mut records, mut at, mut line) = (Vec::new(), 0, 1);
    let mut pass = |at: &mut usize, bytes: usize| {
        let next = (*at + bytes + 1).min(text.len());
        line += text[*at..next].iter().filter(|byte| **byte == b'\n').count() as u64;
        *at = next;
        line
    };
    let line_length = |at: usize| text[at..].iter().position(|byte| *byte == b'\n').unwrap_or(text.len() - at);
    let mut first_line = 1;
    for _ in 0..how.skip_lines {
        let length = line_length(at);
        first_line = pass(&mut at, length);
    }
    while at < text.len() {
        let (start, line) = (at, first_line);
        if how.comment == Some(text[at]) {
            let length = line_length(at);
            first_line = pass(&mut at, length);
            continue;
        }
        let (length, found) = reference(&text[at..], how);
        first_line = pass(&mut at, length);
        let raw = &text[start..start + length];
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw).to_vec();
        if raw.is_empty() && how.field_count > 1 {
            continue;
        }
        let fields = found.and_then(|fields| match fields.len() {
            count if count == how.field_count => Ok(fields.iter().map(|field| plain_text(field, how)).collect()),
            count => Err(Unread::FieldCount(count)),
        });
        records.push(Record { row: records.len() as u64 + 1, line, offset: start as u64, raw, fields });
    }
    records
}

/// Of a record that is too long only a start is kept, and how much depends on what was read.
fn verdicts(mut records: Vec<Record>) -> Vec<Record> {
    records.iter_mut().filter(|record| record.fields == Err(Unread::TooLong)).for_each(|record| record.raw.clear());
    records
}

/// Texts of the bytes that decide, and few others, so that every turn of the rules is met often.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        6 => Just(b'a'), 4 => Just(b','), 3 => Just(b'"'), 3 => Just(b'\n'), 1 => Just(b'\r'), 1 => Just(0_u8),
        1 => Just(0xFF_u8), 1 => Just(b'\\'), 1 => Just(b'#')
    ];
    proptest::collection::vec(byte, 0..300)
}

/// Texts that are well-formed for long stretches, with a stray byte here and there.
fn nearly_well_formed() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![3 => "[a-z0-9]{0,20}", 1 => "\"([a,\n\r]|\"\"){0,30}\"", 1 => Just(String::new())];
    let record =
        (proptest::collection::vec(field, 1..4), prop_oneof![4 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\n\n")]);
    let text = proptest::collection::vec(record, 0..40).prop_map(|records| {
        records.iter().map(|(fields, end)| fields.join(",") + end).collect::<String>().into_bytes()
    });
    let strays =
        proptest::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"\",\n\ra"[..])), 0..3);
    (text, strays).prop_map(|(mut text, strays)| {
        for (place, byte) in strays {
            text.insert(place.index(text.len() + 1), byte);
        }
        text
    })
}

fn dialects() -> impl Strategy<Value = CsvText> {
    let (quote, escape) =
        (prop_oneof![4 => Just(Some(b'"')), 1 => Just(None)], prop_oneof![Just(None), Just(Some(b'\\'))]);
    let comment = prop_oneof![Just(None), Just(Some(b'#'))];
    (quote, escape, comment, 0..3_u64, 1..4_usize).prop_map(|(quote, escape, comment, skip_lines, field_count)| {
        CsvText { quote, escape: escape.filter(|_| quote.is_some()), comment, skip_lines, field_count, ..RFC }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn records_follow_the_rules_wherever_blocks_are_cut(text in prop_oneof![texts(), nearly_well_formed()], block_bytes in 1_usize..200, field_count in 1..4_usize) {
        let how = CsvText { field_count, ..RFC };
        let expected = read_reference(&text, &how);
        prop_assert_eq!(&read_csv(&text, &how), &expected);
        prop_assert_eq!(&read_csv(&text, &CsvText { block_bytes, ..how }), &expected);
        prop_assert_eq!(&read_csv(&text, &CsvText { block_bytes, is_exact: true, ..how }), &expected);
    }

    #[test]
    fn so_do_they_in_every_dialect(text in prop_oneof![texts(), nearly_well_formed()], how in dialects(), block_bytes in 1_usize..200) {
        let expected = read_reference(&text, &how);
        prop_assert_eq!(&read_csv(&text, &how), &expected);
        prop_assert_eq!(&read_csv(&text, &CsvText { block_bytes, ..how }), &expected);
    }

    #[test]
    fn the_record_limit_means_the_same_wherever_blocks_are_cut(
        text in prop_oneof![texts(), nearly_well_formed()], how in dialects(), block_bytes in 1_usize..200, record_limit in 1_usize..150
    ) {
        let how = CsvText { record_limit, ..how };
        let expected = verdicts(read_reference(&text, &how));
        prop_assert_eq!(&verdicts(read_csv(&text, &how)), &expected);
        prop_assert_eq!(&verdicts(read_csv(&text, &CsvText { block_bytes, ..how })), &expected);
    }

    #[test]
    fn lines_are_the_same_wherever_blocks_are_cut(text in texts(), block_bytes in 1_usize..40, limit in 1_usize..20) {
        let read = |block_bytes| {
            let mut reader = BlockReader::new(&*text, Framing::Lines, limit, true).with_block_bytes(block_bytes);
            let mut lines = Vec::new();
            while let Some(block) = reader.next().expect("memory can be read") {
                lines.extend(block.spans.iter().enumerate().map(|(index, span)| (block.line(index), span.malformed)));
            }
            lines
        };
        let lines = text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !matches!(line, [] | [b'\r']));
        let fault = |line: &[u8]| (line.len() > limit).then_some(Malformed::RecordTooLong);
        let expected: Vec<_> = lines.map(|(index, line)| (index as u64 + 1, fault(line))).collect();
        prop_assert_eq!(&read(block_bytes), &expected);
        prop_assert_eq!(&read(1 << 20), &expected);
    }

    #[test]
    fn what_another_writer_wrote_comes_back(
        rows in proptest::collection::vec(proptest::collection::vec("[a,\"\n\r ;é#]{0,40}", 3), 0..60),
        delimiter in prop::sample::select(&b",;\t|"[..]), always in any::<bool>(), crlf in any::<bool>(), doubles in any::<bool>(), block_bytes in 1_usize..1000,
    ) {
        let mut writer = csv::WriterBuilder::new();
        writer.delimiter(delimiter).double_quote(doubles).escape(b'\\');
        writer.quote_style(if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary });
        writer.terminator(if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') });
        let mut writer = writer.from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).expect("memory can be written");
        }
        let text = writer.into_inner().expect("memory can be written");
        let escape = (!doubles).then_some(b'\\');
        let found = read_csv(&text, &CsvText { delimiter, escape, field_count: 3, block_bytes, ..RFC });
        let expected: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|field| field.as_bytes().to_vec()).collect()).collect();
        prop_assert_eq!(found.into_iter().map(|record| record.fields).collect::<Result<Vec<_>, _>>(), Ok(expected));
    }
}
