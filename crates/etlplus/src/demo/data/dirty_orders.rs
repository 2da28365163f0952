//! Orders with dirt in them, as CSV: the orders of the clean file, of which a few per cent are spoiled.

use std::io::{self, Write};
use std::ops::Range;

use rand::RngExt;

use super::dirt::{DIRT, Dirt};
use super::orders::{Column, FIRST_ID, HEADER, Record};
use super::random::{Random, chance};

/// How many of 1,000 orders are spoiled.
const SPOILED_PER_MILLE: u32 = 30;
/// Spreadsheets begin a file with it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// The length of a note that makes its row longer than any row should be. The pipelines' limit is 16 KiB.
const OVERLONG_NOTE_BYTES: usize = 20_000;
/// One character more than a note may have, in characters of two bytes.
const LONG_NOTE: (&str, usize) = ("é", 501);

/// Writes `rows` orders, the last of which opens a quote that nothing closes.
pub(super) fn write(out: &mut impl Write, rows: u64, mut orders: Random, mut dirt: Random) -> io::Result<()> {
    out.write_all(BYTE_ORDER_MARK)?;
    writeln!(out, "{}", HEADER.join(","))?;
    let places = Places::of(rows);
    let mut spoiler = Spoiler { random: &mut dirt, kinds: DIRT.iter().cycle(), spoiled_id: FIRST_ID };
    let mut record = Record::default();
    for row in 0..rows {
        let line_end: &[u8] = if places.windows.contains(&row) { b"\r\n" } else { b"\n" };
        record.draw(FIRST_ID + row, rows, &mut orders);
        if row + 1 == rows {
            record.set(Column::Note, "\"Please call bef");
            return record.write(out, HEADER.len());
        }
        let mut fields = HEADER.len();
        if places.overlong.contains(&row) {
            let quote = if row == places.overlong[0] { "" } else { "\"" };
            record.set(Column::Note, format!("{quote}{}{quote}", "x".repeat(OVERLONG_NOTE_BYTES)));
        } else if chance(spoiler.random, SPOILED_PER_MILLE) {
            fields = spoiler.spoil(&mut record, row, out, line_end)?;
        }
        record.write(out, fields)?;
        out.write_all(line_end)?;
    }
    Ok(())
}

/// Where in the file something special stands.
struct Places {
    /// The rows that end as lines do on Windows: somebody pasted a part of another file.
    windows: Range<u64>,
    /// The rows that are longer than any should be: one with its long note in quotes, one without.
    overlong: [u64; 2],
}

impl Places {
    fn of(rows: u64) -> Self {
        Self { windows: rows * 2 / 5..rows / 2, overlong: [rows / 3, rows * 2 / 3] }
    }
}

struct Spoiler<'a> {
    random: &'a mut Random,
    /// The kinds of dirt, round and round, so that a small file has each of them too.
    kinds: std::iter::Cycle<std::slice::Iter<'static, Dirt>>,
    /// The number of the latest order of which a text was spoiled.
    spoiled_id: u64,
}

impl Spoiler<'_> {
    /// Spoils order number `row` (from 0), and says how many of its fields are to be written.
    fn spoil(&mut self, record: &mut Record, row: u64, out: &mut impl Write, line_end: &[u8]) -> io::Result<usize> {
        let dirt = self.kinds.next().expect("there are kinds of dirt");
        let mut fields = HEADER.len();
        match *dirt {
            Dirt::Texts(texts) => {
                texts.iter().for_each(|(column, text)| record.set(*column, text));
                self.spoiled_id = FIRST_ID + row;
            }
            Dirt::Fields(count) => fields = count,
            Dirt::Spaces => {
                record.set(Column::OrderId, "   ");
                fields = 1;
            }
            Dirt::BlankLine => out.write_all(line_end)?,
            Dirt::RepeatedId => {
                let earlier = FIRST_ID + self.random.random_range(0..=row);
                record.set(Column::OrderId, format!("000{earlier}"));
            }
            Dirt::SentAgain => record.set(Column::OrderId, self.spoiled_id.to_string()),
            Dirt::LongNote => record.set(Column::Note, LONG_NOTE.0.repeat(LONG_NOTE.1)),
        }
        Ok(fields)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use crate::demo::data::random;

    fn dirty(rows: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, rows, random::stream(1, 1), random::stream(1, 2)).unwrap();
        bytes
    }

    fn contains(haystack: &[u8], needle: &[u8]) -> bool {
        haystack.windows(needle.len()).any(|window| window == needle)
    }

    #[test]
    fn a_small_file_has_every_kind_of_dirt() {
        let bytes = dirty(6_000);
        for kind in DIRT {
            let Dirt::Texts(texts) = kind else { continue };
            for (_, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
                assert!(contains(&bytes, text), "{}", text.escape_ascii());
            }
        }
        for wanted in [&b"\n   \n"[..], b"\n\n", b"\r\n", b"\n000100", "é".repeat(501).as_bytes(), &[b'x'; 20_000]] {
            assert!(contains(&bytes, wanted), "{}", wanted[..wanted.len().min(20)].escape_ascii());
        }
        assert!(bytes.ends_with(b",\"Please call bef"));
    }

    #[test]
    fn a_few_per_cent_differ_from_the_clean_file() {
        let mut clean = Vec::new();
        crate::demo::data::orders::write(&mut clean, 20_000, random::stream(1, 1)).unwrap();
        let clean: std::collections::HashSet<_> = clean.split(|byte| *byte == b'\n').collect();
        let dirty = dirty(20_000);
        let lines = dirty.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let changed = lines.filter(|line| !clean.contains(line)).count();
        assert!((400..1000).contains(&changed), "{changed}");
    }

    #[test]
    fn tiny_files_are_written_too() {
        for rows in 1..20 {
            assert!(dirty(rows).ends_with(b"bef"), "{rows}");
        }
    }
}
