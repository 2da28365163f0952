//! One JSON object whose values stay text, so that no number loses a digit on its way to its column. The reader of those
//! records that `scan.rs` does not take, and the one that says what is wrong with them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use etlplus_core::BrokenRule;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::keys::Names;
use super::scan::{Field, Kind};
use crate::source::reject::{row_rule, shown_value};

/// The fields of an object in the order of the text, repeated names included.
pub(crate) struct Object<'a> {
    pub(crate) fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// Reads one object; the error says what is wrong and at which character.
pub(crate) fn parse_object(text: &str) -> Result<Object<'_>, String> {
    serde_json::from_str(text).map_err(|error| {
        // Records have one line, so the line that the library counts says nothing.
        let message = error.to_string();
        let reason = message.split(" at line ").next().unwrap_or(&message);
        format!("is not one JSON object: {reason}, at column {}", error.column())
    })
}

/// Finds the fields of the record `data[range]`, which is UTF-8, or says what is wrong with it.
pub(super) fn find_fields(
    data: &[u8],
    range: Range<usize>,
    names: &Names,
    fields: &mut [Field],
) -> Result<(), Vec<BrokenRule>> {
    let start = range.start;
    let text =
        str::from_utf8(&data[range]).map_err(|_| vec![row_rule("utf8", "has bytes that are not UTF-8".to_owned())])?;
    let object = parse_object(text).map_err(|error| vec![row_rule("json", error)])?;
    let mut broken = Vec::new();
    let rule = |name: &str, rule: &str, value: &str, message: &str| BrokenRule {
        field: Some(shown_value(name.as_bytes())),
        rule: rule.to_owned(),
        value: Some(shown_value(value.as_bytes())),
        message: message.to_owned(),
    };
    for (name, value) in &object.fields {
        let json = value.get();
        match names.position(name.as_bytes()) {
            Some(column) if fields[column] != Field::ABSENT => {
                broken.push(rule(name, "duplicate_field", json, "is given twice in one object"));
            }
            Some(column) => {
                let at = start + json.as_ptr() as usize - text.as_ptr() as usize;
                fields[column] = Field::new(at..at + json.len(), kind_of(json));
            }
            None if !names.takes_extra_fields() => {
                broken.push(rule(name, "extra_field", json, "is not declared in the schema"));
            }
            None => {}
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

fn kind_of(json: &str) -> Kind {
    match json.as_bytes() {
        [b'"', text @ ..] if text.contains(&b'\\') => Kind::Escaped,
        [b'"', ..] => Kind::Text,
        [b'-' | b'0'..=b'9', ..] => Kind::Number,
        _ => Kind::Other,
    }
}

/// A name that borrows from the text unless it holds an escape.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Object { fields })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}
