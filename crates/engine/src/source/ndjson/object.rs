//! One JSON object whose values stay text, so that no number loses a digit on its way to its column.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

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
