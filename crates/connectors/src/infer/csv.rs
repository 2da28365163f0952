//! A guess at a CSV file: its delimiter, whether it has a header, and its columns.

use etlplus_core::Failure;
use etlplus_core::pipeline::{CsvSource, FileCompression, SourceFormat};

use super::guess::Guess;
use super::{Inferred, RECORD_MAX_BYTES, ROWS_MAX, no_rows};
use crate::source::text::{BlockReader, Dialect, Framing, TextInput, split_fields};
use crate::source::{SourceFile, unquoted};

/// The delimiters that are tried; the first one wins a tie.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

pub(super) fn infer(file: &SourceFile) -> Result<Inferred, Failure> {
    let mut best: Option<(usize, u8, Vec<Vec<String>>)> = None;
    for delimiter in DELIMITERS {
        let records = read(file, delimiter)?;
        let score = score(&records);
        if best.as_ref().is_none_or(|(highest, ..)| score > *highest) {
            best = Some((score, delimiter, records));
        }
    }
    let Some((_, delimiter, mut records)) = best.filter(|(_, _, records)| !records.is_empty()) else {
        return Err(no_rows(file));
    };
    let header = looks_like_header(&records[0]);
    let width = records[0].len();
    let names: Vec<String> =
        if header { records.remove(0) } else { (1..=width).map(|number| format!("column_{number}")).collect() };
    let records: Vec<_> = records.into_iter().filter(|record| record.len() == width).collect();
    let mut guesses: Vec<Guess> = names.iter().map(|_| Guess::default()).collect();
    for record in &records {
        for (guess, text) in guesses.iter_mut().zip(record) {
            if text.is_empty() { guess.null() } else { guess.value(text) }
        }
    }
    let rows = records.len() as u64;
    let columns = names.into_iter().zip(&guesses).map(|(name, guess)| guess.column(name, rows)).collect();
    let options = CsvSource {
        delimiter,
        quote: Some(b'"'),
        escape: None,
        comment: None,
        skip_lines: 0,
        header,
        null: vec![String::new()],
        encoding: encoding_rs::UTF_8,
    };
    Ok(Inferred { format: SourceFormat::Csv(options), columns, skipped: Vec::new(), rows_seen: rows })
}

/// The well-formed records at the start of the file.
fn read(file: &SourceFile, delimiter: u8) -> Result<Vec<Vec<String>>, Failure> {
    let dialect = Dialect::rfc4180(delimiter);
    let input = TextInput::open(file, FileCompression::Auto, encoding_rs::UTF_8)?;
    let mut reader = BlockReader::new(input, Framing::Fields(dialect), RECORD_MAX_BYTES, true).exact();
    let (mut records, mut fields) = (Vec::new(), Vec::new());
    while let Some(block) = reader.next().map_err(|error| file.read_failure(&error))? {
        for index in (0..block.spans.len()).filter(|index| block.spans[*index].malformed.is_none()) {
            let record = block.record(index);
            fields.clear();
            split_fields(record, dialect, &mut fields);
            let text = |(start, end): &(u32, u32)| {
                let (text, _) = unquoted(&record[*start as usize..*end as usize], dialect);
                String::from_utf8_lossy(&text).into_owned()
            };
            records.push(fields.iter().map(text).collect());
            if records.len() as u64 > ROWS_MAX {
                return Ok(records);
            }
        }
    }
    Ok(records)
}

/// How many records have as many fields as the first, times their fields: a delimiter that is none leaves one field.
fn score(records: &[Vec<String>]) -> usize {
    let Some(first) = records.first() else { return 0 };
    let alike = records.iter().filter(|record| record.len() == first.len()).count();
    if first.len() == 1 { 0 } else { alike }
}

/// Names are there, differ from each other, and are no numbers, dates or truth values.
fn looks_like_header(record: &[String]) -> bool {
    let mut names = std::collections::HashSet::new();
    record.iter().all(|name| {
        let mut guess = Guess::default();
        guess.value(name);
        let is_word = guess.column(String::new(), 1).ty == etlplus_core::Type::String;
        !name.is_empty() && is_word && names.insert(name)
    })
}
