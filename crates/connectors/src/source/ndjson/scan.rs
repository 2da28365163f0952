//! One pass over a record: where its fields stand, if it is one JSON object without a fault (RFC 8259).
//!
//! The pass knows no faults. What it does not take, the slower reader in `object.rs` reads once more, and says what is wrong.

use std::ops::Range;

use super::keys::{Keys, Quoted};

/// The byte 1 in each place of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of each byte of a word.
const HIGH_BITS: u64 = ONES << 7;

/// What a value is, as far as its first pass tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string whose text is what stands between its quotes.
    Text,
    /// A string with an escape.
    Escaped,
    Number,
    /// `true`, `false`, `null`, an object or an array.
    Other,
}

/// Where the value of a field stands in its block, and what it is: whoever makes a column of it need not wait for its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Its first byte, and a bit of its kind. A block is far smaller than 2 GiB.
    start: u32,
    /// Past its last byte, and the other bit.
    end: u32,
}

impl Field {
    /// The object lacks the field. No value ends where a block begins.
    pub(super) const ABSENT: Self = Self { start: 0, end: 0 };
    const BIT: u32 = 1 << 31;

    pub(super) fn new(range: Range<usize>, kind: Kind) -> Self {
        let (first, second) = match kind {
            Kind::Other => (0, 0),
            Kind::Text => (Self::BIT, 0),
            Kind::Number => (0, Self::BIT),
            Kind::Escaped => (Self::BIT, Self::BIT),
        };
        Self { start: range.start as u32 | first, end: range.end as u32 | second }
    }

    /// The bytes of the value in its block; `None` where the object lacks it.
    #[inline]
    pub(super) fn range(self) -> Option<Range<usize>> {
        let bytes = (self.start & !Self::BIT) as usize..(self.end & !Self::BIT) as usize;
        (bytes.end != 0).then_some(bytes)
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        match (self.start & Self::BIT != 0, self.end & Self::BIT != 0) {
            (false, false) => Kind::Other,
            (true, false) => Kind::Text,
            (false, true) => Kind::Number,
            (true, true) => Kind::Escaped,
        }
    }
}

/// Finds the fields of the record `data[start..]`, which is UTF-8. `None` where it is not one object, or gives a field twice,
/// or one that `keys` do not take, or is nested more than 63 levels deep.
pub(super) fn scan(data: &[u8], start: usize, keys: &mut Keys<'_>, fields: &mut [Field]) -> Option<()> {
    let mut scanner = Scanner { data, at: start };
    scanner.object(keys, fields)?;
    scanner.blanks();
    (scanner.at == data.len()).then_some(())
}

/// A place in the text.
pub(super) struct Scanner<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn object(&mut self, keys: &mut Keys<'_>, fields: &mut [Field]) -> Option<()> {
        self.blanks();
        self.expect(b'{')?;
        self.blanks();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        keys.start();
        loop {
            let column = keys.read(self)?;
            self.colon()?;
            let start = self.at;
            let kind = self.value()?;
            if let Some(column) = column {
                let field = &mut fields[column];
                if *field != Field::ABSENT {
                    return None;
                }
                *field = Field::new(start..self.at, kind);
            }
            self.blanks();
            match self.next()? {
                b',' => self.blanks(),
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Passes over a value, and says what it is.
    #[inline]
    fn value(&mut self) -> Option<Kind> {
        match self.peek()? {
            b'"' => return self.string().map(|has_escape| if has_escape { Kind::Escaped } else { Kind::Text }),
            b'{' | b'[' => self.nested()?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => return self.number().map(|()| Kind::Number),
        }
        Some(Kind::Other)
    }

    /// Passes over an object or an array and all that is in it.
    fn nested(&mut self) -> Option<()> {
        // One bit for each that is open, set for an object, above them a bit that marks the outermost.
        let mut open = 1_u64;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                bracket @ (b'{' | b'[') => {
                    if open.leading_zeros() == 0 {
                        return None;
                    }
                    self.at += 1;
                    self.blanks();
                    let is_object = bracket == b'{';
                    open = open << 1 | u64::from(is_object);
                    let is_empty = self.peek()? == if is_object { b'}' } else { b']' };
                    if !is_empty {
                        if is_object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.plain()?,
            }
            self.close(&mut open)?;
            if open == 1 {
                return Some(());
            }
        }
    }

    /// Passes over what closes behind a value, up to the next value.
    fn close(&mut self, open: &mut u64) -> Option<()> {
        loop {
            self.blanks();
            let is_object = *open & 1 == 1;
            match self.next()? {
                b',' => {
                    self.blanks();
                    return if is_object { self.key() } else { Some(()) };
                }
                b'}' if is_object => *open >>= 1,
                b']' if !is_object => *open >>= 1,
                _ => return None,
            }
            if *open == 1 {
                return Some(());
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.string()?;
        self.colon()
    }

    /// A number, `true`, `false` or `null`.
    fn plain(&mut self) -> Option<()> {
        match self.peek()? {
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.data[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.next()? {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Some(())
    }

    fn some_digits(&mut self) -> Option<()> {
        self.next().filter(u8::is_ascii_digit)?;
        self.digits();
        Some(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// Passes over a string; whether it has an escape.
    pub(super) fn string(&mut self) -> Option<bool> {
        self.expect(b'"')?;
        let mut has_escape = false;
        loop {
            self.ordinary();
            match self.next()? {
                b'"' => return Some(has_escape),
                b'\\' => {
                    has_escape = true;
                    self.escape()?;
                }
                // A control character, which a string has only escaped.
                _ => return None,
            }
        }
    }

    /// Passes over the bytes up to a quote, a backslash or a control character, eight at a time.
    #[inline]
    fn ordinary(&mut self) {
        let (words, _) = self.data[self.at..].as_chunks::<8>();
        for word in words {
            let word = u64::from_le_bytes(*word);
            let has = |byte: u8| {
                let rest = word ^ (ONES * u64::from(byte));
                rest.wrapping_sub(ONES) & !rest
            };
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            // The lowest bit is that of the first such byte; bits above it may be false.
            let special = (has(b'"') | has(b'\\') | control) & HIGH_BITS;
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
    }

    /// What follows a backslash. A lone half of a surrogate pair is one by the grammar, and whoever wants its text is told.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.data.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn colon(&mut self) -> Option<()> {
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        Some(())
    }

    /// Whether the text goes on with this key; then passes over it.
    #[inline]
    pub(super) fn take(&mut self, key: &Quoted) -> bool {
        let is_there = key.begins(&self.data[self.at..]);
        if is_there {
            self.at += key.len();
        }
        is_there
    }

    /// Passes over a string and returns it with its quotes, and whether it has an escape.
    pub(super) fn quoted(&mut self) -> Option<(&'a [u8], bool)> {
        let start = self.at;
        let has_escape = self.string()?;
        Some((&self.data[start..self.at], has_escape))
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn expect(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then_some(())
    }
}
