//! Typed access to the nodes of the tree. Each access that cannot give what was asked for has named the mistake.

use super::{Check, Fault, quoted};
use crate::mistake::{Position, nearest};
use crate::tree::{Content, Entry, Node, Scalar, child_key, item_key};

/// A node with the way to it.
#[derive(Clone)]
pub(super) struct Field<'a> {
    /// The key's path from the top of the file.
    pub(super) key: String,
    /// Where the key begins; where the value begins if it has no key.
    pub(super) key_position: Position,
    /// The value.
    pub(super) node: &'a Node,
}

impl<'a> Field<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self { key: String::new(), key_position: Position::START, node }
    }

    fn child(parent: &str, entry: &'a Entry) -> Self {
        Self { key: child_key(parent, &entry.key), key_position: entry.key_position, node: &entry.value }
    }

    /// Names a mistake at the value.
    pub(super) fn mistake(&self, check: &mut Check, message: impl Into<String>, remedy: impl Into<String>) {
        check.mistake(self.node.position, &self.key, message, remedy);
    }

    pub(super) fn fault(&self, check: &mut Check, fault: Fault) {
        check.fault(self.node.position, &self.key, fault);
    }

    /// The single value as written. `example` shows a person what belongs here.
    pub(super) fn scalar(&self, check: &mut Check, example: &str) -> Option<&'a Scalar> {
        match &self.node.content {
            Content::Scalar(scalar) if !scalar.is_absent() => return Some(scalar),
            _ => self.wrong_kind(check, "a single value", example),
        }
        None
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, check: &mut Check) -> Option<bool> {
        let scalar = self.scalar(check, "true or false")?;
        match scalar.text.as_str() {
            "true" if scalar.is_plain => Some(true),
            "false" if scalar.is_plain => Some(false),
            text => {
                let quotes = if scalar.is_plain { "" } else { ", without quotes" };
                self.mistake(
                    check,
                    format!("{} is not true or false", quoted(text)),
                    format!("write true or false{quotes}"),
                );
                None
            }
        }
    }

    /// A whole number from 0.
    pub(super) fn whole_number(&self, check: &mut Check) -> Option<u64> {
        let scalar = self.scalar(check, "a whole number, such as 100")?;
        let is_digits = scalar.text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if scalar.is_plain && is_digits { scalar.text.parse().ok() } else { None };
        if number.is_none() {
            let message = format!("{} is not a whole number", quoted(&scalar.text));
            self.mistake(check, message, "write digits without quotes, such as 100");
        }
        number
    }

    /// One of `choices` by its word.
    pub(super) fn choice<T: Copy>(&self, check: &mut Check, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let all = either(&words);
        let text = &self.scalar(check, &all)?.text;
        let chosen = choices.iter().find(|(word, _)| word == text).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let remedy = match nearest(text, words) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("write {all}"),
            };
            self.mistake(check, format!("{} is not {all}", quoted(text)), remedy);
        }
        chosen
    }

    /// The items of a list that has at most `most`.
    pub(super) fn list(&self, check: &mut Check, most: usize, example: &str) -> Option<Vec<Field<'a>>> {
        let Content::List(items) = &self.node.content else {
            self.wrong_kind(check, "a list", example);
            return None;
        };
        self.refuse_more_than(check, most, items.len(), "items");
        let field = |(index, node): (usize, &'a Node)| {
            let key = item_key(&self.key, index);
            Field { key, key_position: node.position, node }
        };
        Some(items.iter().take(most).enumerate().map(field).collect())
    }

    /// The entries of a map whose keys are the author's names: each name with its field. At most `most`.
    pub(super) fn entries(&self, check: &mut Check, most: usize, example: &str) -> Option<Vec<(&'a str, Field<'a>)>> {
        let Content::Map(entries) = &self.node.content else {
            self.wrong_kind(check, "a map", example);
            return None;
        };
        self.refuse_more_than(check, most, entries.len(), "entries");
        Some(entries.iter().take(most).map(|entry| (entry.key.as_str(), Field::child(&self.key, entry))).collect())
    }

    /// The keys of a map; none for another kind of node.
    pub(super) fn names(&self) -> Vec<&'a str> {
        match &self.node.content {
            Content::Map(entries) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.node.content, Content::Map(_))
    }

    fn refuse_more_than(&self, check: &mut Check, most: usize, count: usize, what: &str) {
        if count > most {
            self.mistake(check, format!("has {count} {what}, more than the {most} allowed"), "leave some out");
        }
    }

    fn wrong_kind(&self, check: &mut Check, wanted: &str, example: &str) {
        let found = match &self.node.content {
            Content::Scalar(scalar) if scalar.is_absent() => "has no value".to_owned(),
            Content::Scalar(_) => format!("is a single value where {wanted} belongs"),
            Content::List(_) => format!("is a list where {wanted} belongs"),
            Content::Map(_) => format!("is a map where {wanted} belongs"),
            // The reader has already said what is wrong.
            Content::Broken => return,
        };
        self.mistake(check, found, format!("write {example}"));
    }
}

/// `a, b or c`
fn either(words: &[&str]) -> String {
    match words {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// A map whose keys are fixed.
pub(super) struct Section<'a> {
    key: String,
    position: Position,
    entries: &'a [Entry],
    known: &'static [&'static str],
}

impl<'a> Section<'a> {
    /// The map at `field`; names every key that is not among `known`.
    pub(super) fn open(check: &mut Check, field: &Field<'a>, known: &'static [&'static str]) -> Option<Self> {
        let Content::Map(entries) = &field.node.content else {
            field.wrong_kind(check, "a map", &format!("a map with the keys {}", known.join(", ")));
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let remedy = match nearest(&entry.key, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the keys here are {}", known.join(", ")),
            };
            let key = child_key(&field.key, &entry.key);
            check.mistake(entry.key_position, &key, format!("unknown key {}", quoted(&entry.key)), remedy);
        }
        Some(Self { key: field.key.clone(), position: field.key_position, entries, known })
    }

    /// The value of the key `name`, if the file gives one.
    pub(super) fn get(&self, name: &str) -> Option<Field<'a>> {
        debug_assert!(self.known.contains(&name), "{name} is not among the known keys of {}", self.key);
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        Some(Field::child(&self.key, entry))
    }

    /// The value of the key `name`, which must be there. `example` shows a person what to add.
    pub(super) fn require(&self, check: &mut Check, name: &str, example: &str) -> Option<Field<'a>> {
        let field = self.get(name);
        if field.is_none() {
            let message = format!("{name} is missing");
            check.mistake(self.position, &child_key(&self.key, name), message, format!("add {name}: {example}"));
        }
        field
    }

    /// The one of the keys `choices` that is there.
    pub(super) fn require_one(
        &self,
        check: &mut Check,
        choices: &[&'static str],
        example: &str,
    ) -> Option<(&'static str, Field<'a>)> {
        let choice = |entry: &'a Entry| {
            let name = choices.iter().find(|name| **name == entry.key)?;
            Some((*name, Field::child(&self.key, entry)))
        };
        let mut given = self.entries.iter().filter_map(choice);
        let Some(first) = given.next() else {
            let message = format!("none of {} is there", choices.join(", "));
            check.mistake(self.position, &self.key, message, format!("add {example}"));
            return None;
        };
        for (name, field) in given {
            let message = format!("{name} is there beside {}", first.0);
            check.mistake(field.key_position, &field.key, message, format!("keep one of {}", choices.join(", ")));
        }
        Some(first)
    }
}
