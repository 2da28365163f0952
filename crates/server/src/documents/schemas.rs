//! The schemas of the wire types, gathered as operations name them.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::rest::SchemaOf;

/// Where a document keeps its schemas.
const PLACE: &str = "/components/schemas";

/// The schemas of one document. What is sent and what is taken differ: the server leaves out nothing that a reader may
/// count on, and a client may leave out what has a default.
pub(super) struct Schemas {
    sent: SchemaGenerator,
    taken: SchemaGenerator,
}

impl Schemas {
    /// Those of JSON Schema 2020-12, which OpenAPI 3.1 takes.
    pub(super) fn of_openapi() -> Self {
        Self::with(SchemaSettings::draft2020_12)
    }

    /// Those of JSON Schema draft 7, which AsyncAPI 3 takes without being told.
    pub(super) fn of_asyncapi() -> Self {
        Self::with(SchemaSettings::draft07)
    }

    fn with(settings: fn() -> SchemaSettings) -> Self {
        let placed = || {
            settings().with(|settings| {
                settings.definitions_path = PLACE.into();
                settings.meta_schema = None;
            })
        };
        Self { sent: placed().for_serialize().into_generator(), taken: placed().for_deserialize().into_generator() }
    }

    /// The schema of a type that the server sends.
    pub(super) fn sent(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.sent).to_value()
    }

    /// The schema of a type that the server takes.
    pub(super) fn taken(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.taken).to_value()
    }

    /// All that were named, by the name of their type.
    ///
    /// # Panics
    /// Where a type is sent and taken, and is not the same both times: it could not have one name. The test of the
    /// documents would say so.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        for (name, schema) in self.taken.take_definitions(true) {
            let other = all.insert(name.clone(), schema.clone());
            assert!(other.is_none_or(|other| other == schema), "{name} is sent and taken in two forms");
        }
        for schema in all.values_mut() {
            say_in_one_line(schema);
        }
        all
    }
}

/// A description reads as text: comments of code are broken where its lines end.
fn say_in_one_line(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if let Some(Value::String(text)) = keys.get_mut("description") {
                *text = text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
            }
            keys.values_mut().for_each(say_in_one_line);
        }
        Value::Array(items) => items.iter_mut().for_each(say_in_one_line),
        _ => {}
    }
}

/// The schema of settings as a change may give them: `null` at any key takes back what was changed.
pub(super) fn of_change(settings: Value) -> Value {
    let mut schema = with_nulls(settings);
    if let Some(keys) = schema.as_object_mut() {
        keys.remove("$schema");
        keys.insert("title".to_owned(), json!("A change of settings"));
        // A file may be empty; a body is an object.
        keys.insert("type".to_owned(), json!("object"));
    }
    schema
}

fn with_nulls(mut schema: Value) -> Value {
    let Some(keys) = schema.as_object_mut() else { return schema };
    for place in ["properties", "additionalProperties"] {
        match keys.get_mut(place) {
            Some(Value::Object(inner)) if place == "properties" => {
                for value in inner.values_mut() {
                    *value = or_null(with_nulls(value.take()));
                }
            }
            Some(inner @ Value::Object(_)) => *inner = or_null(with_nulls(inner.take())),
            _ => {}
        }
    }
    schema
}

fn or_null(schema: Value) -> Value {
    let has_null = schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
    if has_null { schema } else { json!({"anyOf": [schema, {"type": "null"}]}) }
}
