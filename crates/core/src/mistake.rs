//! A mistake in a file that a person wrote: where it is, what is wrong, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a text file. Both numbers start at 1; `column` counts characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The first character of a file: for mistakes about the file as a whole.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One mistake in a file or another text that a person wrote. A check collects all of them, so that a person mends them in one go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// Where the offending text begins.
    #[serde(flatten)]
    pub position: Position,
    /// The key's path from the top of the file, such as `schema.amount.min` or `transforms[1].sql`; empty for the file itself.
    pub key: String,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    /// `12:5: schema.amount: unknown type "int": use int64`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, key, message, remedy } = self;
        write!(f, "{}:{}: ", position.line, position.column)?;
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        write!(f, "{message}: {remedy}")
    }
}

/// What is wrong and what to do about it, said where the place in the file is not known.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) remedy: String,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: remedy.into() }
    }
}

/// Gathers the mistakes of one file.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    found: Vec<Mistake>,
    left_out: usize,
}

impl Mistakes {
    /// Mistakes that are reported for one file; nobody reads more, and a hostile file shall not fill the memory.
    const MAX: usize = 1_000;

    pub(crate) fn add(&mut self, mistake: Mistake) {
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        let Mistake { position, key, message, remedy } = mistake;
        self.found.push(Mistake { position, key, message: printable(message), remedy: printable(remedy) });
    }

    /// Whether another mistake is only counted, so that its words need no thought.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= Self::MAX
    }

    pub(crate) fn count(&self) -> usize {
        self.found.len() + self.left_out
    }

    /// What was made of the file, or else every mistake in the order of the file.
    pub(crate) fn finish<T>(mut self, made: Option<T>) -> Result<T, Vec<Mistake>> {
        match made {
            Some(made) if self.found.is_empty() => return Ok(made),
            _ => self.found.sort_by_key(|mistake| mistake.position),
        }
        if self.left_out > 0 {
            let position = self.found.last().map_or(Position::START, |mistake| mistake.position);
            let message = format!("there are {} more mistakes", self.left_out);
            self.found.push(Mistake { position, key: String::new(), message, remedy: "mend these first".to_owned() });
        }
        Err(self.found)
    }
}

/// `text` with its control characters escaped: a name from a file must not steer the terminal that shows it.
fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// A text from a file for a message: in quotes, with control characters escaped, and cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The candidate that a mistyped `word` most likely meant, if one is near enough to be worth a suggestion.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LEAST_SIMILARITY: f64 = 0.7;
    /// Comparing takes time in the square of the length, and nobody mistypes so long a word.
    const MAX_BYTES: usize = 100;
    // One letter is near to every word that has it.
    if word.len() < 2 || word.len() > MAX_BYTES {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_BYTES)
        .map(|candidate| (similarity(&word, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// From 0 to 1. Jaro-Winkler alone takes a letter that is missing in a short word for another word.
fn similarity(a: &str, b: &str) -> f64 {
    const OF_ONE_SLIP: f64 = 0.9;
    let is_one_slip = strsim::osa_distance(a, b) <= 1;
    let jaro_winkler = strsim::jaro_winkler(a, b);
    if is_one_slip { jaro_winkler.max(OF_ONE_SLIP) } else { jaro_winkler }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_one_that_was_likely_meant() {
        let keys = ["path", "delimiter", "quote", "header", "null", "extra_fields"];
        for (word, meant) in [
            ("pth", Some("path")),
            ("delimeter", Some("delimiter")),
            ("Delimiter", Some("delimiter")),
            ("qoute", Some("quote")),
            ("headers", Some("header")),
            ("extra", Some("extra_fields")),
            ("zzz", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, keys), meant, "{word}");
        }
        assert_eq!(nearest("dy", ["as_of", "day", "at"]), Some("day"));
        assert_eq!(nearest(&"path".repeat(100), keys), None);
    }

    #[test]
    fn a_mistake_reads_as_one_line() {
        let mistake = |key: &str| Mistake {
            position: Position { line: 12, column: 5 },
            key: key.to_owned(),
            message: "unknown type \"int\"".to_owned(),
            remedy: "write int64".to_owned(),
        };
        assert_eq!(mistake("schema.a").to_string(), "12:5: schema.a: unknown type \"int\": write int64");
        assert_eq!(mistake("").to_string(), "12:5: unknown type \"int\": write int64");
    }
}
