//! Builds the tree from JSON, strictly: no comments, no commas at ends. The parser finds the pieces of each list and map
//! in the text itself, so that where a piece stands is where it points to.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Content, DEPTH_MAX, Entries, Entry, Node, Places, Read, Scalar, check_bytes, child_key, item_key};
use crate::mistake::{Mistake, Position};

/// Reads `text` as far as it is JSON.
pub(crate) fn read(text: &str) -> Read {
    if let Err(mistake) = check_bytes(text) {
        return (None, vec![mistake]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return (None, Vec::new());
    }
    let mut reader = Reader { places: Places::of(text), mistakes: Vec::new() };
    let root = match serde_json::from_str::<&RawValue>(text) {
        Ok(whole) => reader.node(whole.get(), "", 0).ok(),
        Err(error) => {
            let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
            let position = reader.places.at(before + error.column().saturating_sub(1));
            reader.mistake(position, "", format!("this is not JSON: {}", words(&error)), remedy(&error));
            None
        }
    };
    (root, reader.mistakes)
}

/// Reading cannot go on; the mistake is already recorded.
struct Stop;

struct Reader<'a> {
    places: Places<'a>,
    mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// The node of `text`, which is one whole value.
    fn node(&mut self, text: &'a str, key: &str, depth: usize) -> Result<Node, Stop> {
        let position = self.places.of_part(text);
        if depth > DEPTH_MAX {
            let message = format!("lists and maps are nested more than {DEPTH_MAX} deep");
            self.mistake(position, "", message, "look for brackets that are never closed");
            return Err(Stop);
        }
        let content = match text.as_bytes().first() {
            Some(b'{') => self.map(text, position, key, depth)?,
            Some(b'[') => self.list(text, position, key, depth)?,
            Some(b'"') => match self.string(text, position, key) {
                Some(string) => Content::Scalar(Scalar::new(string, false, position)),
                None => Content::Broken,
            },
            _ => Content::Scalar(Scalar::new(text.to_owned(), true, position)),
        };
        Ok(Node { position, content })
    }

    fn map(&mut self, text: &'a str, position: Position, parent: &str, depth: usize) -> Result<Content, Stop> {
        let Some(members) = self.parse::<Members<'a>>(text, position, parent) else { return Ok(Content::Broken) };
        let mut entries = Entries::default();
        for (name, value) in members.0 {
            let key_position = self.places.of_part(name.get());
            let Some(name) = self.string(name.get(), key_position, parent) else { continue };
            let key = child_key(parent, &name);
            let value = self.node(value.get(), &key, depth + 1)?;
            let added = entries.add(Entry { key: name, key_position, value }, &key);
            self.mistakes.extend(added.err());
        }
        Ok(Content::Map(entries.entries))
    }

    fn list(&mut self, text: &'a str, position: Position, key: &str, depth: usize) -> Result<Content, Stop> {
        let Some(items) = self.parse::<Vec<&'a RawValue>>(text, position, key) else { return Ok(Content::Broken) };
        let node = |(index, item): (usize, &'a RawValue)| self.node(item.get(), &item_key(key, index), depth + 1);
        Ok(Content::List(items.into_iter().enumerate().map(node).collect::<Result<_, _>>()?))
    }

    fn string(&mut self, text: &'a str, position: Position, key: &str) -> Option<String> {
        self.parse(text, position, key)
    }

    /// Parses a piece of a text that is JSON as a whole; what can still be wrong are escapes inside strings.
    fn parse<T: Deserialize<'a>>(&mut self, text: &'a str, position: Position, key: &str) -> Option<T> {
        let parsed = serde_json::from_str(text);
        if let Err(error) = &parsed {
            let remedy = "write the character itself, or a whole escape such as \\u00e9";
            self.mistake(position, key, format!("this is not JSON: {}", words(error)), remedy);
        }
        parsed.ok()
    }

    fn mistake(&mut self, position: Position, key: &str, message: String, remedy: &str) {
        self.mistakes.push(Mistake { position, key: key.to_owned(), message, remedy: remedy.to_owned() });
    }
}

/// The keys and values of a map as they stand in the text.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// What the parser says, without its own account of the place.
fn words(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.rsplit_once(" at line ").map_or(words.clone(), |(words, _)| words.to_owned())
}

fn remedy(error: &serde_json::Error) -> &'static str {
    let words = error.to_string();
    if error.is_eof() {
        "close every {, [ and \""
    } else if words.contains("trailing comma") {
        "remove the comma before the bracket"
    } else if words.contains("trailing characters") {
        "keep one value in the file"
    } else if words.contains("key must be a string") {
        "put double quotes around the key, or remove the comma before the bracket"
    } else {
        "check the commas, colons and double quotes here and in the line before"
    }
}
