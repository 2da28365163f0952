//! Builds the tree from a YAML parser's events. What YAML has beyond JSON's data (anchors, aliases, tags, several
//! documents, keys that are no texts) is refused: no file here needs any of it, and an alias can blow up a small file.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::lines::Lines;
use super::{Content, DEPTH_MAX, Entries, Entry, Node, Read, Scalar, check_bytes, child_key, item_key};
use crate::mistake::{Mistake, Position};

/// Reads `text` as far as it is YAML.
pub(crate) fn read(text: &str) -> Read {
    if let Err(mistake) = check_bytes(text) {
        return (None, vec![mistake]);
    }
    // A byte order mark is no part of the text, and would shift the columns of the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { parser: Parser::new_from_str(text), lines: Lines::of(text), mistakes: Vec::new() };
    let root = reader.document().unwrap_or(None);
    (root, reader.mistakes)
}

/// Reading cannot go on; the mistake is already recorded.
struct Stop;

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    lines: Lines<'a>,
    mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// The one document of the file, if it has any.
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        loop {
            let (event, span) = self.next("")?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) => {}
                Event::StreamEnd => return Ok(None),
                event => {
                    let root = self.node(event, span, "", 0)?;
                    self.end()?;
                    return Ok(Some(root));
                }
            }
        }
    }

    /// What follows the document: nothing.
    fn end(&mut self) -> Result<(), Stop> {
        loop {
            let (event, span) = self.next("")?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(_) => {
                    let remedy = "remove the line --- and keep one document in each file";
                    self.mistake(position(span.start), "", "a second document begins", remedy);
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn next(&mut self, key: &str) -> Result<(Event<'a>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                let (message, remedy) = explain(&error);
                self.mistake(position(*error.marker()), key, message, remedy);
                Err(Stop)
            }
            None => Err(Stop),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, key: &str, depth: usize) -> Result<Node, Stop> {
        let start = position(span.start);
        if depth > DEPTH_MAX {
            let message = format!("lists and maps are nested more than {} deep", DEPTH_MAX);
            self.mistake(start, "", message, "look for brackets that are never closed");
            return Err(Stop);
        }
        let content = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(start, key, anchor, tag.as_deref());
                Content::Scalar(self.scalar(&text, style, start))
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(start, key, anchor, tag.as_deref());
                Content::List(self.items(key, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(start, key, anchor, tag.as_deref());
                Content::Map(self.entries(key, depth)?)
            }
            _ => {
                let remedy = "write the value itself, or put quotes around a text that begins with *";
                self.mistake(start, key, "aliases (*name) are not supported", remedy);
                Content::Broken
            }
        };
        Ok(Node { position: start, content })
    }

    fn items(&mut self, key: &str, depth: usize) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next(key)?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, span, &item_key(key, items.len()), depth + 1)?);
        }
    }

    fn entries(&mut self, parent: &str, depth: usize) -> Result<Vec<Entry>, Stop> {
        let mut entries = Entries::default();
        loop {
            let (event, span) = self.next(parent)?;
            if event == Event::MappingEnd {
                return Ok(entries.entries);
            }
            let Node { position: key_position, content } = self.node(event, span, parent, depth + 1)?;
            let name = match content {
                Content::Scalar(scalar) => Some(scalar.text),
                Content::Broken => None,
                Content::List(_) | Content::Map(_) => {
                    let remedy = "write a word as the key, and put quotes around a text that begins with { or [";
                    self.mistake(key_position, parent, "a key is a list or a map", remedy);
                    None
                }
            };
            let key = name.as_deref().map_or_else(|| parent.to_owned(), |name| child_key(parent, name));
            let (event, span) = self.next(&key)?;
            let value = self.node(event, span, &key, depth + 1)?;
            let Some(name) = name else { continue };
            let added = entries.add(Entry { key: name, key_position, value }, &key);
            self.mistakes.extend(added.err());
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, start: Position) -> Scalar {
        let inside_quotes = Position { line: start.line, column: start.column + 1 };
        let lines = match style {
            ScalarStyle::Plain | ScalarStyle::Folded => vec![start],
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => vec![inside_quotes],
            ScalarStyle::Literal => self.lines.of_literal_block(text, start),
        };
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let is_verbatim = !is_block && self.lines.rest(lines[0]).starts_with(text);
        Scalar { text: text.to_string(), is_plain: style == ScalarStyle::Plain, lines, is_verbatim }
    }

    fn refuse_extras(&mut self, start: Position, key: &str, anchor: usize, tag: Option<&Tag>) {
        if anchor != 0 {
            let remedy = "write the value where it is needed, or put quotes around a text that begins with &";
            self.mistake(start, key, "anchors (&name) are not supported", remedy);
        }
        if tag.is_some() {
            let remedy = "remove it, or put quotes around a text that begins with !";
            self.mistake(start, key, "tags (!name) are not supported", remedy);
        }
    }

    fn mistake(&mut self, position: Position, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let (key, message, remedy) = (key.to_owned(), message.into(), remedy.into());
        self.mistakes.push(Mistake { position, key, message, remedy });
    }
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

/// The YAML parser's words, with what helps in the cases that people meet.
fn explain(error: &ScanError) -> (String, &'static str) {
    let info = error.info();
    let remedy = if info.contains("tab") {
        "indent with spaces"
    } else if info.contains("mapping values") || info.contains("simple key") {
        "check the indentation, and put quotes around a text that holds \": \""
    } else if info.contains("block scalar") {
        "put quotes around a text that begins with > or |"
    } else if info.contains("flow") || info.contains("','") {
        "close every [ and {, and put quotes around texts that hold brackets or commas"
    } else if info.contains("quoted") {
        "close the quotes"
    } else {
        "check the indentation and the quotes here and in the line before"
    };
    (format!("this is not YAML: {info}"), remedy)
}
