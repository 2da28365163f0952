//! Settings by environment variables and by options of the command line: a name and a text for each.

use std::collections::BTreeMap;

use super::channels;
use super::keys::{self, CHANNELS, KEYS, PART, VARIABLE_PREFIX};
use super::kind::Kind;
use super::layer::{Checked, Layer};
use super::read::Reader;
use super::value::Value;
use crate::mistake::{Fault, Position, nearest};
use crate::tree::{Content, Entry, Node, Scalar};

/// Reads the settings among environment variables: `ETLPLUS_` and the key's path in capitals with `__` for each dot, as
/// in `ETLPLUS_MONITORING__WEBSOCKET__MAX_CONNECTIONS`. Lists are separated by commas. Variables without `__` are other
/// things. Mistakes have no place, and their key is the variable's name.
pub fn environment(variables: impl IntoIterator<Item = (String, String)>) -> Checked<Layer> {
    let mut reader = Reader::of_variables();
    let mut of_channels: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    let channels_prefix = keys::variable(CHANNELS) + PART;
    for (variable, text) in variables {
        if !variable.starts_with(VARIABLE_PREFIX) || !variable.contains(PART) {
            continue;
        }
        if let Some(key) = KEYS.iter().find(|key| keys::variable(key.path) == variable) {
            give(&mut reader, key, &text);
        } else if let Some((name, field)) = channel_part(&variable, &channels_prefix) {
            let kind = channels::KEYS.iter().find(|key| key.name == field).map_or(Kind::Text, |key| key.kind);
            let (key_position, value) = (Position::START, node(kind, &text));
            of_channels.entry(name).or_default().push(Entry { key: field, key_position, value });
        } else {
            let fault = unknown(&variable);
            reader.fault_of(Position::START, variable, fault);
        }
    }
    for (name, entries) in of_channels {
        let path = format!("{CHANNELS}.{name}");
        match channels::check_name(&name) {
            Ok(()) => reader.channel(
                &path,
                Position::START,
                &Node { position: Position::START, content: Content::Map(entries) },
            ),
            Err(fault) => reader.fault(Position::START, &path, fault),
        }
    }
    reader.finish()
}

/// Reads the settings of the command line: pairs of a key's path and a text. Lists are separated by commas. Mistakes have
/// no place.
pub fn flags<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Checked<Layer> {
    let mut reader = Reader::new(Vec::new());
    for (path, text) in pairs {
        match keys::find(path) {
            Some(key) => give(&mut reader, key, text),
            None => {
                let remedy = match nearest(path, KEYS.iter().map(|key| key.path)) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "write a key's whole path, such as server.listen".to_owned(),
                };
                reader.fault(Position::START, path, Fault::new("unknown key", remedy));
            }
        }
    }
    reader.finish()
}

fn give(reader: &mut Reader, key: &keys::Key, text: &str) {
    let value = reader.value(key.path, key.kind, key.absent, &node(key.kind, text)).unwrap_or(Value::Wrong);
    reader.give(key.path, Position::START, value);
}

/// `text` as a file would have it.
fn node(kind: Kind, text: &str) -> Node {
    let position = Position::START;
    let scalar = |of: Kind, text: &str| {
        // All values are texts here, and a text may be one of digits. An empty one says nothing.
        let is_plain = !of.is_text() || text.is_empty();
        let content = Content::Scalar(Scalar::new(text.to_owned(), is_plain, position));
        Node { position, content }
    };
    match kind {
        Kind::List { .. } if text.trim().is_empty() => Node { position, content: Content::List(Vec::new()) },
        Kind::List { of, .. } => {
            let items = text.split(',').map(|item| scalar(*of, item.trim())).collect();
            Node { position, content: Content::List(items) }
        }
        _ => scalar(kind, text),
    }
}

/// The channel's name and the key of `ETLPLUS_MONITORING__NOTIFICATIONS__CHANNELS__OPS__URL`.
fn channel_part(variable: &str, prefix: &str) -> Option<(String, String)> {
    let (name, key) = variable.strip_prefix(prefix)?.rsplit_once(PART)?;
    let is_capital = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_ascii_lowercase());
    (is_capital(name) && is_capital(key)).then(|| (name.to_lowercase(), key.to_lowercase()))
}

fn unknown(variable: &str) -> Fault {
    let known: Vec<String> = KEYS.iter().map(|key| keys::variable(key.path)).collect();
    let remedy = match nearest(variable, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("unset it; {VARIABLE_PREFIX} and {PART} are for settings"),
    };
    Fault::new("no setting has this variable", remedy)
}
