//! Where one record of a text file ends.
//!
//! The verdict depends on the bytes of the file and the limit alone, never on how the file was cut into blocks.

use memchr::{memchr, memchr2, memchr3};

/// How records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A record is a line.
    Lines,
    /// A record ends at a line end outside quotes.
    Fields(Dialect),
}

/// The characters of a CSV file that mean something; all ASCII, none of them a line end or zero, no two the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Between fields.
    pub(crate) delimiter: u8,
    /// Around fields; doubled inside. `None`: no quoting.
    pub(crate) quote: Option<u8>,
    /// Takes the next character as it stands, inside quotes.
    pub(crate) escape: Option<u8>,
    /// A record that would begin with it is a line of no meaning.
    pub(crate) comment: Option<u8>,
}

impl Dialect {
    /// RFC 4180, with another delimiter.
    pub(crate) fn rfc4180(delimiter: u8) -> Self {
        Self { delimiter, quote: Some(b'"'), escape: None, comment: None }
    }
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
    /// A comment, up to `next`.
    Comment { next: usize },
    /// A comment that is longer than the limit, and its end is not among the bytes at hand.
    LongComment,
    /// More bytes are needed.
    Incomplete,
}

impl Framing {
    /// Finds the end of the record at the start of `data`. `last` says that nothing follows `data`; `limit` is the most
    /// bytes that a record may have.
    pub(crate) fn scan(self, data: &[u8], last: bool, limit: usize) -> Scan {
        let Self::Fields(dialect) = self else { return scan_line(data, last, limit) };
        match dialect.quote {
            _ if dialect.comment.is_some_and(|comment| data.first() == Some(&comment)) => {
                scan_comment(data, last, limit)
            }
            Some(quote) => scan_quoted(data, last, limit, dialect, quote),
            None => scan_line(data, last, limit),
        }
    }
}

fn scan_comment(data: &[u8], last: bool, limit: usize) -> Scan {
    match memchr(b'\n', data) {
        Some(newline) => Scan::Comment { next: newline + 1 },
        None if last => Scan::Comment { next: data.len() },
        None if data.len() > limit => Scan::LongComment,
        None => Scan::Incomplete,
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

fn scan_quoted(data: &[u8], last: bool, limit: usize, dialect: Dialect, quote: u8) -> Scan {
    let Dialect { delimiter, escape, .. } = dialect;
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
            let Some(after) = past_closing_quote(window, at + 1, quote, escape) else { return ran_out(true) };
            at = after;
            // Whether a line ends here may be told by the byte after the limit.
            match (window.get(at), data.get(at + 1)) {
                (Some(byte), _) if *byte == delimiter => at += 1,
                (Some(b'\n'), _) => return Scan::Record { end: at, next: at + 1 },
                (Some(b'\r'), Some(b'\n')) if at < limit => return Scan::Record { end: at, next: at + 2 },
                (Some(b'\r'), Some(b'\n')) => return broken(Malformed::RecordTooLong),
                (Some(b'\r'), None) if !last => return Scan::Incomplete,
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
fn past_closing_quote(window: &[u8], mut at: usize, quote: u8, escape: Option<u8>) -> Option<usize> {
    loop {
        let rest = window.get(at..)?;
        at += match escape {
            Some(escape) => memchr2(quote, escape, rest)?,
            None => memchr(quote, rest)?,
        };
        let is_escape = window[at] != quote;
        at += 1;
        if !is_escape && window.get(at) != Some(&quote) {
            return Some(at);
        }
        // Past the character that was escaped, or the second quote of a pair.
        at += 1;
    }
}

/// `end`, or the place of the carriage return before it.
fn without_cr(data: &[u8], end: usize) -> usize {
    if end > 0 && data[end - 1] == b'\r' { end - 1 } else { end }
}

/// Splits a well-formed record into the byte ranges of its fields, quotes included, and appends them to `fields`.
pub(crate) fn split_fields(record: &[u8], dialect: Dialect, fields: &mut Vec<(u32, u32)>) {
    let mut start = 0;
    loop {
        let mut at = start;
        if let Some(quote) = dialect.quote.filter(|quote| record.get(at) == Some(quote)) {
            // The framing found the record whole, so the quote is closed.
            at = past_closing_quote(record, at + 1, quote, dialect.escape).unwrap_or(record.len());
        }
        match memchr(dialect.delimiter, &record[at..]) {
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
