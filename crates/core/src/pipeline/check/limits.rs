//! `limits`: what a job may use.

use super::field::{Field, Section};
use super::{Check, quoted};
use crate::pipeline::{Limits, caps, keys};
use crate::size;

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
pub(super) fn size(check: &mut Check, field: &Field<'_>, least: u64, most: u64) -> Option<u64> {
    let text = &field.scalar(check, "a size, such as 512MiB")?.text;
    let Some(bytes) = size::parse(text) else {
        let message = format!("{} is not a size", quoted(text));
        field.mistake(check, message, "write a whole number with KB, MB, GB, KiB, MiB or GiB, such as 512MiB");
        return None;
    };
    if bytes < least {
        field.mistake(check, format!("{} is too little", quoted(text)), format!("give at least {}", size::show(least)));
        return None;
    }
    if bytes > most {
        field.mistake(check, format!("{} is too much", quoted(text)), format!("give at most {}", size::show(most)));
        return None;
    }
    Some(bytes)
}
