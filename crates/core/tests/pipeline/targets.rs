//! Where rows go, what becomes of those that are there, and loads of only what is new.

use etlplus_core::pipeline::{Incremental, LoadMode, Place, RejectFormat, TargetFolder, TargetFormat};

use super::mistakes;

const SCHEMA: &str =
    "schema:\n  id: int64\n  at: timestamptz\n  share: float64\n  seen: { type: date, format: '%d.%m.%Y' }\n";
const TABLE: &str = "sqlite: { path: a.db, table: a }";

fn target(target: &str) -> String {
    format!("name: t\nsource: {{ csv: {{ path: in.csv }} }}\n{SCHEMA}target:\n  {target}\n")
}

fn incremental(incremental: &str) -> String {
    target(&format!("{TABLE}\n  mode: append")) + &format!("incremental: {incremental}\n")
}

#[test]
fn a_target_is_one_file_a_folder_or_a_table() {
    let folder = "parquet: { folder: out/orders/, partition_by: [country, day], file_size: 1MiB, compression: none }";
    let pipeline = mistakes::none(&target(folder));
    let Place::Folder(TargetFolder { format: TargetFormat::Parquet(_), path, partition_by, file_bytes }) =
        &pipeline.target.place
    else {
        panic!("no folder of Parquet")
    };
    assert_eq!((format!("{:?}", path.parts), *file_bytes), ("[Text(\"out/orders\")]".to_owned(), 1 << 20));
    assert_eq!(partition_by, &["country", "day"]);

    let pipeline = mistakes::none(&target("csv: { folder: out, delimiter: ';' }\n  mode: append"));
    let Place::Folder(TargetFolder { format: TargetFormat::Csv(csv), partition_by, file_bytes, .. }) =
        &pipeline.target.place
    else {
        panic!("no folder of CSV")
    };
    assert_eq!((csv.delimiter, *file_bytes), (b';', TargetFolder::DEFAULT_FILE_BYTES));
    assert!(partition_by.is_empty() && pipeline.target.mode == LoadMode::Append);

    let pipeline = mistakes::none(&target("sqlite: { path: shop.db, table: orders }"));
    let Place::Sqlite { table, .. } = &pipeline.target.place else { panic!("no SQLite") };
    assert_eq!((table.table.as_str(), &pipeline.target.mode), ("orders", &LoadMode::Replace));

    let server = "url: postgres://etl@db/shop, password: \"${PGPASSWORD}\"";
    let postgres = format!("postgres: {{ {server}, table: shop.orders }}\n  mode: upsert\n  key: [id, at]");
    let pipeline = mistakes::none(&target(&postgres));
    let Place::Postgres { server, table } = &pipeline.target.place else { panic!("no PostgreSQL") };
    assert_eq!((server.key.as_str(), table.to_string().as_str()), ("target.postgres.url", "shop.orders"));
    assert_eq!(pipeline.target.mode, LoadMode::Upsert { key: vec!["id".to_owned(), "at".to_owned()] });
}

#[test]
fn a_place_is_said_once_and_whole() {
    mistakes::one(&target("§parquet: {}"), "target.parquet", "none of path, folder is there");
    mistakes::one(&target("csv: { path: a, §folder: b }"), "target.csv.folder", "folder is there beside path");
    let mode_alone = target("mode: append").replace("\ntarget", "\n§target");
    mistakes::one(&mode_alone, "target", "none of parquet, csv, ndjson, sqlite, postgres is there");
    mistakes::one(&target("§sqlite: { path: a.db }"), "target.sqlite.table", "table is missing");
    mistakes::one(&target("sqlite: { path: a.db, §query: b, table: c }"), "target.sqlite.query", "unknown key");
    for (key, value) in [("partition_by", "[a]"), ("file_size", "1MiB")] {
        let file = target(&format!("ndjson: {{ path: a, §{key}: {value} }}"));
        mistakes::one(&file, &format!("target.ndjson.{key}"), "only in a folder: write folder: in place of path:");
    }
    let folder = |options: &str| target(&format!("ndjson: {{ folder: out, {options} }}"));
    let partition = "target.ndjson.partition_by";
    mistakes::one(&folder("partition_by: §[]"), partition, "names no column");
    mistakes::one(&folder("partition_by: §day"), partition, "where a list belongs");
    mistakes::one(&folder("partition_by: [a, §a]"), &format!("{partition}[1]"), "the column \"a\" is there twice");
    mistakes::one(&folder("partition_by: [§'']"), &format!("{partition}[0]"), "is no name for a column");
    let many: Vec<String> = (0..17).map(|number| format!("c{number}")).collect();
    mistakes::one(&folder(&format!("partition_by: §[{}]", many.join(", "))), partition, "more than the 16 allowed");
    mistakes::one(&folder("file_size: §1KiB"), "target.ndjson.file_size", "give at least 64KiB");
    for nowhere in ["''", "/"] {
        let folder = target(&format!("ndjson: {{ folder: §{nowhere} }}"));
        mistakes::one(&folder, "target.ndjson.folder", "the path is empty");
    }
    let table = |table: &str| target(&format!("sqlite: {{ path: a.db, table: §{table} }}"));
    mistakes::one(&table("etlplus_loads"), "target.sqlite.table", "reserved for the records of loads");
    mistakes::one(&table("SQLite_x"), "target.sqlite.table", "reserved for the database itself");
}

#[test]
fn a_mode_fits_its_place_and_has_its_key() {
    let table = |rest: &str| target(&format!("{TABLE}\n  {rest}"));
    let file = target("csv: { path: a }\n  mode: §append");
    mistakes::one(&file, "target.mode", "one file is replaced as a whole: write folder:");
    for place in ["csv: { path: a }", "csv: { folder: a }"] {
        let upsert = target(&format!("{place}\n  mode: §upsert\n  key: [id]"));
        mistakes::one(&upsert, "target.mode", "files have no rows to replace by key: write to a table");
    }
    let no_key = table("mode: upsert").replace("\ntarget", "\n§target");
    mistakes::one(&no_key, "target.key", "key is missing: add key: [id]");
    for mode in ["mode: append", "mode: replace", ""] {
        mistakes::one(&table(&format!("§key: [id]\n  {mode}")), "target.key", "a key is for mode: upsert");
    }
    mistakes::one(&table("mode: upsert\n  key: §[]"), "target.key", "names no column");
    mistakes::one(&table("mode: upsert\n  key: [id, §id]"), "target.key[1]", "is there twice");
    mistakes::one(&table("mode: §merge"), "target.mode", "\"merge\" is not replace, append or upsert");
    // A place with a mistake hides none of the mode.
    let both = target("sqlite: { path: §'', table: a }\n  mode: §apend");
    mistakes::all(&both, &["the path is empty", "did you mean append?"]);
}

#[test]
fn an_incremental_load_has_a_cursor_that_only_grows() {
    let read = |said: &str| {
        let Incremental { cursor, start, .. } = mistakes::none(&incremental(said)).incremental.unwrap();
        (cursor, start)
    };
    assert_eq!(read("{ cursor: id }"), ("id".to_owned(), None));
    assert_eq!(read("{ cursor: id, start: 17 }"), ("id".to_owned(), Some("17".to_owned())));
    assert_eq!(read("{ cursor: at, start: 2026-01-01T00:00:00Z }").1.as_deref(), Some("2026-01-01T00:00:00Z"));
    // The start is written as our dates are, however the files write theirs.
    assert_eq!(read("{ cursor: seen, start: 2026-01-31 }").1.as_deref(), Some("2026-01-31"));
    assert!(mistakes::none(&target("ndjson: { path: a }")).incremental.is_none());

    mistakes::one(&incremental("{ cursor: §share }"), "incremental.cursor", "is of type float64, which is no cursor");
    mistakes::one(&incremental("{ cursor: §sen }"), "incremental.cursor", "did you mean seen?");
    mistakes::one(&incremental("{ cursor: §zzz }"), "incremental.cursor", "name a column of the schema");
    mistakes::one(&incremental("{ cursor: id, start: §x }"), "incremental.start", "is not a whole number");
    mistakes::one(&incremental("{ cursor: seen, start: §31.01.2026 }"), "incremental.start", "of the form YYYY-MM-DD");
    let missing = incremental("{ start: 1 }").replace("\nincremental", "\n§incremental");
    mistakes::one(&missing, "incremental.cursor", "cursor is missing");
    let types = [
        ("int16", true),
        ("decimal(9,2)", true),
        ("date", true),
        ("timestamp", true),
        ("string", true),
        ("uuid", true),
        ("boolean", false),
        ("float32", false),
        ("json", false),
        ("binary", false),
    ];
    for (ty, is_cursor) in types {
        let file = incremental("{ cursor: id }").replace("id: int64", &format!("id: {ty}"));
        assert_eq!(mistakes::of(&file).is_empty(), is_cursor, "{ty}");
    }
}

#[test]
fn an_incremental_load_keeps_what_is_there() {
    let with_mode = |place: &str, mode: &str| target(&format!("{place}{mode}")) + "§incremental: { cursor: id }\n";
    for mode in ["", "\n  mode: replace"] {
        let file = with_mode(TABLE, mode);
        mistakes::one(&file, "incremental", "write mode: append under target, or mode: upsert");
    }
    for (place, mode) in [
        (TABLE, "\n  mode: append"),
        (TABLE, "\n  mode: upsert\n  key: [id]"),
        ("csv: { folder: out }", "\n  mode: append"),
    ] {
        mistakes::none(&with_mode(place, mode).replace('§', ""));
    }
    // Where the source brings its columns along, the cursor's type is not known yet.
    let open = "name: t\nsource: { parquet: { path: in } }\ntarget: { ndjson: { folder: out }, mode: append }\n\
                incremental: { cursor: updated_at, start: whatever }\n";
    assert_eq!(mistakes::none(open).incremental.unwrap().start.as_deref(), Some("whatever"));
}

#[test]
fn rejects_have_the_format_of_their_ending() {
    let read = |rejects: &str| mistakes::none(&(target("ndjson: { path: out/a }") + rejects)).rejects.format;
    for (rejects, format) in [
        ("", RejectFormat::Ndjson),
        ("rejects: { max_count: 1 }", RejectFormat::Ndjson),
        ("rejects: { path: r.csv }", RejectFormat::Csv),
        ("rejects: { path: \"r-${as_of:%Y}.parquet\" }", RejectFormat::Parquet),
        ("rejects: { path: r.jsonl }", RejectFormat::Ndjson),
        ("rejects: { path: r.txt }", RejectFormat::Ndjson),
        ("rejects: { path: \"r.${as_of:%Y}\" }", RejectFormat::Ndjson),
        ("rejects: { path: r.txt, format: parquet }", RejectFormat::Parquet),
        ("rejects: { format: csv }", RejectFormat::Csv),
    ] {
        assert_eq!(read(rejects), format, "{rejects}");
    }
    let format = target("ndjson: { path: a }") + "rejects: { format: §xml }";
    mistakes::one(&format, "rejects.format", "is not ndjson, csv or parquet");
}

#[test]
fn rejects_stay_out_of_the_target() {
    let rejects = |folder: &str, path: &str| {
        target(&format!("ndjson: {{ folder: \"{folder}\" }}")) + &format!("rejects: {{ path: §\"{path}\" }}")
    };
    for (folder, path) in [("out", "out/r.csv"), ("out/", "out/a/r.csv"), ("o-${as_of:%Y}", "o-${as_of:%Y}/r.csv")] {
        mistakes::one(&rejects(folder, path), "rejects.path", "the target's own folder");
    }
    mistakes::one(&rejects("out", "out"), "rejects.path", "the target's own file");
    for (folder, path) in [("out", "out.csv"), ("out", "other/out/r.csv"), ("o-${as_of:%Y}", "o-${as_of:%Y}.csv")] {
        mistakes::none(&rejects(folder, path).replace('§', ""));
    }
}
