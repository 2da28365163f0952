//! Walks the tree of a pipeline file and makes the checked pipeline of it, naming every mistake on the way.
//!
//! Each section of the file has its own module here, which returns `None` only after it has named a mistake.

mod cases;
mod checks;
mod columns;
mod csv;
mod database;
mod field;
mod formats;
mod incremental;
mod limits;
mod lookups;
mod names;
mod parameters;
mod path;
mod policy;
mod postgres_url;
mod rejects;
mod rules;
mod schedule;
mod short_form;
mod source;
mod target;
mod text_files;
mod transforms;
mod types;
mod values;

pub(super) use cases::cases;
use field::{Field, Section};
use lookups::KnownLookup;

use super::{AS_OF, Limits, Pipeline, keys};
use crate::mistake::{Fault, Mistake, Mistakes, Position, nearest, quoted};
use crate::tree::Node;
use crate::value::Type;

/// Gathers what the walk finds.
pub(super) struct Check {
    mistakes: Mistakes,
    /// The parameters by name; without a type where the declaration has a mistake.
    parameters: Vec<(String, Option<Type>)>,
    /// The lookups that the rule `references` can name; `None` while they are read themselves.
    lookups: Option<Vec<KnownLookup>>,
    /// How many patterns were compiled so far.
    patterns: usize,
}

impl Check {
    /// A check that begins with the mistakes of the file's reader.
    pub(super) fn new(mistakes: Vec<Mistake>) -> Self {
        let mut check = Self {
            mistakes: Mistakes::default(),
            parameters: vec![(AS_OF.to_owned(), Some(Type::TimestampTz))],
            lookups: None,
            patterns: 0,
        };
        mistakes.into_iter().for_each(|mistake| check.mistakes.add(mistake));
        check
    }

    /// What the walk made of the file, or else every mistake in the order of the file.
    pub(super) fn finish<T>(self, made: Option<T>) -> Result<T, Vec<Mistake>> {
        self.mistakes.finish(made)
    }

    fn mistake(&mut self, position: Position, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.mistakes.add(Mistake { position, key: key.to_owned(), message: message.into(), remedy: remedy.into() });
    }

    fn fault(&mut self, position: Position, key: &str, fault: Fault) {
        self.mistake(position, key, fault.message, fault.remedy);
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
    // Rules and paths name parameters, so these come first; rules of the source name lookups, which come before it.
    let parameters = parameters::read(check, &top);
    let lookups = lookups::read(check, &top);
    let source = source::of_pipeline(check, &top);
    let checks = checks::read(check, &top);
    let lookup_names: Vec<&str> = top.get("lookups").map_or_else(Vec::new, |field| field.names());
    let transforms = transforms::read(check, &top, &lookup_names);
    let target = target::read(check, &top);
    let incremental = incremental::read(check, &top, source.as_ref(), target.as_ref());
    let rejects = rejects::read(check, &top, target.as_ref());
    let limits = match top.get("limits") {
        Some(field) => limits::read(check, &field),
        None => Some(Limits::default()),
    };
    let policy = policy::read(check, &top);
    let schedule = schedule::read(check, &top, parameters.as_deref());
    Some(Pipeline {
        name: name?,
        description: description?,
        tags: tags?,
        parameters: parameters?,
        source: source?,
        checks: checks?,
        lookups: lookups?,
        transforms: transforms?,
        target: target?,
        incremental: incremental?,
        rejects: rejects?,
        limits: limits?,
        policy: policy?,
        schedule: schedule?,
    })
}
