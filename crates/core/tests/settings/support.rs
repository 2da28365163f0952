//! What the tests share.

use std::path::PathBuf;

use etlplus_core::settings::{self, Entry, Format, Layer, Layers, Settled};
use etlplus_core::{Mistake, Position};
use serde_json::{Value, json};

/// The sample of the design that the product grew from.
pub(crate) const SEED: &str = include_str!("seed.json");

#[track_caller]
pub(crate) fn good(text: &str, format: Format) -> Layer {
    settings::read(text, format).whole().unwrap_or_else(|mistakes| panic!("{mistakes:#?} in\n{text}"))
}

#[track_caller]
pub(crate) fn yaml(text: &str) -> Layer {
    good(text, Format::Yaml)
}

/// The layers of a server whose file is `layer`, and nothing else.
pub(crate) fn of_file(layer: Layer) -> Layers {
    Layers { file: Some((PathBuf::from("etlplus.yaml"), layer)), ..Layers::default() }
}

#[track_caller]
pub(crate) fn settled(layers: &Layers) -> Settled {
    layers.settle().unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[track_caller]
pub(crate) fn entry<'a>(settled: &'a Settled, key: &str) -> &'a Entry {
    settled.entries.iter().find(|entry| entry.key == key).unwrap_or_else(|| panic!("no entry {key}"))
}

/// The values of all entries as a settings file would have them.
pub(crate) fn view(settled: &Settled) -> Value {
    let mut view = json!({});
    for entry in &settled.entries {
        *entry.key.split('.').fold(&mut view, |place, part| &mut place[part]) = entry.value.clone();
    }
    view
}

/// Asserts that the mistakes of `marked` are at its `§`s, in order, each on its key and with its words.
#[track_caller]
pub(crate) fn all(marked: &str, format: Format, expected: &[(&str, &str)]) {
    let (text, places) = unmark(marked);
    let found = settings::read(&text, format).whole().err().unwrap_or_default();
    let positions: Vec<Position> = found.iter().map(|mistake| mistake.position).collect();
    assert_eq!(positions, places, "{found:#?} in\n{text}");
    say(&found, expected);
}

/// Asserts that each mistake is on its key, has its words, and a remedy.
#[track_caller]
pub(crate) fn say(found: &[Mistake], expected: &[(&str, &str)]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (mistake, (key, words)) in found.iter().zip(expected) {
        assert_eq!(mistake.key, *key, "{mistake}");
        assert!(mistake.to_string().contains(words), "{mistake} does not say {words}");
        assert!(!mistake.remedy.is_empty(), "{mistake} has no remedy");
        assert!(!mistake.message.ends_with('.') && !mistake.remedy.ends_with('.'), "{mistake} ends with a full stop");
    }
}

/// `marked` without its `§`s, and where they were.
fn unmark(marked: &str) -> (String, Vec<Position>) {
    let mut text = String::new();
    let mut places = Vec::new();
    let mut position = Position::START;
    for c in marked.chars() {
        match c {
            '§' => {
                places.push(position);
                continue;
            }
            '\n' => position = Position { line: position.line + 1, column: 1 },
            _ => position.column += 1,
        }
        text.push(c);
    }
    (text, places)
}
