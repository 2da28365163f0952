//! `source` with its `schema`, of the pipeline and of lookups.

use super::field::{Field, Section};
use super::{Check, columns, csv, path, quoted};
use crate::mistake::nearest;
use crate::pipeline::{ExtraFields, Source, SourceFormat, keys};

const PATH_EXAMPLE: &str = "data/orders.csv or data/*.csv";

pub(super) fn of_pipeline(check: &mut Check, top: &Section<'_>) -> Option<Source> {
    let field = top.require(check, "source", "{ csv: { path: data/orders.csv } }");
    let formats = field.and_then(|field| Section::open(check, &field, keys::SOURCE));
    match formats {
        Some(formats) => read(check, &formats, top),
        None => {
            // The schema's own mistakes are named all the same.
            let schema = top.get("schema");
            schema.and_then(|field| columns::read(check, &field));
            None
        }
    }
}

/// The source whose format is a key of `formats`, and whose schema a key of `home`.
pub(super) fn read(check: &mut Check, formats: &Section<'_>, home: &Section<'_>) -> Option<Source> {
    let format = formats.require_one(check, keys::SOURCE, "csv: { path: data/orders.csv }");
    let columns = match home.get("schema") {
        Some(field) => columns::read(check, &field),
        // A Parquet file brings its columns along.
        None if matches!(format, Some(("parquet", _)) | None) => Some(Vec::new()),
        None => home.require(check, "schema", "{ order_id: int64 required }").and(None),
    };
    let (name, field) = format?;
    let known = if name == "csv" { keys::CSV_SOURCE } else { keys::PLAIN_SOURCE };
    let section = Section::open(check, &field, known)?;
    let format = match name {
        "csv" => csv::source(check, &section).map(SourceFormat::Csv),
        "ndjson" => Some(SourceFormat::Ndjson),
        _ => Some(SourceFormat::Parquet),
    };
    let path = section.require(check, "path", PATH_EXAMPLE);
    let path = path.and_then(|field| path::template(check, &field, PATH_EXAMPLE));
    let extra_fields = match section.get("extra_fields") {
        Some(field) => extra_fields(check, &field),
        None => Some(ExtraFields::Reject),
    };
    Some(Source { format: format?, path: path?, columns: columns?, extra_fields: extra_fields? })
}

fn extra_fields(check: &mut Check, field: &Field<'_>) -> Option<ExtraFields> {
    match field.scalar(check, "reject or ignore")?.text.as_str() {
        "reject" => Some(ExtraFields::Reject),
        "ignore" => Some(ExtraFields::Ignore),
        text => {
            let remedy = match nearest(text, ["reject", "ignore"]) {
                Some(near) => format!("did you mean {near}?"),
                None => "write reject or ignore".to_owned(),
            };
            field.mistake(check, format!("{} is not reject or ignore", quoted(text)), remedy);
            None
        }
    }
}
