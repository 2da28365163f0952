//! Rejects made from the bytes of a record.

use std::fmt::Write;

use etlplus_core::reject::RAW_MAX_BYTES;
use etlplus_core::{BrokenRule, Reject};

use super::SourceFile;
use super::text::{Block, Malformed};

/// The most characters of a field's value that a broken rule shows.
const VALUE_MAX_CHARS: usize = 1000;

/// The reject of a record of a text file.
pub(super) fn text_reject(file: &SourceFile, block: &Block, index: usize, errors: Vec<BrokenRule>) -> Reject {
    let (span, bytes) = (block.spans[index], block.record(index));
    let shown = cut(bytes);
    let raw = String::from_utf8_lossy(shown);
    // Lossy text is a new string; text that is UTF-8 borrows from the record.
    let raw_hex = matches!(raw, std::borrow::Cow::Owned(_)).then(|| hex(shown));
    Reject {
        file: file.name(),
        line: Some(block.line(index)),
        row: block.first_row + index as u64,
        offset: block.offset.map(|offset| offset + u64::from(span.start)),
        errors,
        header: file.header().cloned(),
        raw: raw.into_owned(),
        raw_hex,
        raw_truncated: bytes.len() > RAW_MAX_BYTES,
    }
}

/// The bytes that a reject keeps; not cut inside a character.
fn cut(bytes: &[u8]) -> &[u8] {
    if bytes.len() <= RAW_MAX_BYTES {
        return bytes;
    }
    let shown = &bytes[..RAW_MAX_BYTES];
    match str::from_utf8(shown) {
        Err(error) if error.error_len().is_none() => &shown[..error.valid_up_to()],
        _ => shown,
    }
}

/// What is wrong with a record that could not be taken apart.
pub(super) fn malformed_rule(why: Malformed, record_limit: usize) -> BrokenRule {
    let (rule, message) = match why {
        Malformed::UnclosedQuote => ("unclosed_quote", "opens a quote that is never closed".to_owned()),
        Malformed::BadQuote => {
            ("bad_quote", "has text after a closing quote, or a quote inside an unquoted field".to_owned())
        }
        Malformed::RecordTooLong => ("record_too_long", format!("is longer than limits.record, {record_limit} bytes")),
    };
    row_rule(rule, message)
}

/// A rule that the row as a whole broke.
pub(super) fn row_rule(rule: &str, message: String) -> BrokenRule {
    BrokenRule { field: None, rule: rule.to_owned(), value: None, message }
}

/// A field's bytes as text, cut to a readable length.
pub(crate) fn shown_value(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(VALUE_MAX_CHARS) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.into_owned(),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
