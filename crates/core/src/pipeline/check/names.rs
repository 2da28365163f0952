//! Names of all kinds, and the texts by which people know a pipeline.

use super::field::{Field, Section};
use super::{Check, quoted};
use crate::mistake::Position;
use crate::pipeline::{AS_OF, INPUT, caps};

/// `name` of the pipeline.
pub(super) fn pipeline(check: &mut Check, top: &Section<'_>) -> Option<String> {
    let field = top.require(check, "name", "orders")?;
    let name = &field.scalar(check, "a name, such as orders")?.text;
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let is_good = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_allowed);
    if !is_good || name.len() > caps::PIPELINE_NAME_MAX_CHARS {
        let most = caps::PIPELINE_NAME_MAX_CHARS;
        let remedy = format!("use a-z, 0-9, _ and -, starting with a letter, at most {most} characters");
        field.mistake(check, format!("{} is no name for a pipeline", quoted(name)), remedy);
        return None;
    }
    Some(name.clone())
}

/// `description` of a pipeline or a parameter: `Some(None)` where there is none, `None` where it has a mistake.
pub(super) fn description(check: &mut Check, section: &Section<'_>) -> Option<Option<String>> {
    let Some(field) = section.get("description") else { return Some(None) };
    let text = &field.scalar(check, "a text")?.text;
    let most = caps::DESCRIPTION_MAX_CHARS;
    if text.chars().count() > most {
        field.mistake(check, format!("is longer than {most} characters"), "shorten it");
        return None;
    }
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        field.mistake(check, "holds a control character", "remove it; only line ends and tabs are allowed");
        return None;
    }
    Some(Some(text.clone()))
}

/// `tags` of a pipeline.
pub(super) fn tags(check: &mut Check, top: &Section<'_>) -> Option<Vec<String>> {
    let Some(field) = top.get("tags") else { return Some(Vec::new()) };
    let mut tags: Vec<String> = Vec::new();
    for item in field.list(check, caps::TAGS_MAX, "a list, such as [sales, daily]")? {
        let Some(scalar) = item.scalar(check, "a word") else { continue };
        let tag = &scalar.text;
        let is_good = is_label(tag, caps::TAG_MAX_CHARS) && tag.trim() == tag;
        if !is_good {
            let remedy = format!("use 1 to {} characters with no space around them", caps::TAG_MAX_CHARS);
            item.mistake(check, format!("{} is no tag", quoted(tag)), remedy);
        } else if tags.contains(tag) {
            item.mistake(check, format!("the tag {} is there twice", quoted(tag)), "keep one of them");
        } else {
            tags.push(tag.clone());
        }
    }
    Some(tags)
}

/// Whether `name` can name a parameter, a check, a lookup or a step, which SQL can say without quotes.
pub(super) fn is_identifier(name: &str) -> bool {
    name.len() <= caps::NAME_MAX_CHARS
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Names a mistake if `name` cannot name a parameter, a check, a lookup or a step (`kind` says which).
pub(super) fn check_identifier(check: &mut Check, field: &Field<'_>, kind: &str, name: &str) {
    let position = field.key_position;
    if !is_identifier(name) {
        let most = caps::NAME_MAX_CHARS;
        let remedy = format!("use a-z, 0-9 and _, starting with a letter, at most {most} characters");
        check.mistake(position, &field.key, format!("{} is no name for a {kind}", quoted(name)), remedy);
    } else if name == INPUT || name == AS_OF {
        let meaning = if name == INPUT { "the rows of the source" } else { "the run clock" };
        check.mistake(position, &field.key, format!("{name} is reserved for {meaning}"), "use another name");
    }
}

/// Whether `name` can name a column; names a mistake if not.
pub(super) fn check_column(check: &mut Check, position: Position, key: &str, name: &str) -> bool {
    let most = caps::COLUMN_NAME_MAX_CHARS;
    let is_good = is_label(name, most);
    if !is_good {
        let remedy = format!("use 1 to {most} characters, none of them a control character");
        check.mistake(position, key, format!("{} is no name for a column", quoted(name)), remedy);
    }
    is_good
}

/// Whether `text` has 1 to `most` characters, none of them a control character.
pub(super) fn is_label(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}
