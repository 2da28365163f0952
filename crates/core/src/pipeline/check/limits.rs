//! `limits`: what a job may use.

use super::field::{Field, Section};
use super::{Check, quoted};
use crate::pipeline::{Limits, caps, keys};

const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

pub(super) fn read(check: &mut Check, field: &Field<'_>) -> Option<Limits> {
    let section = Section::open(check, field, keys::LIMITS)?;
    let default = Limits::default();
    let memory_bytes = match section.get("memory") {
        Some(field) => size(check, &field, caps::MEMORY_MIN_BYTES, u64::MAX),
        None => Some(default.memory_bytes),
    };
    let record_bytes = match section.get("record") {
        Some(field) => size(check, &field, caps::RECORD_MIN_BYTES, caps::RECORD_MAX_BYTES),
        None => Some(default.record_bytes),
    };
    Some(Limits { memory_bytes: memory_bytes?, record_bytes: record_bytes? })
}

/// A number of bytes from `least` to `most`.
fn size(check: &mut Check, field: &Field<'_>, least: u64, most: u64) -> Option<u64> {
    let text = &field.scalar(check, "a size, such as 512MiB")?.text;
    let Some(bytes) = parse_size(text) else {
        let message = format!("{} is not a size", quoted(text));
        field.mistake(check, message, "write a whole number with KB, MB, GB, KiB, MiB or GiB, such as 512MiB");
        return None;
    };
    if bytes < least {
        field.mistake(check, format!("{} is too little", quoted(text)), format!("give at least {}", shown(least)));
        return None;
    }
    if bytes > most {
        field.mistake(check, format!("{} is too much", quoted(text)), format!("give at most {}", shown(most)));
        return None;
    }
    Some(bytes)
}

/// `8MiB`, `8 MiB` or a number of bytes.
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn shown(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{}MiB", bytes >> 20) } else { format!("{}KiB", bytes >> 10) }
}
