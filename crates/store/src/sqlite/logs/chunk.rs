//! A chunk: lines of one attempt, packed. Its messages are one compressed text, so that a search decompresses nothing else;
//! what else a line has is another, column by column, since neighbours differ by little.

use std::io;

use chrono::{DateTime, Utc};
use etlplus_core::LogLine;
use etlplus_core::ids::{AttemptNumber, Offset};
use etlplus_core::log::{Fields, LogLevel};
use etlplus_core::ports::StoredLine;
use zstd::bulk::{Compressor, Decompressor};

use super::{Placed, trigrams};
use crate::sqlite::rows;

/// Lines of a chunk at most: as many as make it about seven times smaller; unpacking them takes a millisecond or less.
pub const CHUNK_LINES_MAX: usize = 4_096;
/// Bytes of text from which a chunk takes no more lines.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Stands after each message. It is in no UTF-8, so that no text that is searched for holds it.
pub(super) const MESSAGE_END: u8 = 0xFF;
/// Zstandard's own default: the next ones take twice the time for a tenth less.
const COMPRESSION_LEVEL: i32 = 3;
/// A text that claims to be larger is damaged.
const UNPACKED_MAX_BYTES: usize = 64 << 20;

/// A chunk as its row has it.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) lines: Vec<Placed>,
    pub(super) first_at: DateTime<Utc>,
    pub(super) last_at: DateTime<Utc>,
    /// A bit for each level that there is.
    pub(super) levels: i64,
    pub(super) trigrams: Vec<u8>,
    pub(super) heads: Vec<u8>,
    pub(super) texts: Vec<u8>,
}

/// Bits of the levels from `least` on.
pub(super) fn levels_from(least: LogLevel) -> i64 {
    LogLevel::ALL.into_iter().filter(|level| *level >= least).map(level_bit).sum()
}

fn level_bit(level: LogLevel) -> i64 {
    1 << rows::level_number(level)
}

/// Packs lines, of which there is at least one, in the order of their places.
pub(super) fn pack(lines: Vec<Placed>) -> io::Result<Packed> {
    let mut texts = Vec::with_capacity(lines.iter().map(|placed| placed.line.message.len() + 1).sum());
    for Placed { line, .. } in &lines {
        texts.extend_from_slice(line.message.as_bytes());
        texts.push(MESSAGE_END);
    }
    let mut compressor = Compressor::new(COMPRESSION_LEVEL)?;
    compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
    let heads = compress(&mut compressor, &heads_of(&lines)?)?;
    let packed_texts = compress(&mut compressor, &texts)?;
    texts.make_ascii_lowercase();
    let times = || lines.iter().map(|placed| placed.line.at);
    let mut levels = 0;
    lines.iter().for_each(|placed| levels |= level_bit(placed.line.level));
    Ok(Packed {
        first_at: times().min().unwrap_or_default(),
        last_at: times().max().unwrap_or_default(),
        levels,
        trigrams: trigrams::of(&texts),
        heads,
        texts: packed_texts,
        lines,
    })
}

/// A text with its length before it (u32, little-endian).
fn compress(compressor: &mut Compressor<'_>, text: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(text.len()).map_err(|_| io::Error::other("a chunk is too large"))?;
    let mut packed = length.to_le_bytes().to_vec();
    packed.append(&mut compressor.compress(text)?);
    Ok(packed)
}

/// Makes `text` what `packed` holds.
pub(super) fn unpack(decompressor: &mut Decompressor<'_>, packed: &[u8], text: &mut Vec<u8>) -> sqlx::Result<()> {
    let damaged = || rows::undecodable("a chunk of log lines is damaged");
    let (length, frame) = packed.split_first_chunk::<4>().ok_or_else(damaged)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > UNPACKED_MAX_BYTES {
        return Err(damaged());
    }
    text.clear();
    text.reserve(length);
    let written = decompressor.decompress_to_buffer(frame, text).map_err(rows::undecodable)?;
    if written == length { Ok(()) } else { Err(damaged()) }
}

/// What lines have beside their messages: a column after the other, each a row of numbers.
fn heads_of(lines: &[Placed]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(lines.len() * 8);
    put(&mut bytes, lines.len() as u64);
    let column = |bytes: &mut Vec<u8>, value: &dyn Fn(&LogLine) -> i64| {
        let mut before = 0;
        for Placed { line, .. } in lines {
            let value = value(line);
            put(bytes, zigzag(value.wrapping_sub(before)));
            before = value;
        }
    };
    let mut before = 0;
    for Placed { offset, .. } in lines {
        put(&mut bytes, offset.get() - before);
        before = offset.get();
    }
    column(&mut bytes, &|line| rows::integer(line.line));
    column(&mut bytes, &|line| rows::nanos(line.at));
    bytes.extend(lines.iter().map(|placed| rows::level_number(placed.line.level) as u8));
    let mut steps: Vec<&str> = Vec::new();
    let mut numbers = Vec::with_capacity(lines.len());
    for Placed { line, .. } in lines {
        let number = line.step.as_deref().map_or(0, |step| {
            let known = steps.iter().position(|known| *known == step);
            1 + known.unwrap_or_else(|| {
                steps.push(step);
                steps.len() - 1
            })
        });
        numbers.push(number as u64);
    }
    put(&mut bytes, steps.len() as u64);
    steps.iter().for_each(|step| put_text(&mut bytes, step.as_bytes()));
    numbers.into_iter().for_each(|number| put(&mut bytes, number));
    for Placed { line, .. } in lines {
        let fields = if line.fields.is_empty() { Vec::new() } else { serde_json::to_vec(&line.fields)? };
        put_text(&mut bytes, &fields);
    }
    Ok(bytes)
}

/// What lines have beside their messages.
#[derive(Debug, Default)]
pub(super) struct Heads {
    offsets: Vec<u64>,
    numbers: Vec<u64>,
    times: Vec<i64>,
    levels: Vec<LogLevel>,
    /// For each line the place of its step among the steps, plus one; 0 where it has none.
    step_places: Vec<u32>,
    steps: Vec<String>,
    /// As JSON; empty where there are none.
    fields: Vec<String>,
}

impl Heads {
    pub(super) fn read(bytes: &[u8]) -> sqlx::Result<Self> {
        Self::of(&mut Reader(bytes)).ok_or_else(|| rows::undecodable("a chunk of log lines is damaged"))
    }

    fn of(reader: &mut Reader<'_>) -> Option<Self> {
        // Each line takes some bytes, so that a damaged number asks for no more memory than the text has.
        let count =
            reader.number().and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= reader.0.len())?;
        let mut heads = Self::default();
        let mut offset = 0_u64;
        for _ in 0..count {
            offset = offset.checked_add(reader.number()?)?;
            heads.offsets.push(offset);
        }
        heads.numbers = reader.column(count)?.into_iter().map(i64::cast_unsigned).collect();
        heads.times = reader.column(count)?;
        let levels = reader.take(count)?.iter().map(|level| LogLevel::ALL.get(usize::from(*level)).copied());
        heads.levels = levels.collect::<Option<_>>()?;
        for _ in 0..reader.number()? {
            heads.steps.push(reader.text()?);
        }
        for _ in 0..count {
            let place = u32::try_from(reader.number()?).ok().filter(|place| *place as usize <= heads.steps.len())?;
            heads.step_places.push(place);
        }
        for _ in 0..count {
            heads.fields.push(reader.text()?);
        }
        reader.0.is_empty().then_some(heads)
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    pub(super) fn offset(&self, index: usize) -> Offset {
        Offset::from_number(self.offsets[index])
    }

    pub(super) fn at(&self, index: usize) -> DateTime<Utc> {
        rows::time(self.times[index])
    }

    pub(super) fn level(&self, index: usize) -> LogLevel {
        self.levels[index]
    }

    pub(super) fn step(&self, index: usize) -> Option<&str> {
        let place = (self.step_places[index] as usize).checked_sub(1)?;
        self.steps.get(place).map(String::as_str)
    }

    /// The line with its message.
    pub(super) fn line(&self, index: usize, attempt: AttemptNumber, message: &[u8]) -> sqlx::Result<StoredLine> {
        let fields = &self.fields[index];
        let line = LogLine {
            line: self.numbers[index],
            at: self.at(index),
            level: self.level(index),
            step: self.step(index).map(str::to_owned),
            message: str::from_utf8(message).map_err(rows::undecodable)?.to_owned(),
            fields: if fields.is_empty() { Fields::new() } else { rows::json(fields)? },
        };
        Ok(StoredLine { offset: self.offset(index), attempt, line })
    }

    /// The places of the lines that come after `offset`.
    pub(super) fn after(&self, offset: Offset) -> std::ops::Range<usize> {
        self.offsets.partition_point(|at| *at <= offset.get())..self.len()
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let of_a_line = 2 * size_of::<u64>() + size_of::<i64>() + size_of::<u32>() + size_of::<String>() + 1;
        self.len() * of_a_line + self.fields.iter().map(String::len).sum::<usize>()
    }
}

/// Numbers in the base-128 encoding of Protocol Buffers: seven bits a byte, the lowest first.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

/// Small numbers of either sign as small numbers.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// The bytes that are left. Each answer is `None` where they end too early.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Numbers of either sign, of which each is told by what it is more than the one before.
    fn column(&mut self, count: usize) -> Option<Vec<i64>> {
        let mut value = 0_i64;
        let values = (0..count).map(|_| {
            let number = self.number()?;
            value = value.wrapping_add((number >> 1).cast_signed() ^ -((number & 1).cast_signed()));
            Some(value)
        });
        values.collect()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }
}
