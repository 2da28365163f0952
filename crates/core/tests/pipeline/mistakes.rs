//! Judges the mistakes of a file in which `§` marks the place that each of them names.

use etlplus_core::pipeline;
use etlplus_core::{Mistake, Position};

/// Every mistake of `text`.
pub(crate) fn of(text: &str) -> Vec<Mistake> {
    pipeline::parse(text).err().unwrap_or_default()
}

/// Asserts that `marked` has exactly one mistake, at its `§`, on the key `key`, whose words contain `words`.
#[track_caller]
pub(crate) fn one(marked: &str, key: &str, words: &str) {
    let (text, places) = unmark(marked);
    let found = of(&text);
    let [mistake] = found.as_slice() else { panic!("not one mistake, but {found:#?} in\n{text}") };
    let shown = mistake.to_string();
    assert_eq!(places, [mistake.position], "the place of {shown} in\n{text}");
    assert_eq!(mistake.key, key, "the key of {shown}");
    assert!(shown.contains(words), "{shown} does not say {words}");
    assert!(!mistake.remedy.is_empty(), "{shown} has no remedy");
    assert!(!mistake.message.ends_with('.') && !mistake.remedy.ends_with('.'), "{shown} ends with a full stop");
}

/// Asserts that the mistakes of `marked` are at its `§`s, in order, and that each one's words contain those of `words`.
#[track_caller]
pub(crate) fn all(marked: &str, words: &[&str]) {
    let (text, places) = unmark(marked);
    let found = of(&text);
    let positions: Vec<Position> = found.iter().map(|mistake| mistake.position).collect();
    assert_eq!(positions, places, "{found:#?}");
    assert_eq!(found.len(), words.len(), "{found:#?}");
    for (mistake, words) in found.iter().zip(words) {
        assert!(mistake.to_string().contains(words), "{mistake} does not say {words}");
    }
}

/// Asserts that `text` is a pipeline, and returns it.
#[track_caller]
pub(crate) fn none(text: &str) -> pipeline::Pipeline {
    pipeline::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?} in\n{text}"))
}

/// A whole file around a `schema` of one column `a`, in which the parameters `country` (string) and `day` (date) exist.
pub(crate) fn column(declared: &str) -> String {
    format!(
        "name: t\nparameters: {{ country: string = DE, day: date, small: int16 }}\n\
         source: {{ csv: {{ path: in.csv }} }}\nschema:\n  a: {declared}\ntarget: {{ ndjson: {{ path: out }} }}\n"
    )
}

/// A whole file with `sections` beside a name, a source, a schema and a target.
pub(crate) fn with(sections: &str) -> String {
    format!(
        "name: t\nsource: {{ csv: {{ path: in.csv }} }}\nschema: {{ a: string }}\n\
         target: {{ ndjson: {{ path: out }} }}\n{sections}\n"
    )
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
