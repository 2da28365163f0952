//! What one source says: some of the keys, each with a checked value.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::channels;
use super::keys::{self, CHANNELS};
use super::value::Value;
use crate::mistake::{Mistake, Position};

/// What one source says: some of the keys, each with a value that is right for it. A channel is one value.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    values: BTreeMap<String, Given>,
}

/// A value with the place where it was given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) value: Value,
    /// Where it stands in its file.
    pub(super) position: Position,
    /// What its source calls it: the key's path, or the variable's name.
    pub(super) name: String,
}

impl Layer {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// This layer over `below`: what it says, and else what that one says.
    #[must_use]
    pub fn over(mut self, below: &Self) -> Self {
        for (path, given) in &below.values {
            self.values.entry(path.clone()).or_insert_with(|| given.clone());
        }
        self
    }

    /// A JSON object that [`super::read`] makes an equal layer of. It has the addresses of webhooks as they are: it is
    /// for the store, never for people.
    pub fn to_json(&self) -> String {
        let values = self.values.iter().map(|(path, given)| (path.as_str(), show(path, &given.value, false)));
        nested(values).to_string()
    }

    pub(super) fn get(&self, path: &str) -> Option<&Given> {
        self.values.get(path)
    }

    pub(super) fn insert(&mut self, path: String, given: Given) {
        self.values.insert(path, given);
    }

    /// Takes away what is said of `path` and all keys below it; gives their paths.
    pub(super) fn remove(&mut self, path: &str) -> Vec<String> {
        let is_below = |key: &str| key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let removed: Vec<String> = self.values.keys().filter(|key| is_below(key)).cloned().collect();
        removed.iter().for_each(|key| drop(self.values.remove(key)));
        removed
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(path, given)| (path.as_str(), &given.value))
    }

    /// The names of the channels that it has.
    pub(super) fn channels(&self) -> impl Iterator<Item = &str> {
        self.values.keys().filter_map(|path| channel_of(path))
    }
}

/// What was made of a text, as far as it is right, and every mistake in it.
#[derive(Debug, Clone)]
#[must_use]
pub struct Checked<T> {
    /// What is right. Where a key has a mistake, it is known that something was said of it, and no more.
    pub made: T,
    /// What is wrong, in the order of the places.
    pub mistakes: Vec<Mistake>,
}

impl<T> Checked<T> {
    /// What was made, where nothing is wrong.
    ///
    /// # Errors
    /// Every mistake; never an empty list.
    pub fn whole(self) -> Result<T, Vec<Mistake>> {
        if self.mistakes.is_empty() { Ok(self.made) } else { Err(self.mistakes) }
    }
}

/// The name of the channel that `path` leads to.
pub(super) fn channel_of(path: &str) -> Option<&str> {
    path.strip_prefix(CHANNELS)?.strip_prefix('.')
}

/// The value of the key `path` as a file would say it.
pub(super) fn show(path: &str, value: &Value, masked: bool) -> Json {
    match value {
        Value::Channel(channel) => channels::show(channel, masked),
        _ => keys::find(path).map_or(Json::Null, |key| key.show(value)),
    }
}

/// Values by their dotted path as nested objects.
fn nested<'a>(values: impl Iterator<Item = (&'a str, Json)>) -> Json {
    let mut root = Map::new();
    for (path, value) in values {
        let mut parts = path.split('.');
        let last = parts.next_back().unwrap_or_default();
        let parent = parts.try_fold(&mut root, |map, part| {
            map.entry(part).or_insert_with(|| Json::Object(Map::new())).as_object_mut()
        });
        if let Some(parent) = parent {
            parent.insert(last.to_owned(), value);
        }
    }
    Json::Object(root)
}
