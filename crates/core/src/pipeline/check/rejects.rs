//! `rejects`: what becomes of rejected rows.

use super::field::{Field, Section};
use super::{Check, path, quoted};
use crate::pipeline::{PathPart, PathTemplate, Place, RejectFormat, RejectPolicy, Target, keys};
use crate::value::parse_float64;

const FORMATS: [(&str, RejectFormat); 3] =
    [("ndjson", RejectFormat::Ndjson), ("csv", RejectFormat::Csv), ("parquet", RejectFormat::Parquet)];

/// The policy. `target` is there to see that rejects do not go to the same file.
pub(super) fn read(check: &mut Check, top: &Section<'_>, target: Option<&Target>) -> Option<RejectPolicy> {
    let default = RejectPolicy {
        path: None,
        format: RejectFormat::default(),
        max_count: None,
        max_percent: RejectPolicy::DEFAULT_MAX_PERCENT,
    };
    let Some(field) = top.get("rejects") else { return Some(default) };
    let section = Section::open(check, &field, keys::REJECTS)?;
    let path = match section.get("path") {
        Some(field) => reject_path(check, &field, target).map(Some),
        None => Some(default.path),
    };
    let format = match section.get("format") {
        Some(field) => field.choice(check, &FORMATS),
        None => Some(path.as_ref().and_then(|path| path.as_ref().map(by_ending)).unwrap_or_default()),
    };
    let max_count = match section.get("max_count") {
        Some(field) => field.whole_number(check).map(Some),
        None => Some(default.max_count),
    };
    let max_percent = match section.get("max_percent") {
        Some(field) => percent(check, &field),
        None => Some(default.max_percent),
    };
    Some(RejectPolicy { path: path?, format: format?, max_count: max_count?, max_percent: max_percent? })
}

/// The format that the path's ending says.
fn by_ending(path: &PathTemplate) -> RejectFormat {
    let ending = match path.parts.last() {
        Some(PathPart::Text(text)) => text.rsplit_once('.').map(|(_, ending)| ending),
        _ => None,
    };
    let format = FORMATS.iter().find(|(_, format)| Some(format.ending()) == ending);
    format.map(|(_, format)| *format).unwrap_or_default()
}

fn reject_path(check: &mut Check, field: &Field<'_>, target: Option<&Target>) -> Option<PathTemplate> {
    let path = path::template(check, field, "out/orders.rejects.ndjson")?;
    let message = match target.map(|target| &target.place) {
        Some(Place::Folder(folder)) if is_in(&path, &folder.path) => {
            "rejected rows would go into the target's own folder"
        }
        Some(place) if place.path().is_some_and(|target| target.parts == path.parts) => {
            "rejected rows would go to the target's own file"
        }
        _ => return Some(path),
    };
    field.mistake(check, message, "use another path");
    None
}

/// Whether `path` leads into `folder`, as far as the two are written alike.
fn is_in(path: &PathTemplate, folder: &PathTemplate) -> bool {
    let (before, end) = match folder.parts.split_last() {
        Some((PathPart::Text(end), before)) => (before, end.as_str()),
        _ => (folder.parts.as_slice(), ""),
    };
    let next = path.parts.strip_prefix(before).and_then(<[PathPart]>::first);
    matches!(next, Some(PathPart::Text(text)) if text.strip_prefix(end).is_some_and(|rest| rest.starts_with('/')))
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
