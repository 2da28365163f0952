//! Where rows come from: options of text files, databases, and how they are reached.

use etlplus_core::pipeline::{
    CsvSource, DatabaseRows, ExtraFields, FileCompression, LookupOrigin, Origin, Pipeline, SourceFiles, SourceFormat,
};
use etlplus_core::settings::SecretRef;

use super::mistakes;

const TARGET: &str = "target: { ndjson: { path: out } }\n";

/// A file with this source and no schema.
fn bare(source: &str) -> String {
    format!("name: t\nparameters: {{ country: string }}\nsource:\n  {source}\n{TARGET}")
}

/// A file with this source and a schema of one column.
fn with_schema(source: &str) -> String {
    bare(source) + "schema: { a: string }\n"
}

fn csv_options(pipeline: &Pipeline) -> (&CsvSource, FileCompression) {
    match &pipeline.source.origin {
        Origin::Files(SourceFiles { format: SourceFormat::Csv(csv), compression, .. }) => (csv, *compression),
        other => panic!("no CSV: {other:?}"),
    }
}

#[test]
fn every_option_of_csv_arrives() {
    let pipeline = mistakes::none(&with_schema(
        r##"csv: { path: in, delimiter: ";", quote: "'", escape: "\\", comment: "#", skip_lines: 2, encoding: windows-1252, compression: zstd }"##,
    ));
    let (csv, compression) = csv_options(&pipeline);
    let characters = (csv.delimiter, csv.quote, csv.escape, csv.comment);
    assert_eq!(characters, (b';', Some(b'\''), Some(b'\\'), Some(b'#')));
    assert_eq!((csv.skip_lines, csv.encoding.name(), compression), (2, "windows-1252", FileCompression::Zstd));

    let silent = mistakes::none(&with_schema("csv: { path: in }"));
    let (csv, compression) = csv_options(&silent);
    assert_eq!((csv.escape, csv.comment, csv.skip_lines), (None, None, 0));
    assert_eq!((csv.encoding.name(), compression), ("UTF-8", FileCompression::Auto));
}

#[test]
fn characters_with_a_meaning_are_different_ones() {
    let one = |options: &str, key: &str, words: &str| {
        mistakes::one(&with_schema(&format!("csv: {{ path: in, {options} }}")), &format!("source.csv.{key}"), words);
    };
    one("escape: §'\"'", "escape", "a quote inside quotes is doubled anyway");
    one("quote: \"'\", escape: §\"'\"", "escape", "escape and quote are the same character");
    one("comment: §','", "comment", "delimiter and comment are the same character: use another comment");
    one("delimiter: §'#', comment: '#'", "delimiter", "use another delimiter");
    one("quote: §'#', comment: '#'", "quote", "quote and comment are the same character");
    one("escape: §'#', comment: '#'", "escape", "escape and comment are the same character");
    one("delimiter: §'\\', escape: '\\'", "delimiter", "delimiter and escape are the same character");
    one("quote: none, §escape: '\\'", "escape", "without quotes there is nothing to escape");
    one("comment: §'//'", "comment", "is not one ASCII character");
    one("escape: §''", "escape", "is not one ASCII character");
    one("skip_lines: §-1", "skip_lines", "is not a whole number");
}

#[test]
fn encodings_and_compressions_have_their_names() {
    for (label, name) in [
        ("latin1", "windows-1252"),
        ("UTF-16", "UTF-16LE"),
        ("sjis", "Shift_JIS"),
        ("866", "IBM866"),
        ("cp1250", "windows-1250"),
    ] {
        let pipeline = mistakes::none(&with_schema(&format!("ndjson: {{ path: in, encoding: {label} }}")));
        let Origin::Files(SourceFiles { format: SourceFormat::Ndjson(ndjson), .. }) = &pipeline.source.origin else {
            panic!("no NDJSON")
        };
        assert_eq!(ndjson.encoding.name(), name, "{label}");
    }
    let encoding = |label: &str| with_schema(&format!("csv: {{ path: in, encoding: §{label} }}"));
    mistakes::one(&encoding("windows-1522"), "source.csv.encoding", "did you mean windows-1252?");
    mistakes::one(&encoding("ebcdic"), "source.csv.encoding", "unknown encoding \"ebcdic\": write a label");
    mistakes::one(&encoding("hz-gb-2312"), "source.csv.encoding", "is not supported: convert the files to UTF-8");
    let compression = |word: &str| with_schema(&format!("ndjson: {{ path: in, compression: §{word} }}"));
    mistakes::one(&compression("brotli"), "source.ndjson.compression", "is not auto, none, gzip or zstd");
    mistakes::one(&compression("gzp"), "source.ndjson.compression", "did you mean gzip?");
    for key in ["compression", "encoding"] {
        let parquet = bare(&format!("parquet: {{ path: in, §{key}: none }}"));
        mistakes::one(&parquet, &format!("source.parquet.{key}"), "unknown key");
    }
}

#[test]
fn a_database_is_read_by_table_or_by_query() {
    let pipeline =
        mistakes::none(&bare("sqlite: { path: \"shop-${country}.db\", table: orders, extra_fields: ignore }"));
    let Origin::Sqlite(sqlite) = &pipeline.source.origin else { panic!("no SQLite") };
    let DatabaseRows::Table(table) = &sqlite.rows else { panic!("no table") };
    assert_eq!((table.schema.as_deref(), table.table.as_str(), sqlite.path.parts.len()), (None, "orders", 3));
    assert_eq!(pipeline.source.extra_fields, ExtraFields::Ignore);
    assert!(pipeline.source.columns.is_empty());

    let url = "postgresql://etl@db.example:5433/shop?sslmode=verify-full";
    let pipeline = mistakes::none(&bare(&format!(
        "postgres:\n    url: {url}\n    password: ${{PGPASSWORD}}\n    query: |\n      SELECT id\n      FROM orders\n"
    )));
    let Origin::Postgres(postgres) = &pipeline.source.origin else { panic!("no PostgreSQL") };
    assert_eq!((postgres.server.url.as_str(), postgres.server.key.as_str()), (url, "source.postgres.url"));
    assert_eq!(postgres.server.password, Some(SecretRef::Env("PGPASSWORD".to_owned())));
    let DatabaseRows::Query(query) = &postgres.rows else { panic!("no query") };
    assert_eq!(query.text, "SELECT id\nFROM orders\n");
    // Columns may be declared all the same.
    mistakes::none(&with_schema("sqlite: { path: shop.db, table: orders }"));

    mistakes::one(&bare("§sqlite: { path: shop.db }"), "source.sqlite", "none of table, query is there");
    let both = bare("sqlite: { path: shop.db, table: orders, §query: SELECT 1 }");
    mistakes::one(&both, "source.sqlite.query", "query is there beside table");
    mistakes::one(&bare("§sqlite: { table: orders }"), "source.sqlite.path", "path is missing");
    mistakes::one(&bare("§postgres: { table: orders }"), "source.postgres.url", "url is missing");
    mistakes::one(&bare("sqlite: { path: a.db, query: §' ' }"), "source.sqlite.query", "the SQL is empty");
    mistakes::one(&bare("sqlite: { §url: a, path: a.db, table: a }"), "source.sqlite.url", "unknown key");
}

#[test]
fn a_query_of_a_database_has_no_parameters() {
    let query =
        "sqlite:\n    path: a.db\n    query: |\n      SELECT *\n      FROM a WHERE b = §$country OR c < §$as_of\n";
    mistakes::all(&bare(query), &["$country is a parameter", "filter them in transforms"]);
    mistakes::none(&bare("sqlite: { path: a.db, query: \"SELECT '$5', $country$x$country$, '$other'\" }"));
}

#[test]
fn tables_are_named_as_the_database_spells_them() {
    let postgres = |table: &str| bare(&format!("postgres: {{ url: postgres://u@h/d, table: {table} }}"));
    let named = |table: &str| {
        let pipeline = mistakes::none(&postgres(table));
        let Origin::Postgres(source) = &pipeline.source.origin else { panic!("no PostgreSQL") };
        let DatabaseRows::Table(table) = &source.rows else { panic!("no table") };
        (table.schema.clone().unwrap_or_default(), table.table.clone())
    };
    let name = |schema: &str, table: &str| (schema.to_owned(), table.to_owned());
    assert_eq!(named("orders"), name("", "orders"));
    assert_eq!(named("shop.Orders"), name("shop", "Orders"));
    assert_eq!(named(r#"'"a.b"."say ""x"""'"#), name("a.b", "say \"x\""));
    assert_eq!(named("order items"), name("", "order items"));
    for (wrong, words) in [
        ("a.b.c", "more parts than a schema and a table"),
        ("a..b", "is no name of a table"),
        ("''", "is no name of a table"),
        (r#"'"open'"#, "put double quotes around"),
        (r#"'"a"b'"#, "put double quotes around"),
        (r#"'a"b'"#, "put double quotes around"),
        ("' a'", "put double quotes around"),
        (r#""a\tb""#, "none of them a control character"),
    ] {
        mistakes::one(&postgres(&format!("§{wrong}")), "source.postgres.table", words);
    }
    mistakes::one(&postgres(&format!("§{}", "ä".repeat(32))), "source.postgres.table", "more than the 63 bytes");
    mistakes::none(&bare(&format!("sqlite: {{ path: a.db, table: {} }}", "ä".repeat(255))));
    let sqlite = "sqlite: { path: a.db, table: §shop.orders }";
    mistakes::one(&bare(sqlite), "source.sqlite.table", "an SQLite database has none");
    mistakes::none(&bare(r#"sqlite: { path: a.db, table: '"shop.orders"' }"#));
}

#[test]
fn the_address_of_a_server_is_whole() {
    let url = |url: &str| bare(&format!("postgres: {{ url: §\"{url}\", table: orders }}"));
    for right in [
        "postgres://etl@db.example/shop",
        "postgresql://etl@127.0.0.1:5432/shop?sslmode=disable&application_name=nightly%20load",
        "postgres://a%40b@[2001:db8::1]:6543/my%20shop",
        "postgres://etl@%2Frun%2Fpostgresql/shop",
        "postgres://etl@db/shop?sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem&sslcert=/c.pem&sslkey=/k.pem",
    ] {
        mistakes::none(&url(right).replace('§', ""));
    }
    for (wrong, words) in [
        ("mysql://etl@db/shop", "does not begin with postgres://"),
        ("etl@db/shop", "does not begin with postgres://"),
        ("postgres://etl@db", "names no database"),
        ("postgres://etl@db/", "names no database"),
        ("postgres://db/shop", "names no user"),
        ("postgres://@db/shop", "names no user"),
        ("postgres://etl@/shop", "names no host"),
        ("postgres://etl@:5432/shop", "names no host"),
        ("postgres://etl@d b/shop", "ASCII characters without spaces"),
        ("postgres://etl@dä/shop", "ASCII characters without spaces"),
        ("postgres://etl@[::g]/shop", "the host is no name"),
        ("postgres://etl@run%2Fpg/shop", "the host is no name"),
        ("postgres://etl@db:0/shop", "the port is not"),
        ("postgres://etl@db:65536/shop", "the port is not"),
        ("postgres://etl@db:/shop", "the port is not"),
        ("postgres://etl@db:5432/sh@op", "the database holds a character"),
        ("postgres://etl@db/shop/orders", "the database holds a character"),
        ("postgres://etl@db/sh%zzop", "the database holds a character"),
        ("postgres://etl@db/shop#x", "the database holds a character"),
        ("postgres://e%ffl@db/shop", "the user holds a character"),
        ("postgres://etl@db/shop?ssl=1", "unknown parameter \"ssl\""),
        ("postgres://etl@db/shop?ssl_mode=require", "did you mean sslmode?"),
        ("postgres://etl@db/shop?connect_timeout=5", "the parameters of an address are sslmode"),
        ("postgres://etl@db/shop?host=other", "unknown parameter \"host\""),
        ("postgres://etl@db/shop?", "unknown parameter \"\""),
        ("postgres://etl@db/shop?sslmode=required", "did you mean require?"),
        ("postgres://etl@db/shop?sslmode=", "sslmode of the address has no sound value"),
        ("postgres://etl@db/shop?sslmode=allow&sslmode=allow", "sslmode twice"),
        ("postgres://etl@db/shop?sslrootcert=ca.pem", "is no absolute path"),
        ("${DATABASE_URL}", "is a reference where an address belongs"),
    ] {
        mistakes::one(&url(wrong), "source.postgres.url", words);
    }
}

#[test]
fn a_password_is_a_reference_and_is_never_shown() {
    let url = |url: &str| mistakes::of(&bare(&format!("postgres: {{ url: \"{url}\", table: orders }}")));
    for leak in [
        "postgres://etl:hunter2@db/shop",
        "postgres://etl:hun/ter2@db/shop",
        "postgres://etl:hun@ter2@db/shop",
        "postgres://etl@db/shop?password=hunter2",
    ] {
        let found = url(leak);
        assert_eq!(found.len(), 1, "{leak}: {found:#?}");
        let shown = found[0].to_string();
        assert!(shown.contains("holds a password: remove it, and write password: ${NAME}"), "{shown}");
        assert!(!shown.contains("ter2"), "{shown}");
    }
    // Not told as a password, and not shown either.
    for broken in ["postgres://etl:hun?ter2@db/shop", "postgres://etl:hunter2", "postgres://hunter2:5x/shop"] {
        let found = url(broken);
        assert!(found.len() == 1 && !found[0].to_string().contains("ter2"), "{found:#?}");
    }
    let password = |text: &str| bare(&format!("postgres: {{ url: postgres://u@h/d, password: {text}, table: a }}"));
    mistakes::none(&password("\"${file:/run/secrets/pg}\""));
    let found = mistakes::of(&password("hunter2"));
    assert!(found.len() == 1 && found[0].message == "is not a reference to a secret", "{found:#?}");
    mistakes::one(&password("§\"${1X}\""), "source.postgres.password", "write ${NAME}");
    mistakes::one(&password("§\"${file:pg}\""), "source.postgres.password", "is not absolute");
}

#[test]
fn lookups_come_from_databases_too() {
    let pipeline = mistakes::none(&mistakes::with(
        "lookups:\n  a: { sqlite: { path: shop.db, table: customers } }\n  \
         b: { postgres: { url: postgres://u@h/d, query: SELECT 1 AS x }, schema: { x: int64 } }",
    ));
    let origins: Vec<_> = pipeline.lookups.iter().map(|lookup| &lookup.origin).collect();
    let [LookupOrigin::Source(a), LookupOrigin::Source(b)] = origins.as_slice() else { panic!("{origins:?}") };
    assert!(matches!(a.origin, Origin::Sqlite(_)) && a.columns.is_empty());
    assert!(matches!(b.origin, Origin::Postgres(_)) && b.columns.len() == 1);
}
