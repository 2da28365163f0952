//! `target`: where rows go.

use super::field::{Field, Section};
use super::{Check, csv, path, quoted};
use crate::mistake::nearest;
use crate::pipeline::{Compression, ParquetTarget, Target, TargetFormat, keys};

pub(super) fn read(check: &mut Check, top: &Section<'_>) -> Option<Target> {
    let field = top.require(check, "target", "{ parquet: { path: out/orders.parquet } }")?;
    let formats = Section::open(check, &field, keys::TARGET)?;
    let (name, field) = formats.require_one(check, keys::TARGET, "parquet: { path: out/orders.parquet }")?;
    let (known, example) = match name {
        "parquet" => (keys::PARQUET_TARGET, "out/orders.parquet"),
        "csv" => (keys::CSV_TARGET, "out/orders.csv"),
        _ => (keys::NDJSON_TARGET, "out/orders.ndjson"),
    };
    let section = Section::open(check, &field, known)?;
    let format = match name {
        "parquet" => {
            let compression =
                section.get("compression").map_or(Some(Compression::Zstd), |field| compression(check, &field));
            compression.map(|compression| TargetFormat::Parquet(ParquetTarget { compression }))
        }
        "csv" => csv::target(check, &section).map(TargetFormat::Csv),
        _ => Some(TargetFormat::Ndjson),
    };
    let path = section.require(check, "path", example);
    let path = path.and_then(|field| path::template(check, &field, example));
    Some(Target { format: format?, path: path? })
}

fn compression(check: &mut Check, field: &Field<'_>) -> Option<Compression> {
    match field.scalar(check, "zstd, snappy or none")?.text.as_str() {
        "zstd" => Some(Compression::Zstd),
        "snappy" => Some(Compression::Snappy),
        "none" => Some(Compression::None),
        text => {
            let remedy = match nearest(text, ["zstd", "snappy", "none"]) {
                Some(near) => format!("did you mean {near}?"),
                None => "write zstd, snappy or none".to_owned(),
            };
            field.mistake(check, format!("unknown compression {}", quoted(text)), remedy);
            None
        }
    }
}
