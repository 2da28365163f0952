//! Cases that test a pipeline: what goes in, and what must come out.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::{Pipeline, check, read_file};
use crate::mistake::Mistake;
use crate::reject::Reject;

/// One test of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it shows, in the author's words.
    pub name: String,
    /// The parameters' texts by name, each of which fits its parameter's type.
    pub parameters: BTreeMap<String, String>,
    /// The run clock; `None` is the time of the test.
    pub as_of: Option<DateTime<Utc>>,
    /// The source's text. NDJSON where the source is Parquet or a database.
    pub input: String,
    /// Texts by the names of the lookups that they stand for. NDJSON for one of Parquet or of a
    /// database.
    pub lookups: BTreeMap<String, String>,
    /// The rows that must come out.
    pub rows: Vec<JsonRow>,
    /// Whether they must come in this order.
    pub is_ordered: bool,
    /// The rejects that there must be, and no others.
    pub rejects: Vec<BrokenAt>,
}

/// A rule that is broken on a line. A rejected row that broke two rules is two of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenAt {
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// The column, or `None` where the row as a whole is malformed.
    pub field: Option<String>,
    /// The rule's stable name.
    pub rule: String,
}

impl BrokenAt {
    /// The rules that `reject` says are broken. Its line must be known, as it is in CSV and NDJSON.
    pub fn of(reject: &Reject) -> impl Iterator<Item = Self> {
        let line = reject.line.unwrap_or(reject.row);
        reject.errors.iter().map(move |error| Self { line, field: error.field.clone(), rule: error.rule.clone() })
    }
}

impl fmt::Display for BrokenAt {
    /// As a case writes it: `{ line: 3, field: amount, rule: type }`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ line: {}, ", self.line)?;
        if let Some(field) = &self.field {
            write!(f, "field: {field}, ")?;
        }
        write!(f, "rule: {} }}", self.rule)
    }
}

/// A row as one JSON object. Two are equal if they have the same fields with the same JSON text in any order, so that
/// `10.0` differs from `10.00`, which are different decimals. A field that is `null` equals one that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonRow(BTreeMap<String, String>);

impl JsonRow {
    /// Reads one line of NDJSON.
    ///
    /// # Errors
    /// Why it is no JSON object.
    pub fn parse(line: &str) -> Result<Self, String> {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let values = fields.into_iter().filter(|(_, value)| value.get() != "null");
        values.map(|(name, value)| Ok((name, canonical(value.get())?))).collect::<Result<_, String>>().map(Self)
    }
}

/// The one text for all spellings of the same value: a string has many, with and without escapes.
fn canonical(json: &str) -> Result<String, String> {
    if !json.starts_with('"') {
        return Ok(json.to_owned());
    }
    let text: String = serde_json::from_str(json).map_err(|error| error.to_string())?;
    serde_json::to_string(&text).map_err(|error| error.to_string())
}

impl fmt::Display for JsonRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {value}", serde_json::Value::from(name.as_str()))?;
        }
        f.write_str("}")
    }
}

/// Reads a file of cases for `pipeline`, in YAML or JSON.
///
/// # Errors
/// Every mistake in it, in the order of their places; never an empty list.
pub fn parse_cases(text: &str, pipeline: &Pipeline) -> Result<Vec<Case>, Vec<Mistake>> {
    let (tree, mistakes) = read_file(text, "start with cases: and a list of cases, each with name, input and rows");
    let mut check = check::Check::new(mistakes);
    let cases = tree.and_then(|root| check::cases(&mut check, &root, pipeline));
    check.finish(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_equal_by_the_text_of_their_values() {
        let row = |line: &str| JsonRow::parse(line).expect("the line is a JSON object");
        assert_eq!(row(r#"{"a":1,"b":"x"}"#), row(r#"{ "b" : "\u0078", "a" : 1, "c": null }"#));
        assert_ne!(row(r#"{"a":10.0}"#), row(r#"{"a":10.00}"#));
        assert_ne!(row(r#"{"a":1}"#), row(r#"{"a":"1"}"#));
        assert_eq!(row(r#"{"b":10.00,"a":"x\ty"}"#).to_string(), r#"{"a": "x\ty", "b": 10.00}"#);
        assert!(JsonRow::parse("[1]").is_err());
        assert!(JsonRow::parse("").is_err());
    }
}
