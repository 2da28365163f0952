//! `source` with its `schema`, of the pipeline and of lookups.

use super::field::Section;
use super::{Check, columns, csv, database, path, text_files};
use crate::pipeline::{ExtraFields, FileCompression, NdjsonSource, Origin, Source, SourceFiles, SourceFormat, keys};

const PATH_EXAMPLE: &str = "data/orders.csv or data/*.csv";

pub(super) fn of_pipeline(check: &mut Check, top: &Section<'_>) -> Option<Source> {
    let field = top.require(check, "source", "{ csv: { path: data/orders.csv } }");
    let origins = field.and_then(|field| Section::open(check, &field, keys::SOURCE));
    match origins {
        Some(origins) => read(check, &origins, top),
        None => {
            // The schema's own mistakes are named all the same.
            let schema = top.get("schema");
            schema.and_then(|field| columns::read(check, &field));
            None
        }
    }
}

/// The source whose origin is a key of `origins`, and whose schema a key of `home`.
pub(super) fn read(check: &mut Check, origins: &Section<'_>, home: &Section<'_>) -> Option<Source> {
    let origin = origins.require_one(check, keys::SOURCE, "csv: { path: data/orders.csv }");
    let columns = match home.get("schema") {
        Some(field) => columns::read(check, &field),
        None if matches!(origin, Some(("csv" | "ndjson", _))) => {
            home.require(check, "schema", "{ order_id: int64 required }").and(None)
        }
        // Parquet files and databases bring their columns along.
        None => Some(Vec::new()),
    };
    let (name, field) = origin?;
    let section = Section::open(check, &field, known_keys(name))?;
    let origin = match name {
        "sqlite" => database::sqlite_source(check, &section).map(Origin::Sqlite),
        "postgres" => database::postgres_source(check, &section).map(Origin::Postgres),
        _ => files(check, name, &section).map(Origin::Files),
    };
    let extra_fields = match section.get("extra_fields") {
        Some(field) => field.choice(check, &[("reject", ExtraFields::Reject), ("ignore", ExtraFields::Ignore)]),
        None => Some(ExtraFields::Reject),
    };
    Some(Source { origin: origin?, columns: columns?, extra_fields: extra_fields? })
}

fn known_keys(origin: &str) -> &'static [&'static str] {
    match origin {
        "csv" => keys::CSV_SOURCE,
        "ndjson" => keys::NDJSON_SOURCE,
        "parquet" => keys::PARQUET_SOURCE,
        "sqlite" => keys::SQLITE_SOURCE,
        _ => keys::POSTGRES_SOURCE,
    }
}

fn files(check: &mut Check, name: &str, section: &Section<'_>) -> Option<SourceFiles> {
    let format = match name {
        "csv" => csv::source(check, section).map(SourceFormat::Csv),
        "ndjson" => {
            text_files::encoding(check, section).map(|encoding| SourceFormat::Ndjson(NdjsonSource { encoding }))
        }
        _ => Some(SourceFormat::Parquet),
    };
    let compression = match name {
        "csv" | "ndjson" => text_files::compression(check, section),
        _ => Some(FileCompression::None),
    };
    let path = section.require(check, "path", PATH_EXAMPLE);
    let path = path.and_then(|field| path::template(check, &field, PATH_EXAMPLE));
    Some(SourceFiles { format: format?, path: path?, compression: compression? })
}
