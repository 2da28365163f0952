//! A file as a tree in which every node knows its place, so that a checker can point at what it means. YAML, JSON and
//! TOML all become the same tree.
//!
//! Scalars keep their text as written: a decimal `0.10` never passes through a float, and `NO` stays `NO`.

mod json;
mod lines;
mod places;
mod toml;
mod yaml;

use std::collections::HashMap;

use crate::mistake::{Mistake, Position};

use places::Places;

pub(crate) use json::read as read_json;
pub(crate) use toml::read as read_toml;
pub(crate) use yaml::read as read_yaml;

/// Bytes of a file. The cap is far above what people write by hand, and low enough that a hostile file costs little.
const FILE_MAX_BYTES: usize = 1 << 20;
/// Lists and maps inside one another.
const DEPTH_MAX: usize = 32;

/// What a reader gives. The tree is there unless the file is empty, or a mistake made further reading useless; mistakes
/// can come with it.
pub(crate) type Read = (Option<Node>, Vec<Mistake>);

/// Refuses a file that is too long, and NUL characters, which some parsers take for the end of the file, so that they
/// would pass over what follows in silence.
fn check_bytes(text: &str) -> Result<(), Mistake> {
    let mistake = |position, message: String, remedy: &str| Mistake {
        position,
        key: String::new(),
        message,
        remedy: remedy.to_owned(),
    };
    if text.len() > FILE_MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {FILE_MAX_BYTES} allowed", text.len());
        return Err(mistake(Position::START, message, "keep long lists in files of their own"));
    }
    match text.find('\0') {
        Some(nul) => Err(mistake(Places::of(text).at(nul), "the file holds a NUL character".to_owned(), "remove it")),
        None => Ok(()),
    }
}

/// A value in the file.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) position: Position,
    /// What it is.
    pub(crate) content: Content,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Content {
    /// A single value.
    Scalar(Scalar),
    /// Nodes in order.
    List(Vec<Node>),
    /// Nodes by key, in the file's order; no key twice.
    Map(Vec<Entry>),
    /// Something that the reader has already named as a mistake, so that nobody has to complain again.
    Broken,
}

/// One key of a map with its value.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The key as text.
    pub(crate) key: String,
    /// Where the key begins.
    pub(crate) key_position: Position,
    /// Its value.
    pub(crate) value: Node,
}

/// Gathers the entries of a map.
#[derive(Default)]
struct Entries {
    entries: Vec<Entry>,
    first_lines: HashMap<String, usize>,
}

impl Entries {
    /// Adds an entry, unless its key is there already. `path` is the key's path from the top of the file.
    fn add(&mut self, entry: Entry, path: &str) -> Result<(), Mistake> {
        if let Some(first) = self.first_lines.get(&entry.key) {
            let message = format!("the key is there twice, first in line {first}");
            let (key, remedy) = (path.to_owned(), "keep one of them".to_owned());
            return Err(Mistake { position: entry.key_position, key, message, remedy });
        }
        self.first_lines.insert(entry.key.clone(), entry.key_position.line);
        self.entries.push(entry);
        Ok(())
    }
}

/// A single value as written.
#[derive(Debug)]
pub(crate) struct Scalar {
    /// Its text, without quotes and escapes.
    pub(crate) text: String,
    /// Whether it stands without quotes and is no block.
    pub(crate) is_plain: bool,
    /// Where each line of the text begins in the file; never empty. Only literal blocks (`|`) have more than one.
    pub(crate) lines: Vec<Position>,
    /// Whether the text is one line that stands in the file character by character.
    is_verbatim: bool,
}

impl Scalar {
    /// A value that begins at `start` and whose characters are not looked up one by one.
    pub(crate) fn new(text: String, is_plain: bool, start: Position) -> Self {
        Self { text, is_plain, lines: vec![start], is_verbatim: false }
    }

    /// Where the character at `offset` of the text stands in the file, or where the text begins if that cannot be told.
    pub(crate) fn place(&self, offset: usize) -> Position {
        let Position { line, column } = self.lines.first().copied().unwrap_or(Position::START);
        Position { line, column: if self.is_verbatim { column + offset } else { column } }
    }

    /// Whether there is no text at all, as after `key:` with nothing behind it.
    pub(crate) fn is_absent(&self) -> bool {
        self.is_plain && self.text.is_empty()
    }
}

/// The path of `key` inside of `parent`: `schema.amount`, with quotes around a key that could be misread.
pub(crate) fn child_key(parent: &str, key: &str) -> String {
    const SHOWN_CHARS: usize = 100;
    let is_simple = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let shown: String = key.chars().take(SHOWN_CHARS).collect();
    let shown = if !shown.is_empty() && shown.chars().all(is_simple) { shown } else { format!("{shown:?}") };
    if parent.is_empty() { shown } else { format!("{parent}.{shown}") }
}

/// The path of the item at `index` of the list `parent`.
pub(crate) fn item_key(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
}
