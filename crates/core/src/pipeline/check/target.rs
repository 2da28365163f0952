//! `target`: where rows go, and what becomes of those that are there.

use super::field::{Field, Section};
use super::{Check, csv, database, limits, names, path, quoted};
use crate::pipeline::{Compression, LoadMode, ParquetTarget, Place, Target, TargetFolder, TargetFormat, caps, keys};

const COLUMNS_EXAMPLE: &str = "a list of columns, such as [id]";

/// `mode`, without the key that an upsert has beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Replace,
    Append,
    Upsert,
}

pub(super) fn read(check: &mut Check, top: &Section<'_>) -> Option<Target> {
    let field = top.require(check, "target", "{ parquet: { path: out/orders.parquet } }")?;
    let section = Section::open(check, &field, keys::TARGET)?;
    let place = section.require_one(check, keys::PLACE, "parquet: { path: out/orders.parquet }");
    let place = place.and_then(|(name, field)| place_of(check, name, &field));
    let mode = mode(check, &section, place.as_ref());
    Some(Target { place: place?, mode: mode? })
}

fn place_of(check: &mut Check, name: &str, field: &Field<'_>) -> Option<Place> {
    let (known, file, folder) = match name {
        "sqlite" => {
            let section = Section::open(check, field, keys::SQLITE_TARGET)?;
            return database::sqlite_place(check, &section);
        }
        "postgres" => {
            let section = Section::open(check, field, keys::POSTGRES_TARGET)?;
            return database::postgres_place(check, &section);
        }
        "parquet" => (keys::PARQUET_TARGET, "out/orders.parquet", "out/orders"),
        "csv" => (keys::CSV_TARGET, "out/orders.csv", "out/orders"),
        _ => (keys::NDJSON_TARGET, "out/orders.ndjson", "out/orders"),
    };
    let section = Section::open(check, field, known)?;
    let format = match name {
        "parquet" => {
            compression(check, &section).map(|compression| TargetFormat::Parquet(ParquetTarget { compression }))
        }
        "csv" => csv::target(check, &section).map(TargetFormat::Csv),
        _ => Some(TargetFormat::Ndjson),
    };
    let example = format!("path: {file} for one file, or folder: {folder} for many");
    match section.require_one(check, &["path", "folder"], &example)? {
        ("path", field) => {
            let path = path::template(check, &field, file);
            let is_alone = refuse_folder_keys(check, &section);
            Some(Place::File { format: format?, path: path.filter(|_| is_alone)? })
        }
        (_, field) => {
            let path = path::folder(check, &field, folder);
            let partition_by = match section.get("partition_by") {
                Some(field) => columns(check, &field, caps::PARTITION_COLUMNS_MAX),
                None => Some(Vec::new()),
            };
            let file_bytes = match section.get("file_size") {
                Some(field) => limits::size(check, &field, caps::FILE_MIN_BYTES, u64::MAX),
                None => Some(TargetFolder::DEFAULT_FILE_BYTES),
            };
            Some(Place::Folder(TargetFolder {
                format: format?,
                path: path?,
                partition_by: partition_by?,
                file_bytes: file_bytes?,
            }))
        }
    }
}

fn compression(check: &mut Check, section: &Section<'_>) -> Option<Compression> {
    let choices = [("zstd", Compression::Zstd), ("snappy", Compression::Snappy), ("none", Compression::None)];
    section.get("compression").map_or(Some(Compression::Zstd), |field| field.choice(check, &choices))
}

/// Whether the target of one file has none of the keys that divide rows among files.
fn refuse_folder_keys(check: &mut Check, section: &Section<'_>) -> bool {
    let given = ["partition_by", "file_size"].map(|key| section.get(key));
    for field in given.iter().flatten() {
        let message = "rows are divided among files only in a folder";
        check.mistake(field.key_position, &field.key, message, "write folder: in place of path:, or remove this key");
    }
    given.iter().all(Option::is_none)
}

/// `mode`, with `key` where it is upsert.
fn mode(check: &mut Check, section: &Section<'_>, place: Option<&Place>) -> Option<LoadMode> {
    let choices = [("replace", Mode::Replace), ("append", Mode::Append), ("upsert", Mode::Upsert)];
    let mode = match section.get("mode") {
        Some(field) => {
            let mode = field.choice(check, &choices);
            if let (Some(mode), Some(place)) = (mode, place) {
                refuse_unfit(check, &field, mode, place);
            }
            mode
        }
        None => Some(Mode::Replace),
    };
    let key = match section.get("key") {
        Some(field) => columns(check, &field, caps::KEY_COLUMNS_MAX).map(Some),
        None => Some(None),
    };
    match (mode?, section.get("key")) {
        (Mode::Upsert, None) => {
            section.require(check, "key", "[id], the columns that no two rows have in common");
            None
        }
        (Mode::Replace | Mode::Append, Some(field)) => {
            check.mistake(field.key_position, &field.key, "a key is for mode: upsert", "write that, or remove the key");
            None
        }
        (Mode::Replace, None) => Some(LoadMode::Replace),
        (Mode::Append, None) => Some(LoadMode::Append),
        (Mode::Upsert, Some(_)) => Some(LoadMode::Upsert { key: key?? }),
    }
}

fn refuse_unfit(check: &mut Check, field: &Field<'_>, mode: Mode, place: &Place) {
    let is_table = matches!(place, Place::Sqlite { .. } | Place::Postgres { .. });
    match mode {
        Mode::Upsert if !is_table => {
            field.mistake(check, "files have no rows to replace by key", "write to a table of sqlite or postgres");
        }
        Mode::Append if matches!(place, Place::File { .. }) => {
            let remedy = "write folder: in place of path:, where each job adds files, or write to a table";
            field.mistake(check, "one file is replaced as a whole", remedy);
        }
        _ => {}
    }
}

/// Names of columns, each once, and one at least.
fn columns(check: &mut Check, field: &Field<'_>, most: usize) -> Option<Vec<String>> {
    let items = field.list(check, most, COLUMNS_EXAMPLE)?;
    if items.is_empty() {
        field.mistake(check, "names no column", format!("write {COLUMNS_EXAMPLE}"));
        return None;
    }
    let mut columns: Vec<String> = Vec::with_capacity(items.len());
    let mut is_good = true;
    for item in items {
        let Some(scalar) = item.scalar(check, "the name of a column") else {
            is_good = false;
            continue;
        };
        let name = &scalar.text;
        if columns.contains(name) {
            item.mistake(check, format!("the column {} is there twice", quoted(name)), "keep one of them");
            is_good = false;
        } else {
            is_good &= names::check_column(check, item.node.position, &item.key, name);
            columns.push(name.clone());
        }
    }
    is_good.then_some(columns)
}
