//! A YAML file as a tree in which every node knows its place, so that the checker can point at what it means.
//!
//! Scalars keep their text as written: a decimal `0.10` never passes through a float, and `NO` stays `NO`.

mod lines;
mod reader;

use crate::mistake::Position;

pub(super) use reader::read;

/// A value in the file.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) position: Position,
    /// What it is.
    pub(super) content: Content,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Content {
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
pub(super) struct Entry {
    /// The key as text.
    pub(super) key: String,
    /// Where the key begins.
    pub(super) key_position: Position,
    /// Its value.
    pub(super) value: Node,
}

/// A single value as written.
#[derive(Debug)]
pub(super) struct Scalar {
    /// Its text, without quotes and escapes.
    pub(super) text: String,
    /// Whether it stands without quotes and is no block.
    pub(super) is_plain: bool,
    /// Where each line of the text begins in the file; never empty. Only literal blocks (`|`) have more than one.
    pub(super) lines: Vec<Position>,
    /// Whether the text is one line that stands in the file character by character.
    is_verbatim: bool,
}

impl Scalar {
    /// Where the character at `offset` of the text stands in the file, or where the text begins if that cannot be told.
    pub(super) fn place(&self, offset: usize) -> Position {
        let Position { line, column } = self.lines.first().copied().unwrap_or(Position::START);
        Position { line, column: if self.is_verbatim { column + offset } else { column } }
    }

    /// Whether there is no text at all, as after `key:` with nothing behind it.
    pub(super) fn is_absent(&self) -> bool {
        self.is_plain && self.text.is_empty()
    }
}

/// The path of `key` inside of `parent`: `schema.amount`, with quotes around a key that could be misread.
pub(super) fn child_key(parent: &str, key: &str) -> String {
    const SHOWN_CHARS: usize = 100;
    let is_simple = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let shown: String = key.chars().take(SHOWN_CHARS).collect();
    let shown = if !shown.is_empty() && shown.chars().all(is_simple) { shown } else { format!("{shown:?}") };
    if parent.is_empty() { shown } else { format!("{parent}.{shown}") }
}

/// The path of the item at `index` of the list `parent`.
pub(super) fn item_key(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
}
