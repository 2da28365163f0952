//! Paths with parameters in them: `out/${country}/${as_of:%Y-%m-%d}.parquet`.

use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Utc};

use super::field::Field;
use super::{Check, Fault, quoted};
use crate::pipeline::{PathPart, PathTemplate, caps};
use crate::tree::Scalar;
use crate::value::Type;

/// The path of a file at `field`. `example` shows a person what belongs there.
pub(super) fn template(check: &mut Check, field: &Field<'_>, example: &str) -> Option<PathTemplate> {
    let scalar = field.scalar(check, example)?;
    if scalar.text.ends_with('/') {
        field.mistake(check, format!("{} is a folder", quoted(&scalar.text)), format!("name a file in it: {example}"));
        return None;
    }
    parts(check, field, scalar, &scalar.text, example)
}

/// The path of a folder at `field`, without a slash at its end.
pub(super) fn folder(check: &mut Check, field: &Field<'_>, example: &str) -> Option<PathTemplate> {
    let scalar = field.scalar(check, example)?;
    parts(check, field, scalar, scalar.text.trim_end_matches('/'), example)
}

fn parts(check: &mut Check, field: &Field<'_>, scalar: &Scalar, text: &str, example: &str) -> Option<PathTemplate> {
    if let Err(fault) = check_whole(text, example) {
        field.fault(check, fault);
        return None;
    }
    let mut parts = Vec::new();
    let mut rest = text;
    let mut is_good = true;
    while let Some((before, after)) = rest.split_once("${") {
        if !before.is_empty() {
            parts.push(PathPart::Text(before.to_owned()));
        }
        let offset = text.chars().count() - after.chars().count() - "${".len();
        let part = match after.split_once('}') {
            Some((inside, after)) => {
                rest = after;
                parameter(check, inside)
            }
            None => {
                rest = "";
                Err(Fault::new("a ${ is never closed", "write ${name} or ${name:%Y-%m-%d}"))
            }
        };
        match part {
            Ok(part) => parts.push(part),
            Err(fault) => {
                check.fault(scalar.place(offset), &field.key, fault);
                is_good = false;
            }
        }
    }
    if !rest.is_empty() {
        parts.push(PathPart::Text(rest.to_owned()));
    }
    is_good.then(|| PathTemplate { parts, key: field.key.clone(), position: scalar.place(0) })
}

fn check_whole(text: &str, example: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return Err(Fault::new("the path is empty", format!("write {example}")));
    }
    if text.len() > caps::PATH_MAX_BYTES {
        let message = format!("the path is longer than {} bytes", caps::PATH_MAX_BYTES);
        return Err(Fault::new(message, "shorten it"));
    }
    if text.contains(char::is_control) {
        return Err(Fault::new("the path holds a control character", "write it in one line, without tabs"));
    }
    Ok(())
}

/// What stands between `${` and `}`.
fn parameter(check: &Check, inside: &str) -> Result<PathPart, Fault> {
    let (name, format) = match inside.split_once(':') {
        Some((name, format)) => (name, Some(format)),
        None => (inside, None),
    };
    let ty = check.parameter(name)?;
    if let (Some(format), Some(ty)) = (format, ty) {
        check_format(format, ty)?;
    }
    Ok(PathPart::Parameter { name: name.to_owned(), format: format.map(str::to_owned) })
}

fn check_format(format: &str, ty: Type) -> Result<(), Fault> {
    if !matches!(ty, Type::Date | Type::Timestamp | Type::TimestampTz) {
        let message =
            format!("the format {} is for dates and times, and the parameter is of type {ty}", quoted(format));
        return Err(Fault::new(message, "remove the colon and the format"));
    }
    if format.is_empty() {
        return Err(Fault::new("the format behind the colon is empty", "write one such as %Y-%m-%d"));
    }
    check_strftime(format, ty)
}

/// Refuses a format that chrono cannot apply to a value of `ty`, a date or a time: it would find out in the midst of a job.
pub(super) fn check_strftime(format: &str, ty: Type) -> Result<(), Fault> {
    const EXAMPLE: &str = "write one such as %Y-%m-%d";
    if StrftimeItems::new(format).any(|item| item == Item::Error) {
        return Err(Fault::new(format!("{} is no strftime format", quoted(format)), EXAMPLE));
    }
    // A format can be well-formed and still ask for what its value lacks, as %H does of a date.
    let sample = DateTime::<Utc>::UNIX_EPOCH;
    let mut shown = String::new();
    let written = match ty {
        Type::Date => write!(shown, "{}", sample.date_naive().format(format)),
        Type::Timestamp => write!(shown, "{}", sample.naive_utc().format(format)),
        _ => write!(shown, "{}", sample.format(format)),
    };
    written.map_err(|_| Fault::new(format!("{} asks for what a {ty} does not have", quoted(format)), EXAMPLE))
}
