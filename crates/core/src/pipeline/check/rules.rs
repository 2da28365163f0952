//! Rules of a column, from the long form and the short form alike: whether they fit their column's type and each other.

use std::collections::HashSet;

use regex::{Regex, RegexBuilder};

use super::values::{self, Written};
use super::{Check, Fault, quoted};
use crate::mistake::{Position, nearest};
use crate::pipeline::{Operand, Rule, caps};
use crate::value::{Type, Value};

/// A rule as written.
pub(super) struct WrittenRule {
    pub(super) kind: WrittenKind,
    /// Where it begins.
    pub(super) position: Position,
    /// The path of its key: the rule's own in the long form, the column's in the short form.
    pub(super) key: String,
}

pub(super) enum WrittenKind {
    Required,
    Unique,
    Bound { end: End, exclusive: bool, value: Written },
    Length { min: Option<u64>, max: Option<u64> },
    Pattern { text: String, position: Position },
    OneOf(Vec<Written>),
    References(Written),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Min,
    Max,
}

impl WrittenKind {
    /// What the rule is called, once for all its ways of writing.
    fn name(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Unique => "unique",
            Self::Bound { end: End::Min, .. } => "lower bound",
            Self::Bound { end: End::Max, .. } => "upper bound",
            Self::Length { .. } => "length",
            Self::Pattern { .. } => "pattern",
            Self::OneOf(_) => "one_of",
            Self::References(_) => "references",
        }
    }
}

/// The rules of a column of type `ty`, which is `None` where the type has a mistake. `None` among `written` stands for a
/// rule whose mistake is already named.
pub(super) fn build(check: &mut Check, ty: Option<Type>, written: Vec<Option<WrittenRule>>) -> Option<Vec<Rule>> {
    let mut names = HashSet::new();
    let mut rules = Vec::with_capacity(written.len());
    let mut bounds = Bounds::default();
    for written in written {
        let rule = written.and_then(|written| {
            let WrittenRule { kind, position, key } = written;
            if !names.insert(kind.name()) {
                let message = format!("the column has a second {} rule", kind.name());
                check.mistake(position, &key, message, "keep one of them");
            }
            let fitting = ty.map_or(Ok(()), |ty| check_fits(&kind, ty));
            if let Err(fault) = fitting {
                check.fault(position, &key, fault);
                return None;
            }
            let rule = build_one(check, ty, kind, position, &key)?;
            bounds.add(check, &rule, position, &key);
            Some(rule)
        });
        rules.push(rule);
    }
    rules.into_iter().collect()
}

fn check_fits(kind: &WrittenKind, ty: Type) -> Result<(), Fault> {
    match (kind, ty) {
        (WrittenKind::Length { .. } | WrittenKind::Pattern { .. }, Type::String) => Ok(()),
        (WrittenKind::Length { .. } | WrittenKind::Pattern { .. }, _) => {
            let message = format!("{} is a rule for string, and the column is of type {ty}", kind.name());
            Err(Fault::new(message, "remove it, or declare the column as string"))
        }
        (WrittenKind::Required, _) => Ok(()),
        (_, Type::Json) => {
            let message = format!("a json value has many texts, so it can have no {}", kind.name());
            Err(Fault::new(message, "remove it, or declare the column as string to compare its texts"))
        }
        (WrittenKind::Bound { .. }, Type::Boolean) => {
            let message = format!("a boolean has no order, so it can have no {}", kind.name());
            Err(Fault::new(message, "write one_of(true) or one_of(false)"))
        }
        (WrittenKind::Bound { .. }, Type::String) => {
            let message = format!("a string has no {}, since languages sort texts differently", kind.name());
            Err(Fault::new(message, "limit its characters with length, or its form with pattern or one_of"))
        }
        _ => Ok(()),
    }
}

fn build_one(check: &mut Check, ty: Option<Type>, kind: WrittenKind, position: Position, key: &str) -> Option<Rule> {
    match kind {
        WrittenKind::Required => Some(Rule::Required),
        WrittenKind::Unique => Some(Rule::Unique),
        WrittenKind::Bound { end, exclusive, value } => {
            let bound = values::operand(check, &value, ty)?;
            Some(match end {
                End::Min => Rule::Min { bound, exclusive },
                End::Max => Rule::Max { bound, exclusive },
            })
        }
        WrittenKind::Length { min, max } => {
            if min.zip(max).is_some_and(|(min, max)| min > max) {
                check.mistake(
                    position,
                    key,
                    "no text is that long: the least length is above the greatest",
                    "swap them",
                );
                return None;
            }
            Some(Rule::Length { min, max })
        }
        WrittenKind::Pattern { text, position } => {
            check.patterns += 1;
            let compiled = if check.patterns > caps::PATTERNS_MAX {
                Err(Fault::new(format!("the file has more than {} patterns", caps::PATTERNS_MAX), "remove some"))
            } else {
                compile(&text)
            };
            compiled.map(Rule::Pattern).map_err(|fault| check.fault(position, key, fault)).ok()
        }
        WrittenKind::OneOf(values) => one_of(check, ty, &values, position, key),
        WrittenKind::References(written) => {
            reference(check, &written.text, ty).map_err(|fault| check.fault(written.position, &written.key, fault)).ok()
        }
    }
}

fn compile(text: &str) -> Result<Regex, Fault> {
    RegexBuilder::new(text).size_limit(caps::PATTERN_MAX_BYTES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            let message = format!("the pattern takes more than {} bytes when compiled", caps::PATTERN_MAX_BYTES);
            Fault::new(
                message,
                "limit the length with the rule length, or write [0-9] for \\d and [A-Za-z0-9_] for \\w",
            )
        }
        error => {
            // The last line of the regex crate's report is its reason; the lines before draw an arrow under the pattern.
            let report = error.to_string();
            let reason = report.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let remedy = "write it as the Rust crate regex reads it; there are no look-arounds and back-references";
            Fault::new(format!("{} is no regular expression: {reason}", quoted(text)), remedy)
        }
    })
}

fn one_of(check: &mut Check, ty: Option<Type>, values: &[Written], position: Position, key: &str) -> Option<Rule> {
    if values.is_empty() {
        check.mistake(
            position,
            key,
            "one_of lists no value, so that no row could pass",
            "list the values, or remove it",
        );
        return None;
    }
    if values.len() > caps::ONE_OF_MAX {
        let message = format!("one_of lists {} values, more than the {} allowed", values.len(), caps::ONE_OF_MAX);
        check.mistake(position, key, message, "put them into a lookup and join it");
        return None;
    }
    let mut seen = HashSet::new();
    let operands: Vec<_> = values.iter().map(|value| values::operand(check, value, ty)).collect();
    for (written, operand) in values.iter().zip(&operands) {
        let shown = match operand {
            Some(Operand::Value(value)) => value.to_string(),
            Some(Operand::Parameter(name)) => format!("${name}"),
            None => continue,
        };
        if !seen.insert((shown.clone(), matches!(operand, Some(Operand::Parameter(_))))) {
            check.mistake(
                written.position,
                &written.key,
                format!("{} is listed twice", quoted(&shown)),
                "keep one of them",
            );
        }
    }
    operands.into_iter().collect::<Option<_>>().map(Rule::OneOf)
}

/// `lookup.column`, both of which exist where the file says what there is.
fn reference(check: &Check, text: &str, ty: Option<Type>) -> Result<Rule, Fault> {
    const EXAMPLE: &str = "write a lookup and its column, such as customers.id";
    let Some(known) = &check.lookups else {
        let remedy = "remove it, or join the lookups in SQL";
        return Err(Fault::new("only columns of the source can refer to a lookup", remedy));
    };
    let parts = text.split_once('.').filter(|(lookup, column)| !lookup.is_empty() && !column.is_empty());
    let (name, column) = parts.ok_or_else(|| Fault::new(format!("{} names no column", quoted(text)), EXAMPLE))?;
    let Some(lookup) = known.iter().find(|lookup| lookup.name == name) else {
        let remedy = match nearest(name, known.iter().map(|lookup| lookup.name.as_str())) {
            Some(near) => format!("did you mean {near}?"),
            None => "declare it under lookups".to_owned(),
        };
        return Err(Fault::new(format!("unknown lookup {}", quoted(name)), remedy));
    };
    let declared = lookup.columns.iter().find(|(declared, _)| declared == column);
    match (declared, ty) {
        (Some((_, from)), Some(ty)) if !from.can_become(ty) => {
            let message = format!("{name}.{column} is of type {from}, which never equals the column's type {ty}");
            Err(Fault::new(message, "change one of the two types"))
        }
        (None, _) if !lookup.columns.is_empty() => {
            let remedy = match nearest(column, lookup.columns.iter().map(|(declared, _)| declared.as_str())) {
                Some(near) => format!("did you mean {near}?"),
                None => "name a column of its schema".to_owned(),
            };
            Err(Fault::new(format!("the lookup {name} declares no column {}", quoted(column)), remedy))
        }
        _ => Ok(Rule::References { lookup: name.to_owned(), column: column.to_owned() }),
    }
}

/// The bounds of a column that are known before a job is made.
#[derive(Default)]
struct Bounds {
    min: Option<(Value, bool)>,
    max: Option<(Value, bool)>,
}

impl Bounds {
    /// Takes a bound, and names a mistake if no value can keep both.
    fn add(&mut self, check: &mut Check, rule: &Rule, position: Position, key: &str) {
        match rule {
            Rule::Min { bound: Operand::Value(value), exclusive } => self.min = Some((value.clone(), *exclusive)),
            Rule::Max { bound: Operand::Value(value), exclusive } => self.max = Some((value.clone(), *exclusive)),
            _ => return,
        }
        let (Some((min, above)), Some((max, below))) = (&self.min, &self.max) else { return };
        let is_empty = match min.compare(max) {
            Some(order) => order.is_gt() || (order.is_eq() && (*above || *below)),
            None => false,
        };
        if is_empty {
            let message = format!("no value is between the lower bound {min} and the upper bound {max}");
            check.mistake(position, key, message, "swap them, or mend one of them");
        }
    }
}
