//! Reads a file of settings, or a change of some of them.

use super::channels;
use super::keys::{self, CHANNELS};
use super::kind::Kind;
use super::layer::{Checked, Given, Layer, show};
use super::value::Value;
use crate::mistake::{Fault, Mistake, Mistakes, Position, nearest, quoted};
use crate::tree::{self, Content, Entry, Node, child_key, item_key};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
    /// TOML 1.0.
    Toml,
}

impl Format {
    /// The format of a file with this extension (`yaml`, `yml`, `json`, `toml`), in any case.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

/// Reads a file of settings. An empty one says nothing.
pub fn read(text: &str, format: Format) -> Checked<Layer> {
    let (root, mistakes) = match format {
        Format::Yaml => tree::read_yaml(text),
        Format::Json => tree::read_json(text),
        Format::Toml => tree::read_toml(text),
    };
    let mut reader = Reader::new(mistakes);
    match root {
        Some(root) => reader.section("", &root),
        // Whatever the file says, nobody knows.
        None if reader.is_broken() => {
            keys::KEYS.iter().for_each(|key| reader.give(key.path, Position::START, Value::Wrong))
        }
        None => {}
    }
    reader.finish()
}

/// What a change makes of the layer of changes.
#[derive(Debug, Clone)]
pub struct Change {
    /// The layer with the change.
    pub layer: Layer,
    /// The keys that are not as they were, each with what it was set to; `None` where its earlier origin holds again.
    /// Secrets are masked.
    pub keys: Vec<(String, Option<String>)>,
}

impl Layer {
    /// Lays `change` over this layer: a JSON object with some of the keys. `null` takes away what this layer says of a
    /// key, a section or a channel.
    pub fn changed_by(&self, change: &str) -> Checked<Change> {
        let (root, mistakes) = tree::read_json(change);
        let mut reader = Reader { is_change: true, ..Reader::new(mistakes) };
        match &root {
            Some(root) => reader.section("", root),
            None if !reader.is_broken() => {
                let fault = Fault::new("the change is empty", "send a JSON object with the keys to change");
                reader.fault(Position::START, "", fault);
            }
            None => {}
        }
        let taken = std::mem::take(&mut reader.taken);
        let Checked { made: given, mistakes } = reader.finish();
        let mut below = self.clone();
        let removed = taken.iter().flat_map(|path| below.remove(path)).map(|key| (key, None)).collect::<Vec<_>>();
        let said = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        let is_new = |(path, value): &(&str, &Value)| self.get(path).is_none_or(|said| said.value != **value);
        let set =
            given.values().filter(is_new).map(|(path, value)| (path.to_owned(), Some(said(show(path, value, true)))));
        let keys = set.chain(removed).collect();
        Checked { made: Change { layer: given.over(&below), keys }, mistakes }
    }
}

/// Walks a tree of settings.
pub(super) struct Reader {
    mistakes: Mistakes,
    layer: Layer,
    /// The paths whose values are taken away.
    taken: Vec<String>,
    is_change: bool,
    /// Whether keys are called by their environment variables.
    names_variables: bool,
}

impl Reader {
    /// A reader that begins with the mistakes of the text's reader.
    pub(super) fn new(mistakes: Vec<Mistake>) -> Self {
        let mut found = Mistakes::default();
        mistakes.into_iter().for_each(|mistake| found.add(mistake));
        Self { mistakes: found, layer: Layer::default(), taken: Vec::new(), is_change: false, names_variables: false }
    }

    /// A reader that calls keys by their environment variables.
    pub(super) fn of_variables() -> Self {
        Self { names_variables: true, ..Self::new(Vec::new()) }
    }

    /// What was given, and every mistake.
    pub(super) fn finish(self) -> Checked<Layer> {
        Checked { made: self.layer, mistakes: self.mistakes.finish(Some(())).err().unwrap_or_default() }
    }

    fn is_broken(&self) -> bool {
        self.mistakes.count() > 0
    }

    /// Names a mistake of the key `path`.
    pub(super) fn fault(&mut self, position: Position, path: &str, fault: Fault) {
        self.fault_of(position, self.name(path), fault);
    }

    /// Names a mistake of what its source calls `key`.
    pub(super) fn fault_of(&mut self, position: Position, key: String, fault: Fault) {
        self.mistakes.add(Mistake { position, key, message: fault.message, remedy: fault.remedy });
    }

    /// What the source calls the key `path`.
    fn name(&self, path: &str) -> String {
        if self.names_variables { keys::variable(path) } else { path.to_owned() }
    }

    /// Keeps the value of a key.
    pub(super) fn give(&mut self, path: &str, position: Position, value: Value) {
        let name = self.name(path);
        self.layer.insert(path.to_owned(), Given { value, position, name });
    }

    /// The section `path`, or the whole where that is empty.
    fn section(&mut self, path: &str, node: &Node) {
        match &node.content {
            Content::Map(entries) => entries.iter().for_each(|entry| self.entry(path, entry)),
            // A section of which everything is commented out says nothing.
            Content::Scalar(scalar) if scalar.is_absent() || (is_null(node) && !self.is_change) => {}
            _ => {
                let known = keys::children(path).join(", ");
                self.wrong_kind(path, node, "a map", &format!("a map with {known}"));
            }
        }
    }

    fn entry(&mut self, parent: &str, entry: &Entry) {
        let path = child_key(parent, &entry.key);
        let is_known = keys::children(parent).contains(&entry.key.as_str());
        if !is_known {
            let fault = self.unknown(parent, &entry.key);
            self.fault(entry.key_position, &path, fault);
        } else if self.is_change && is_null(&entry.value) {
            self.taken.push(path);
        } else if path == CHANNELS {
            self.channels(&entry.value);
        } else if let Some(key) = keys::find(&path) {
            let value = self.value(&path, key.kind, key.absent, &entry.value).unwrap_or(Value::Wrong);
            self.give(&path, entry.value.position, value);
        } else {
            self.section(&path, &entry.value);
        }
    }

    fn channels(&mut self, node: &Node) {
        let entries = match &node.content {
            Content::Map(entries) => entries,
            Content::Scalar(scalar) if scalar.is_absent() || is_null(node) => return,
            _ => return self.wrong_kind(CHANNELS, node, "a map", "a map of names, each with a channel"),
        };
        for entry in entries {
            let path = child_key(CHANNELS, &entry.key);
            if let Err(fault) = channels::check_name(&entry.key) {
                self.fault(entry.key_position, &path, fault);
            } else if self.is_change && is_null(&entry.value) {
                self.taken.push(path);
            } else {
                self.channel(&path, entry.key_position, &entry.value);
            }
        }
    }

    /// The channel `path`, whose key is at `position`.
    pub(super) fn channel(&mut self, path: &str, position: Position, node: &Node) {
        let value = channels::read(self, path, position, node).map_or(Value::Wrong, Value::Channel);
        self.give(path, node.position, value);
    }

    /// The value that `node` gives the key `path`; `absent` is the key's word for nothing.
    pub(super) fn value(&mut self, path: &str, kind: Kind, absent: Option<&str>, node: &Node) -> Option<Value> {
        if let (Kind::List { of, most }, Content::List(items)) = (kind, &node.content) {
            return self.list(path, node.position, *of, most, items);
        }
        let wanted = if matches!(kind, Kind::List { .. }) { "a list" } else { "a single value" };
        let example = example(kind, absent);
        let Content::Scalar(scalar) = &node.content else {
            self.wrong_kind(path, node, wanted, &example);
            return None;
        };
        if scalar.is_absent() || is_null(node) || wanted == "a list" {
            self.wrong_kind(path, node, wanted, &example);
            return None;
        }
        if absent == Some(scalar.text.as_str()) {
            return Some(Value::Absent);
        }
        if kind.is_text() && scalar.is_plain && is_other_kind(&scalar.text) {
            let message = format!("{} is no text", quoted(&scalar.text));
            self.fault(node.position, path, Fault::new(message, format!("put quotes around it, or write {example}")));
            return None;
        }
        let parsed = kind.parse(&scalar.text, scalar.is_plain);
        parsed
            .map_err(|mut fault| {
                if let Some(word) = absent {
                    fault.remedy = format!("{}, or {word}", fault.remedy);
                }
                self.fault(node.position, path, fault);
            })
            .ok()
    }

    fn list(&mut self, path: &str, position: Position, of: Kind, most: usize, items: &[Node]) -> Option<Value> {
        if items.len() > most {
            let fault =
                Fault::new(format!("has {} items, more than the {most} allowed", items.len()), "leave some out");
            self.fault(position, path, fault);
            return None;
        }
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(Value::Text(text)) = self.value(&item_key(path, index), of, None, item) {
                texts.push(text);
            }
        }
        (texts.len() == items.len()).then_some(Value::List(texts))
    }

    /// Names a node that is not what belongs there.
    pub(super) fn wrong_kind(&mut self, path: &str, node: &Node, wanted: &str, example: &str) {
        let found = match &node.content {
            Content::Scalar(scalar) if scalar.is_absent() || is_null(node) => "has no value".to_owned(),
            Content::Scalar(_) => format!("is a single value where {wanted} belongs"),
            Content::List(_) => format!("is a list where {wanted} belongs"),
            Content::Map(_) => format!("is a map where {wanted} belongs"),
            // The reader has already said what is wrong.
            Content::Broken => return,
        };
        self.fault(node.position, path, Fault::new(found, format!("write {example}")));
    }

    fn unknown(&self, parent: &str, name: &str) -> Fault {
        let message = format!("unknown key {}", quoted(name));
        // Nobody reads the words of a mistake that is only counted.
        if self.mistakes.is_full() {
            return Fault::new(message, String::new());
        }
        let known = keys::children(parent);
        // A dotted name is near to its first word, which is not what was meant.
        let near = nearest(name, known.iter().copied()).filter(|_| !name.contains('.'));
        let remedy = match (near, elsewhere(name)) {
            (Some(near), _) => format!("did you mean {near}?"),
            (None, Some(section)) => format!("it belongs to {section}"),
            (None, None) => format!("the keys here are {}", known.join(", ")),
        };
        Fault::new(message, remedy)
    }
}

/// The section in which `name` is a key, if there is one such section; a dotted name is a path from the top.
fn elsewhere(name: &str) -> Option<&'static str> {
    let is_it = |path: &&str| *path == name || path.rsplit_once('.').is_some_and(|(_, last)| last == name);
    let mut found = keys::KEYS.iter().map(|key| key.path).chain([CHANNELS]).filter(is_it);
    let section = found.next()?.rsplit_once('.')?.0;
    found.next().is_none().then_some(section)
}

/// Whether `node` is the word for nothing of JSON and YAML.
fn is_null(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar(scalar) if scalar.is_plain && matches!(scalar.text.as_str(), "null" | "~"))
}

fn example(kind: Kind, absent: Option<&str>) -> String {
    let values = kind.describe().replace('`', "");
    match absent {
        Some(word) => format!("{values}, or {word}"),
        None => format!("{values}, or leave the key out"),
    }
}

/// Whether a value without quotes is a truth value or a number in each of the three formats.
fn is_other_kind(text: &str) -> bool {
    matches!(text, "true" | "false") || text.parse::<f64>().is_ok_and(f64::is_finite)
}
