//! Builds the tree from TOML.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::{Content, DEPTH_MAX, Entry, Node, Places, Read, Scalar, check_bytes};
use crate::mistake::{Mistake, Position};

/// What the parser says of a key that is there twice. It goes on with the first one.
const TWICE: &str = "duplicate key";

/// Reads `text` as far as it is TOML.
pub(crate) fn read(text: &str) -> Read {
    if let Err(mistake) = check_bytes(text) {
        return (None, vec![mistake]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let places = Places::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let is_usable = errors.iter().all(|error| error.message() == TWICE);
    let mut reader = Reader { places, mistakes: Vec::new() };
    for error in &errors {
        let position = error.span().map_or(Position::START, |span| reader.places.at(span.start));
        let (message, remedy) = explain(error.message());
        reader.mistake(position, message, remedy);
    }
    let root = if is_usable { reader.map(Position::START, table.into_inner(), 0) } else { None };
    (root, reader.mistakes)
}

struct Reader<'a> {
    places: Places<'a>,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    /// `None` after a mistake that made further reading useless.
    fn node(&mut self, value: Spanned<DeValue<'_>>, depth: usize) -> Option<Node> {
        let position = self.places.at(value.span().start);
        let plain = |text: String| Content::Scalar(Scalar::new(text, true, position));
        let content = match value.into_inner() {
            DeValue::String(text) => Content::Scalar(Scalar::new(text.into_owned(), false, position)),
            DeValue::Integer(number) => plain(number.to_string()),
            DeValue::Float(number) => plain(number.to_string()),
            DeValue::Boolean(is_true) => plain(is_true.to_string()),
            DeValue::Datetime(time) => plain(time.to_string()),
            DeValue::Array(items) => {
                self.check_depth(position, depth)?;
                let nodes = items.into_iter().map(|item| self.node(item, depth + 1));
                Content::List(nodes.collect::<Option<_>>()?)
            }
            DeValue::Table(table) => return self.map(position, table, depth),
        };
        Some(Node { position, content })
    }

    fn map(&mut self, position: Position, table: DeTable<'_>, depth: usize) -> Option<Node> {
        self.check_depth(position, depth)?;
        let mut members: Vec<(Spanned<DeString<'_>>, Spanned<DeValue<'_>>)> = table.into_iter().collect();
        members.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (Spanned<DeString<'_>>, Spanned<DeValue<'_>>)| {
            let key_position = self.places.at(key.span().start);
            Some(Entry { key: key.into_inner().into_owned(), key_position, value: self.node(value, depth + 1)? })
        };
        let entries = members.into_iter().map(entry).collect::<Option<_>>()?;
        Some(Node { position, content: Content::Map(entries) })
    }

    fn check_depth(&mut self, position: Position, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            let message = format!("lists and tables are nested more than {DEPTH_MAX} deep");
            self.mistake(position, message, "look for brackets that are never closed");
            return None;
        }
        Some(())
    }

    fn mistake(&mut self, position: Position, message: String, remedy: &str) {
        self.mistakes.push(Mistake { position, key: String::new(), message, remedy: remedy.to_owned() });
    }
}

fn explain(message: &str) -> (String, &'static str) {
    if message == TWICE {
        return ("the key is there twice".to_owned(), "keep one of them");
    }
    (format!("this is not TOML: {message}"), "check the quotes, brackets and equals signs here and in the line before")
}
