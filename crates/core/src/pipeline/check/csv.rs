//! What CSV sources and targets have in common: characters between and around fields, and null tokens.

use super::field::{Field, Section};
use super::{Check, Fault, names, quoted, text_files};
use crate::pipeline::{CsvSource, CsvTarget, caps};

/// The quote where the file names none (RFC 4180). Targets always use it.
const QUOTE: u8 = b'"';
const DELIMITER: u8 = b',';

/// The options of `source.csv` beside its path.
pub(super) fn source(check: &mut Check, section: &Section<'_>) -> Option<CsvSource> {
    let delimiter = delimiter(check, section);
    let quote = quote(check, section);
    let escape = character(check, section, "escape");
    let comment = character(check, section, "comment");
    let skip_lines = match section.get("skip_lines") {
        Some(field) => field.whole_number(check),
        None => Some(0),
    };
    let header = flag(check, section, "header", true);
    let null = null_tokens(check, section);
    let encoding = text_files::encoding(check, section);
    let (delimiter, quote, escape, comment) = (delimiter?, quote?, escape?, comment?);
    let characters = [("delimiter", Some(delimiter)), ("escape", escape), ("quote", quote), ("comment", comment)];
    refuse_same(check, section, &characters)?;
    if let (None, Some(field)) = (quote, section.get("escape")) {
        check.mistake(field.key_position, &field.key, "without quotes there is nothing to escape", "remove escape");
        return None;
    }
    let null = null?;
    if let Some(field) = section.get("null") {
        for token in &null {
            refuse_unwritable(check, &field, token, delimiter, quote);
        }
    }
    Some(CsvSource {
        delimiter,
        quote,
        escape,
        comment,
        skip_lines: skip_lines?,
        header: header?,
        null,
        encoding: encoding?,
    })
}

/// The options of `target.csv` beside its path.
pub(super) fn target(check: &mut Check, section: &Section<'_>) -> Option<CsvTarget> {
    let delimiter = delimiter(check, section);
    let header = flag(check, section, "header", true);
    let null = match section.get("null") {
        Some(field) => null_token(check, &field),
        None => Some(String::new()),
    };
    let (delimiter, null) = (delimiter?, null?);
    refuse_same(check, section, &[("delimiter", Some(delimiter)), ("quote", Some(QUOTE))])?;
    if let Some(field) = section.get("null") {
        refuse_unwritable(check, &field, &null, delimiter, Some(QUOTE));
    }
    Some(CsvTarget { delimiter, header: header?, null })
}

/// A key that is `true` or `false`.
fn flag(check: &mut Check, section: &Section<'_>, name: &str, default: bool) -> Option<bool> {
    section.get(name).map_or(Some(default), |field| field.boolean(check))
}

fn delimiter(check: &mut Check, section: &Section<'_>) -> Option<u8> {
    let Some(field) = section.get("delimiter") else { return Some(DELIMITER) };
    let text = &field.scalar(check, "one character in quotes, such as \";\"")?.text;
    let text = if text == "\\t" { "\t" } else { text };
    one_character(text).map_err(|fault| field.fault(check, fault)).ok()
}

fn quote(check: &mut Check, section: &Section<'_>) -> Option<Option<u8>> {
    let Some(field) = section.get("quote") else { return Some(Some(QUOTE)) };
    let scalar = field.scalar(check, "one character in quotes, or none")?;
    if scalar.text == "none" {
        return Some(None);
    }
    one_character(&scalar.text).map(Some).map_err(|fault| field.fault(check, fault)).ok()
}

/// A character that is not there unless the file names it.
fn character(check: &mut Check, section: &Section<'_>, key: &str) -> Option<Option<u8>> {
    let Some(field) = section.get(key) else { return Some(None) };
    let text = &field.scalar(check, "one character in quotes, such as \"#\"")?.text;
    one_character(text).map(Some).map_err(|fault| field.fault(check, fault)).ok()
}

fn one_character(text: &str) -> Result<u8, Fault> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Ok(*byte),
        _ => {
            let message = format!("{} is not one ASCII character", quoted(text));
            Err(Fault::new(message, "write one character in quotes, such as \";\" or \"\\t\", and no line end"))
        }
    }
}

/// `None` where two of `characters`, by their keys, are the same: nobody could tell which one is meant.
fn refuse_same(check: &mut Check, section: &Section<'_>, characters: &[(&str, Option<u8>)]) -> Option<()> {
    for (at, (key, character)) in characters.iter().enumerate() {
        let same = |(_, other): &&(&str, Option<u8>)| character.is_some() && other == character;
        let Some((other, _)) = characters[at + 1..].iter().find(same) else { continue };
        // One of the two is there, since no two defaults are the same.
        let (given, field) = [*key, *other].into_iter().find_map(|key| Some((key, section.get(key)?)))?;
        let remedy = match (*key, *other) {
            ("escape", "quote") => "remove escape: a quote inside quotes is doubled anyway".to_owned(),
            _ => format!("use another {given}"),
        };
        field.mistake(check, format!("{key} and {other} are the same character"), remedy);
        return None;
    }
    Some(())
}

fn null_tokens(check: &mut Check, section: &Section<'_>) -> Option<Vec<String>> {
    let Some(field) = section.get("null") else { return Some(vec![String::new()]) };
    let items = field.list(check, caps::NULL_TOKENS_MAX, "a list, such as [\"\", \"NULL\"]")?;
    let tokens: Vec<_> = items.iter().map(|item| null_token(check, item)).collect();
    tokens.into_iter().collect()
}

fn null_token(check: &mut Check, field: &Field<'_>) -> Option<String> {
    let token = &field.scalar(check, "a text in quotes, such as \"NULL\", or \"\" for an empty field")?.text;
    if !token.is_empty() && !names::is_label(token, caps::NULL_TOKEN_MAX_CHARS) {
        let remedy = format!("use at most {} characters, none of them a control character", caps::NULL_TOKEN_MAX_CHARS);
        field.mistake(check, format!("{} is no null token", quoted(token)), remedy);
        return None;
    }
    Some(token.clone())
}

/// A null token stands without quotes, so that one with a delimiter in it would be read as two fields.
fn refuse_unwritable(check: &mut Check, field: &Field<'_>, token: &str, delimiter: u8, quote: Option<u8>) {
    let is_special = |c: char| c == char::from(delimiter) || quote.is_some_and(|quote| c == char::from(quote));
    if token.contains(is_special) {
        let message = format!("the null token {} holds the delimiter or the quote", quoted(token));
        field.mistake(check, message, "use another token");
    }
}
