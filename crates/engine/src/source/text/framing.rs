//! Where one record of a text file ends.
//!
//! The verdict depends on the bytes of the file and the limit alone, never on how the file was cut into blocks.

use memchr::{memchr, memchr3};

/// How records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A record is a line.
    Lines,
    /// A record ends at a line end outside quotes (RFC 4180).
    Quoted {
        /// Between fields.
        delimiter: u8,
        /// Around fields; doubled inside.
        quote: u8,
    },
}

/// What makes a record unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A quote that nothing closes within the record limit or before the end of the file.
    UnclosedQuote,
    /// Text after a closing quote, or a quote inside an unquoted field.
    BadQuote,
    /// More bytes than the record limit.
    RecordTooLong,
}

/// One step through the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// A record: `end` is past its last byte without its line end, `next` where the next one begins.
    Record { end: usize, next: usize },
    /// A broken record, given up at the end of its first physical line, so that one stray quote costs one line.
    Broken { why: Malformed, end: usize, next: usize },
    /// The line is longer than the limit, and its end is not among the bytes at hand.
    TooLong,
    /// More bytes are needed.
    Incomplete,
}

impl Framing {
    /// Finds the end of the record at the start of `data`. `last` says that nothing follows `data`; `limit` is the most
    /// bytes that a record may have.
    pub(crate) fn scan(self, data: &[u8], last: bool, limit: usize) -> Scan {
        match self {
            Self::Lines => scan_line(data, last, limit),
            Self::Quoted { delimiter, quote } => scan_quoted(data, last, limit, delimiter, quote),
        }
    }
}

fn scan_line(data: &[u8], last: bool, limit: usize) -> Scan {
    match memchr(b'\n', data) {
        Some(newline) if newline <= limit => Scan::Record { end: without_cr(data, newline), next: newline + 1 },
        Some(newline) => {
            Scan::Broken { why: Malformed::RecordTooLong, end: without_cr(data, newline), next: newline + 1 }
        }
        None if data.len() > limit && last => {
            Scan::Broken { why: Malformed::RecordTooLong, end: data.len(), next: data.len() }
        }
        None if data.len() > limit => Scan::TooLong,
        None if last => Scan::Record { end: without_cr(data, data.len()), next: data.len() },
        None => Scan::Incomplete,
    }
}

fn scan_quoted(data: &[u8], last: bool, limit: usize, delimiter: u8, quote: u8) -> Scan {
    let window = &data[..data.len().min(limit + 1)];
    let broken = |why| match scan_line(data, last, limit) {
        Scan::Record { end, next } => Scan::Broken { why, end, next },
        other => other,
    };
    // Running out of bytes means three things: the record is too long, the file ends here, or more must be read.
    let ran_out = |inside_quotes: bool| match (window.len() > limit, last, inside_quotes) {
        (true, _, true) | (_, true, true) => broken(Malformed::UnclosedQuote),
        (true, _, false) => broken(Malformed::RecordTooLong),
        (false, true, false) => Scan::Record { end: without_cr(data, data.len()), next: data.len() },
        (false, false, _) => Scan::Incomplete,
    };
    let mut at = 0;
    loop {
        if window.get(at) == Some(&quote) {
            let Some(after) = past_closing_quote(window, at + 1, quote) else { return ran_out(true) };
            at = after;
            match (window.get(at), window.get(at + 1)) {
                (Some(byte), _) if *byte == delimiter => at += 1,
                (Some(b'\n'), _) => return Scan::Record { end: at, next: at + 1 },
                (Some(b'\r'), Some(b'\n')) => return Scan::Record { end: at, next: at + 2 },
                (Some(b'\r'), None) | (None, _) => return ran_out(false),
                _ => return broken(Malformed::BadQuote),
            }
        } else {
            let Some(found) = memchr3(delimiter, b'\n', quote, &window[at..]) else { return ran_out(false) };
            at += found + 1;
            match window[at - 1] {
                b'\n' => return Scan::Record { end: without_cr(window, at - 1), next: at },
                byte if byte == quote => return broken(Malformed::BadQuote),
                _ => {}
            }
        }
    }
}

/// The place after the quote that closes the field whose text begins at `at`. A quote that is the last byte at hand
/// closes nothing yet: the next byte may double it.
fn past_closing_quote(window: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        at += memchr(quote, &window[at..])? + 1;
        if window.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// `end`, or the place of the carriage return before it.
fn without_cr(data: &[u8], end: usize) -> usize {
    if end > 0 && data[end - 1] == b'\r' { end - 1 } else { end }
}

/// Splits a well-formed record into the byte ranges of its fields, quotes included, and appends them to `fields`.
pub(crate) fn split_fields(record: &[u8], delimiter: u8, quote: Option<u8>, fields: &mut Vec<(u32, u32)>) {
    let mut start = 0;
    loop {
        let mut at = start;
        if let Some(quote) = quote.filter(|quote| record.get(at) == Some(quote)) {
            // The framing found the record whole, so the quote is closed.
            at = past_closing_quote(record, at + 1, quote).unwrap_or(record.len());
        }
        match memchr(delimiter, &record[at..]) {
            Some(found) => {
                fields.push((start as u32, (at + found) as u32));
                start = at + found + 1;
            }
            None => {
                fields.push((start as u32, record.len() as u32));
                return;
            }
        }
    }
}
