//! Builds the tree from a YAML parser's events. What YAML has beyond JSON's data (anchors, aliases, tags, several
//! documents, keys that are no texts) is refused: a pipeline needs none of it, and an alias can blow up a small file.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::lines::Lines;
use super::{Content, Entry, Node, Scalar, child_key, item_key};
use crate::mistake::{Mistake, Position};
use crate::pipeline::caps;

/// Reads `text` as far as it is YAML. The tree is there unless a mistake made further reading useless; mistakes can
/// come with it.
pub(in crate::pipeline) fn read(text: &str) -> (Option<Node>, Vec<Mistake>) {
    if let Err(mistake) = check_bytes(text) {
        return (None, vec![mistake]);
    }
    // A byte order mark is no part of the text, and would shift the columns of the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { parser: Parser::new_from_str(text), lines: Lines::of(text), mistakes: Vec::new() };
    let root = reader.document().ok();
    (root, reader.mistakes)
}

/// The YAML parser takes a NUL for the end of the file, and would pass over what follows in silence.
fn check_bytes(text: &str) -> Result<(), Mistake> {
    let mistake = |position, message: String, remedy: &str| Mistake {
        position,
        key: String::new(),
        message,
        remedy: remedy.to_owned(),
    };
    if text.len() > caps::FILE_MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {} allowed", text.len(), caps::FILE_MAX_BYTES);
        return Err(mistake(Position::START, message, "split it, or keep long lists in a lookup file"));
    }
    if let Some(nul) = text.find('\0') {
        let line = text[..nul].matches('\n').count() + 1;
        let column = text[..nul].chars().rev().take_while(|c| *c != '\n').count() + 1;
        return Err(mistake(Position { line, column }, "the file holds a NUL character".to_owned(), "remove it"));
    }
    Ok(())
}

/// Reading cannot go on; the mistake is already recorded.
struct Stop;

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    lines: Lines<'a>,
    mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// The one document of the file.
    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            let (event, span) = self.next("")?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) => {}
                Event::StreamEnd => {
                    self.mistake(Position::START, "", "the file is empty", "start with name: and source:");
                    return Err(Stop);
                }
                event => {
                    let root = self.node(event, span, "", 0)?;
                    self.end()?;
                    return Ok(root);
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
                    let remedy = "remove the line --- and keep one pipeline in each file";
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
        if depth > caps::DEPTH_MAX {
            let message = format!("lists and maps are nested more than {} deep", caps::DEPTH_MAX);
            self.mistake(start, "", message, "a pipeline needs no such depth: look for brackets that are never closed");
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
        let mut entries = Vec::new();
        let mut first_lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, span) = self.next(parent)?;
            if event == Event::MappingEnd {
                return Ok(entries);
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
            if let Some(first) = first_lines.get(&name) {
                let message = format!("the key is there twice, first in line {first}");
                self.mistake(key_position, &key, message, "keep one of them");
                continue;
            }
            first_lines.insert(name.clone(), key_position.line);
            entries.push(Entry { key: name, key_position, value });
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
