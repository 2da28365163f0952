//! Framing against a slow reading of the same rules, at every cut.

use proptest::prelude::*;

use super::{BlockReader, Framing, Malformed, split_fields};

const CSV: Framing = Framing::Quoted { delimiter: b',', quote: b'"' };

/// What a reader makes of a text: each record's bytes, line and fault.
fn read(text: &[u8], framing: Framing, block_bytes: usize, limit: usize) -> Vec<(Vec<u8>, u64, Option<Malformed>)> {
    let mut reader = BlockReader::new(text, framing, limit, true).with_block_bytes(block_bytes);
    let (mut records, mut bytes, mut row) = (Vec::new(), 0, 1);
    while let Some(block) = reader.next().expect("memory can be read") {
        assert_eq!(block.first_row, row);
        row += block.spans.len() as u64;
        bytes += block.bytes;
        for (index, span) in block.spans.iter().enumerate() {
            let start = block.offset as usize + span.start as usize;
            assert_eq!(
                block.record(index),
                &text[start..start + block.record(index).len()],
                "offsets lead to the record"
            );
            records.push((block.record(index).to_vec(), span.line, span.malformed));
        }
    }
    assert_eq!(bytes, text.len() as u64, "every byte is accounted for");
    records
}

/// The rules, one byte at a time: where the record at the start of `text` ends, and what is wrong with it.
fn reference(text: &[u8], limit: usize) -> (usize, Option<Malformed>) {
    let (mut at, mut field_start, mut quoted, mut closed) = (0, true, false, false);
    let first_line = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let fault = loop {
        if at > limit {
            break if quoted { Malformed::UnclosedQuote } else { Malformed::RecordTooLong };
        }
        match text.get(at) {
            None if quoted => break Malformed::UnclosedQuote,
            None => return (at, None),
            Some(b'"') if quoted && text.get(at + 1) == Some(&b'"') && at < limit => at += 1,
            Some(b'"') if quoted => (quoted, closed) = (false, true),
            Some(_) if quoted => {}
            Some(b'\n') => return (at, None),
            Some(b',') => (field_start, closed) = (true, false),
            Some(b'\r') if closed && matches!(text.get(at + 1), Some(b'\n') | None) => {}
            Some(_) if closed => break Malformed::BadQuote,
            Some(b'"') if field_start => (quoted, field_start) = (true, false),
            Some(b'"') => break Malformed::BadQuote,
            Some(_) => field_start = false,
        }
        if text.get(at) == Some(&b',') && !quoted {
            field_start = true;
        }
        at += 1;
    };
    let fault = if first_line > limit { Malformed::RecordTooLong } else { fault };
    (first_line, Some(fault))
}

/// All records by the reference.
fn read_reference(text: &[u8], limit: usize) -> Vec<(Vec<u8>, u64, Option<Malformed>)> {
    let (mut records, mut at, mut line) = (Vec::new(), 0, 1);
    while at < text.len() {
        let (length, fault) = reference(&text[at..], limit);
        let record = &text[at..at + length];
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        if !(record.is_empty() && fault.is_none()) {
            records.push((record.to_vec(), line, fault));
        }
        let next = (at + length + 1).min(text.len());
        line += text[at..next].iter().filter(|byte| **byte == b'\n').count() as u64;
        at = next;
    }
    records
}

/// Texts of the bytes that decide, and few others, so that every turn of the rules is met often.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(b'a'), 2 => Just(b','), 3 => Just(b'"'), 2 => Just(b'\n'), 1 => Just(b'\r'), 1 => Just(0_u8),
        1 => Just(0xFF_u8)
    ];
    proptest::collection::vec(byte, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn framing_follows_the_rules_wherever_blocks_are_cut(text in texts(), block in 1_usize..40) {
        const LIMIT: usize = 1 << 20;
        let expected = read_reference(&text, LIMIT);
        prop_assert_eq!(&read(&text, CSV, block, LIMIT), &expected);
        prop_assert_eq!(&read(&text, CSV, 1 << 20, LIMIT), &expected);
    }

    #[test]
    fn the_record_limit_means_the_same_wherever_blocks_are_cut(text in texts(), block in 1_usize..40, limit in 1_usize..20) {
        let verdicts = |records: Vec<(Vec<u8>, u64, Option<Malformed>)>| -> Vec<_> {
            // Of a record that is too long only a start is kept, and how much depends on what was read.
            records.into_iter().map(|(record, line, fault)| match fault {
                Some(Malformed::RecordTooLong) => (Vec::new(), line, fault),
                _ => (record, line, fault),
            }).collect()
        };
        prop_assert_eq!(verdicts(read(&text, CSV, block, limit)), verdicts(read(&text, CSV, 1 << 20, limit)));
        prop_assert_eq!(verdicts(read(&text, Framing::Lines, block, limit)), verdicts(read(&text, Framing::Lines, 1 << 20, limit)));
    }

    #[test]
    fn what_is_quoted_comes_back(rows in proptest::collection::vec(proptest::collection::vec("[a,\"\n\r ]{0,6}", 3), 1..20)) {
        let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let text: String = rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n").collect();
        let mut found = Vec::new();
        for (record, _, fault) in read(text.as_bytes(), CSV, 7, 1 << 20) {
            prop_assert_eq!(fault, None);
            let mut fields = Vec::new();
            split_fields(&record, b',', Some(b'"'), &mut fields);
            let text = |(start, end): &(u32, u32)| {
                let (text, is_quoted) = crate::source::unquoted(&record[*start as usize..*end as usize], Some(b'"'));
                assert!(is_quoted);
                String::from_utf8(text.into_owned()).expect("it was a string")
            };
            found.push(fields.iter().map(text).collect::<Vec<_>>());
        }
        prop_assert_eq!(found, rows);
    }
}
