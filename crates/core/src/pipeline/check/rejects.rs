//! `rejects`: what becomes of rejected rows.

use super::field::{Field, Section};
use super::{Check, path, quoted};
use crate::pipeline::{PathTemplate, RejectPolicy, Target, keys};
use crate::value::parse_float64;

/// The policy. `target` is there to see that rejects do not go to the same file.
pub(super) fn read(check: &mut Check, top: &Section<'_>, target: Option<&Target>) -> Option<RejectPolicy> {
    let default = RejectPolicy { path: None, max_count: None, max_percent: RejectPolicy::DEFAULT_MAX_PERCENT };
    let Some(field) = top.get("rejects") else { return Some(default) };
    let section = Section::open(check, &field, keys::REJECTS)?;
    let path = match section.get("path") {
        Some(field) => reject_path(check, &field, target).map(Some),
        None => Some(default.path),
    };
    let max_count = match section.get("max_count") {
        Some(field) => field.whole_number(check).map(Some),
        None => Some(default.max_count),
    };
    let max_percent = match section.get("max_percent") {
        Some(field) => percent(check, &field),
        None => Some(default.max_percent),
    };
    Some(RejectPolicy { path: path?, max_count: max_count?, max_percent: max_percent? })
}

fn reject_path(check: &mut Check, field: &Field<'_>, target: Option<&Target>) -> Option<PathTemplate> {
    let path = path::template(check, field, "out/orders.rejects.ndjson")?;
    if target.is_some_and(|target| target.path.parts == path.parts) {
        field.mistake(check, "rejected rows would go to the target's own file", "use another path");
        return None;
    }
    Some(path)
}

fn percent(check: &mut Check, field: &Field<'_>) -> Option<f64> {
    let scalar = field.scalar(check, "a number from 0 to 100, such as 5")?;
    let number = if scalar.is_plain { parse_float64(scalar.text.as_bytes()).ok() } else { None };
    let percent = number.filter(|number| (0.0..=100.0).contains(number));
    if percent.is_none() {
        let message = format!("{} is not a number from 0 to 100", quoted(&scalar.text));
        field.mistake(check, message, "write a number from 0 to 100 without quotes, such as 5 or 0.1");
    }
    percent
}
