//! The targets, each with what it can.

use std::path::Path;
use std::sync::Arc;

use etlplus_core::pipeline::{
    Column, Compression, CsvSource, DatabaseRows, ExtraFields, LoadMode, NdjsonSource, Origin, ParquetTarget, Place,
    PostgresSource, Source, SourceFormat, TargetFolder, TargetFormat,
};
use etlplus_core::settings::SecretRef;
use etlplus_core::{Position, Type};

use crate::server::PostgresServer;
use crate::support::{csv_place, files, path, random, sqlite_place, sqlite_table, table};

/// The source of what was loaded into a place, with the columns that it has.
type ReadBack = dyn Fn(&Path, Vec<Column>) -> Source;

/// A kind of target.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Where rows go, for a test that has `folder` for itself.
    pub(crate) place: Box<dyn Fn(&Path) -> Place>,
    /// How they are read back.
    pub(crate) source: Box<ReadBack>,
    /// The modes that it has.
    pub(crate) modes: Vec<LoadMode>,
    /// The types that it keeps.
    pub(crate) types: Vec<Type>,
    /// Whether it knows which jobs have loaded, and the cursors of incremental loads.
    pub(crate) keeps_notes: bool,
    /// Whether a load without rows leaves something that can be read.
    pub(crate) is_there_without_rows: bool,
}

pub(crate) fn all() -> Vec<Kind> {
    vec![csv(), ndjson(), parquet(), folder(), sqlite(), postgres()]
}

fn upsert() -> LoadMode {
    LoadMode::Upsert { key: vec!["id".to_owned()] }
}

/// Types that text files keep. Zones need a feature of Arrow that the query engine brings; bytes have no text there.
fn text_types() -> Vec<Type> {
    random::TYPES.into_iter().filter(|ty| !matches!(ty, Type::TimestampTz | Type::Binary)).collect()
}

fn csv() -> Kind {
    let source = CsvSource {
        delimiter: b',',
        quote: Some(b'"'),
        escape: None,
        comment: None,
        skip_lines: 0,
        header: true,
        null: vec![String::new()],
        encoding: encoding_rs::UTF_8,
    };
    Kind {
        name: "csv",
        place: Box::new(|folder| csv_place(&folder.join("out.csv"))),
        source: Box::new(move |folder, columns| {
            files(&folder.join("out.csv"), SourceFormat::Csv(source.clone()), columns)
        }),
        modes: vec![LoadMode::Replace],
        types: text_types(),
        keeps_notes: false,
        is_there_without_rows: true,
    }
}

fn ndjson() -> Kind {
    Kind {
        name: "ndjson",
        place: Box::new(|folder| Place::File { format: TargetFormat::Ndjson, path: path(&folder.join("out.ndjson")) }),
        source: Box::new(move |folder, columns| {
            let format = SourceFormat::Ndjson(NdjsonSource { encoding: encoding_rs::UTF_8 });
            files(&folder.join("out.ndjson"), format, columns)
        }),
        modes: vec![LoadMode::Replace],
        // A text of the type `json` is written as a JSON string, and read as the JSON that this is.
        types: text_types().into_iter().filter(|ty| *ty != Type::Json).collect(),
        keeps_notes: false,
        is_there_without_rows: true,
    }
}

fn parquet() -> Kind {
    Kind {
        name: "parquet",
        place: Box::new(|folder| {
            let format = TargetFormat::Parquet(ParquetTarget { compression: Compression::Zstd });
            Place::File { format, path: path(&folder.join("out.parquet")) }
        }),
        source: Box::new(move |folder, columns| files(&folder.join("out.parquet"), SourceFormat::Parquet, columns)),
        modes: vec![LoadMode::Replace],
        types: random::TYPES.to_vec(),
        keeps_notes: false,
        is_there_without_rows: true,
    }
}

/// A folder of Parquet files.
fn folder() -> Kind {
    let place = |folder: &Path| {
        let format = TargetFormat::Parquet(ParquetTarget { compression: Compression::Snappy });
        let file_bytes = TargetFolder::DEFAULT_FILE_BYTES;
        Place::Folder(TargetFolder { format, path: path(&folder.join("out")), partition_by: Vec::new(), file_bytes })
    };
    Kind {
        name: "folder",
        place: Box::new(place),
        source: Box::new(|folder, columns| files(&folder.join("out/**/*.parquet"), SourceFormat::Parquet, columns)),
        modes: vec![LoadMode::Replace, LoadMode::Append],
        types: random::TYPES.to_vec(),
        keeps_notes: true,
        is_there_without_rows: false,
    }
}

fn sqlite() -> Kind {
    Kind {
        name: "sqlite",
        place: Box::new(|folder| sqlite_place(&folder.join("out.db"), "orders")),
        source: Box::new(move |folder, columns| sqlite_table(&folder.join("out.db"), "orders", columns)),
        modes: vec![LoadMode::Replace, LoadMode::Append, upsert()],
        types: random::TYPES.to_vec(),
        keeps_notes: true,
        is_there_without_rows: true,
    }
}

/// A database server for all of the suite, and a table of its own for each folder.
fn postgres() -> Kind {
    let server = Arc::new(PostgresServer::start());
    let address = etlplus_core::pipeline::PostgresServer {
        url: server.url(),
        password: Some(SecretRef::File(server.password_file())),
        key: "url".to_owned(),
        position: Position::START,
    };
    let name = |folder: &Path| folder.file_name().expect("a folder of the test").to_string_lossy().into_owned();
    let (read_from, running) = (address.clone(), server);
    Kind {
        name: "postgres",
        place: Box::new(move |folder| {
            let _ = &running;
            Place::Postgres { server: address.clone(), table: table(&name(folder)) }
        }),
        source: Box::new(move |folder, columns| Source {
            origin: Origin::Postgres(PostgresSource {
                server: read_from.clone(),
                rows: DatabaseRows::Table(table(&name(folder))),
            }),
            columns,
            extra_fields: ExtraFields::Reject,
        }),
        modes: vec![LoadMode::Replace, LoadMode::Append, upsert()],
        types: random::TYPES.to_vec(),
        keeps_notes: true,
        is_there_without_rows: true,
    }
}
