//! Walks the tree of a pipeline file and makes the checked pipeline of it, naming every mistake on the way.
//!
//! Each section of the file has its own module here, which returns `None` only after it has named a mistake.

mod cases;
mod columns;
mod csv;
mod field;
mod limits;
mod lookups;
mod names;
mod parameters;
mod path;
mod rejects;
mod rules;
mod short_form;
mod source;
mod target;
mod transforms;
mod types;
mod values;

pub(super) use cases::cases;
use field::{Field, Section};

use super::tree::Node;
use super::{AS_OF, Limits, Pipeline, caps, keys};
use crate::mistake::{Mistake, Position, nearest};
use crate::value::Type;

/// What is wrong and what to do about it, said where the place in the file is not known.
struct Fault {
    message: String,
    remedy: String,
}

impl Fault {
    fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: remedy.into() }
    }
}

/// Gathers what the walk finds.
pub(super) struct Check {
    mistakes: Vec<Mistake>,
    left_out: usize,
    /// The parameters by name; without a type where the declaration has a mistake.
    parameters: Vec<(String, Option<Type>)>,
    /// How many patterns were compiled so far.
    patterns: usize,
}

impl Check {
    /// A check that begins with the mistakes of the file's reader.
    pub(super) fn new(mistakes: Vec<Mistake>) -> Self {
        let mut check = Self {
            mistakes: Vec::new(),
            left_out: 0,
            parameters: vec![(AS_OF.to_owned(), Some(Type::TimestampTz))],
            patterns: 0,
        };
        mistakes.into_iter().for_each(|mistake| check.add(mistake));
        check
    }

    /// What the walk made of the file, or else every mistake in the order of the file.
    pub(super) fn finish<T>(mut self, made: Option<T>) -> Result<T, Vec<Mistake>> {
        match made {
            Some(made) if self.mistakes.is_empty() => return Ok(made),
            _ => self.mistakes.sort_by_key(|mistake| mistake.position),
        }
        if self.left_out > 0 {
            let position = self.mistakes.last().map_or(Position::START, |mistake| mistake.position);
            let message = format!("there are {} more mistakes", self.left_out);
            self.mistakes.push(Mistake {
                position,
                key: String::new(),
                message,
                remedy: "mend these first".to_owned(),
            });
        }
        Err(self.mistakes)
    }

    fn mistake(&mut self, position: Position, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Mistake { position, key: key.to_owned(), message: message.into(), remedy: remedy.into() });
    }

    fn fault(&mut self, position: Position, key: &str, fault: Fault) {
        self.mistake(position, key, fault.message, fault.remedy);
    }

    fn add(&mut self, mistake: Mistake) {
        if self.mistakes.len() < caps::MISTAKES_MAX {
            let Mistake { position, key, message, remedy } = mistake;
            self.mistakes.push(Mistake { position, key, message: printable(message), remedy: printable(remedy) });
        } else {
            self.left_out += 1;
        }
    }

    /// The type of the parameter `name`, which is `None` inside where its declaration has a mistake.
    fn parameter(&self, name: &str) -> Result<Option<Type>, Fault> {
        if let Some((_, ty)) = self.parameters.iter().find(|(known, _)| known == name) {
            return Ok(*ty);
        }
        let known = self.parameters.iter().map(|(known, _)| known.as_str());
        let remedy = match nearest(name, known) {
            Some(near) => format!("did you mean {near}?"),
            None => "declare it under parameters".to_owned(),
        };
        Err(Fault::new(format!("unknown parameter {}", quoted(name)), remedy))
    }
}

/// The checked pipeline of the file whose tree is `root`.
pub(super) fn pipeline(check: &mut Check, root: &Node) -> Option<Pipeline> {
    let top = Section::open(check, &Field::root(root), keys::PIPELINE)?;
    let name = names::pipeline(check, &top);
    let description = names::description(check, &top);
    let tags = names::tags(check, &top);
    // Rules and paths name parameters, so these come first.
    let parameters = parameters::read(check, &top);
    let source = source::of_pipeline(check, &top);
    let lookups = lookups::read(check, &top);
    let lookup_names: Vec<&str> = top.get("lookups").map_or_else(Vec::new, |field| field.names());
    let transforms = transforms::read(check, &top, &lookup_names);
    let target = target::read(check, &top);
    let rejects = rejects::read(check, &top, target.as_ref());
    let limits = match top.get("limits") {
        Some(field) => limits::read(check, &field),
        None => Some(Limits::default()),
    };
    Some(Pipeline {
        name: name?,
        description: description?,
        tags: tags?,
        parameters: parameters?,
        source: source?,
        lookups: lookups?,
        transforms: transforms?,
        target: target?,
        rejects: rejects?,
        limits: limits?,
    })
}

/// `text` with its control characters escaped: a name from the file must not steer the terminal that shows it.
fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// A text from the file for a message: in quotes, with control characters escaped, and cut where it is long.
fn quoted(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}
