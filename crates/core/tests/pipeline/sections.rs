//! Each section of the file: missing, unknown and wrong keys.

use super::mistakes::{self, with};

const SOURCE: &str = "source: { csv: { path: in.csv } }\nschema: { a: string }\n";
const TARGET: &str = "target: { ndjson: { path: out } }\n";

#[test]
fn keys_are_there_and_known() {
    mistakes::one(&format!("§description: x\n{SOURCE}{TARGET}"), "name", "name is missing");
    mistakes::one(&format!("§name: t\n{TARGET}"), "source", "source is missing");
    mistakes::one(&format!("§name: t\n{SOURCE}"), "target", "target is missing");
    mistakes::one(&format!("§name: t\nsource: {{ csv: {{ path: in.csv }} }}\n{TARGET}"), "schema", "schema is missing");
    mistakes::one(&with("§transform: []"), "transform", "did you mean transforms?");
    mistakes::one(&with("§zzzzz: 1"), "zzzzz", "the keys here are name, description");
    mistakes::one(&with("§\"a b\": 1"), "\"a b\"", "unknown key");
    mistakes::none(&format!("name: t\nsource: {{ parquet: {{ path: in.parquet }} }}\n{TARGET}"));
}

#[test]
fn names_keep_to_their_letters() {
    for wrong in ["Orders", "1st", "a b", "_a", "ä", &"a".repeat(101)] {
        mistakes::one(&format!("name: §{wrong}\n{SOURCE}{TARGET}"), "name", "is no name for a pipeline");
    }
    mistakes::none(&format!("name: {}\n{SOURCE}{TARGET}", "a".repeat(100)));
    mistakes::one(&with("parameters: { §A: string }"), "parameters.A", "is no name for a parameter");
    mistakes::one(&with("parameters: { §as_of: date }"), "parameters.as_of", "reserved for the run clock");
    mistakes::one(
        &with("lookups: { §input: { sql: SELECT 1 } }"),
        "lookups.input",
        "reserved for the rows of the source",
    );
    mistakes::one(&with("lookups: { §a-b: { sql: SELECT 1 } }"), "lookups.a-b", "is no name for a lookup");
    mistakes::one(&with("transforms: [{ name: §a.b, sql: SELECT 1 }]"), "transforms[0].name", "is no name for a step");
    mistakes::one(&with("").replace("{ a: string }", "{ §'': string }"), "schema.\"\"", "is no name for a column");
}

#[test]
fn steps_and_lookups_have_names_of_their_own() {
    let twice = "transforms:\n  - { name: a, sql: SELECT 1 }\n  - { name: §a, sql: SELECT 2 }";
    mistakes::one(&with(twice), "transforms[1].name", "the step in line 6 is named \"a\" too");
    let both = "lookups: { a: { sql: SELECT 1 } }\ntransforms: [{ name: §a, sql: SELECT 2 }]";
    mistakes::one(&with(both), "transforms[0].name", "a lookup is named \"a\" too");
}

#[test]
fn tags_and_descriptions_are_short_texts() {
    mistakes::one(&with("tags: [a, §a]"), "tags[1]", "the tag \"a\" is there twice");
    mistakes::one(&with("tags: [§' a']"), "tags[0]", "is no tag");
    mistakes::one(&with(&format!("tags: [§{}]", "a".repeat(51))), "tags[0]", "is no tag");
    mistakes::one(&with("tags: §sales"), "tags", "is a single value where a list belongs");
    mistakes::one(
        &with(&format!("description: §{}", "a".repeat(10_001))),
        "description",
        "longer than 10000 characters",
    );
    mistakes::one(&with("description: §\"a\\e[31m\""), "description", "holds a control character");
    mistakes::none(&with("description: |\n  One line,\n  \tand another"));
    let many: Vec<String> = (0..51).map(|number| format!("t{number}")).collect();
    mistakes::one(&with(&format!("tags: §[{}]", many.join(", "))), "tags", "has 51 items, more than the 50 allowed");
}

#[test]
fn csv_sources_have_sound_options() {
    let csv = |options: &str| format!("name: t\nsource:\n  csv: {options}\nschema: {{ a: string }}\n{TARGET}");
    mistakes::one(&csv("{ path: in, §delimeter: ';' }"), "source.csv.delimeter", "did you mean delimiter?");
    mistakes::one(&csv("{ path: in, delimiter: §';;' }"), "source.csv.delimiter", "is not one ASCII character");
    mistakes::one(&csv("{ path: in, delimiter: §é }"), "source.csv.delimiter", "is not one ASCII character");
    mistakes::one(&csv("{ path: in, delimiter: §\"\\n\" }"), "source.csv.delimiter", "is not one ASCII character");
    mistakes::one(
        &csv("{ path: in, delimiter: §\"'\", quote: \"'\" }"),
        "source.csv.delimiter",
        "are the same character",
    );
    mistakes::one(&csv("{ path: in, quote: §',' }"), "source.csv.quote", "are the same character");
    mistakes::one(&csv("{ path: in, quote: §'' }"), "source.csv.quote", "is not one ASCII character");
    mistakes::one(&csv("{ path: in, header: §1 }"), "source.csv.header", "is not true or false");
    mistakes::one(&csv("{ path: in, null: §'' }"), "source.csv.null", "where a list belongs");
    mistakes::one(&csv("{ path: in, null: §['a,b'] }"), "source.csv.null", "holds the delimiter or the quote");
    mistakes::one(&csv("{ path: in, null: [§{}] }"), "source.csv.null[0]", "is a map where a single value belongs");
    mistakes::one(&csv("{ path: in, extra_fields: §ignor }"), "source.csv.extra_fields", "did you mean ignore?");
    mistakes::one(&csv("{ path: in, extra_fields: §x }"), "source.csv.extra_fields", "write reject or ignore");
    mistakes::none(&csv("{ path: in, delimiter: \"\\t\", quote: none, null: [] }"));
    mistakes::none(&csv("{ path: in, delimiter: '\\t', quote: \"'\" }"));
}

#[test]
fn a_source_has_one_format_and_a_path() {
    let source = |formats: &str| format!("name: t\n§source: {formats}\nschema: {{ a: string }}\n{TARGET}");
    mistakes::one(&source("{}"), "source", "none of csv, ndjson, parquet, sqlite, postgres is there");
    let source = |formats: &str| format!("name: t\nsource: {formats}\nschema: {{ a: string }}\n{TARGET}");
    mistakes::one(&source("{ csv: { path: a }, §ndjson: { path: b } }"), "source.ndjson", "ndjson is there beside csv");
    mistakes::one(&source("{ §csv: {} }"), "source.csv.path", "path is missing");
    mistakes::one(&source("{ ndjson: §in.ndjson }"), "source.ndjson", "is a single value where a map belongs");
    mistakes::one(&source("{ ndjson: { path: a, §header: true } }"), "source.ndjson.header", "unknown key");
    mistakes::one(
        &format!("name: t\nsource: {{ csv: {{ path: a }} }}\nschema: §{{}}\n{TARGET}"),
        "schema",
        "declares no column",
    );
    // What is wrong with the source hides nothing that is wrong with the schema.
    mistakes::all(&format!("name: t\nsource: §5\nschema: {{ a: §int }}\n{TARGET}"), &["single value", "int64"]);
}

#[test]
fn paths_say_what_they_mean() {
    let path = |path: &str| {
        let parameters = "parameters: { day: date, at: timestamp, n: int64 }\n";
        format!("name: t\n{parameters}source: {{ csv: {{ path: {path} }} }}\nschema: {{ a: string }}\n{TARGET}")
    };
    for (wrong, words) in [
        ("§''", "the path is empty"),
        ("§folder/", "is a folder"),
        ("§\"a\\tb\"", "holds a control character"),
        ("\"in/§${day\"", "a ${ is never closed"),
        ("\"ä/§${dy}/x\"", "unknown parameter \"dy\": did you mean day?"),
        ("\"§${}\"", "unknown parameter \"\""),
        ("\"§${n:%Y}\"", "is for dates and times"),
        ("\"§${day:%Q}\"", "is no strftime format"),
        ("\"§${day:}\"", "the format behind the colon is empty"),
        ("\"§${day:%H}\"", "asks for what a date does not have"),
        ("\"§${at:%z}\"", "asks for what a timestamp does not have"),
    ] {
        mistakes::one(&path(wrong), "source.csv.path", words);
    }
    mistakes::all(&path("\"§${x}-§${y}.csv\""), &["\"x\"", "\"y\""]);
    mistakes::one(&path(&format!("§{}", "a".repeat(4_097))), "source.csv.path", "longer than 4096 bytes");
    mistakes::none(&path("\"in/${day:%Y/%m}/${at:%H}/${as_of:%Y-%m-%dT%H%M%S%z}/$x ${n}.csv\""));
}

#[test]
fn lookups_come_from_files_or_from_sql() {
    mistakes::one(&with("lookups: { §c: { csv: { path: a } } }"), "lookups.c.schema", "schema is missing");
    mistakes::one(
        &with("lookups: { §c: {} }"),
        "lookups.c",
        "none of sql, csv, ndjson, parquet, sqlite, postgres is there",
    );
    let both = "lookups: { c: { sql: SELECT 1, §csv: { path: a } } }";
    mistakes::one(&with(both), "lookups.c.csv", "csv is there beside sql");
    let schema = "lookups: { c: { sql: SELECT 1, §schema: { a: string } } }";
    mistakes::one(&with(schema), "lookups.c.schema", "the query decides the columns");
    let rule = "lookups: { c: { csv: { path: a }, schema: { b: int64 > §x } } }";
    mistakes::one(&with(rule), "lookups.c.schema.b", "is not a whole number");
    mistakes::none(&with("lookups: { c: { parquet: { path: a } } }"));
}

#[test]
fn steps_have_names_and_queries() {
    mistakes::one(&with("transforms: §[]"), "transforms", "has no step");
    mistakes::one(&with("transforms: §{ a: SELECT 1 }"), "transforms", "is a map where a list belongs");
    mistakes::one(&with("transforms: [§{ sql: SELECT 1 }]"), "transforms[0].name", "name is missing");
    mistakes::one(&with("transforms: [§{ name: a }]"), "transforms[0].sql", "sql is missing");
    mistakes::one(&with("transforms: [{ name: a, sql: §' ' }]"), "transforms[0].sql", "the SQL is empty");
    let long = format!("SELECT '{}'", "a".repeat(64 << 10));
    mistakes::one(
        &with(&format!("transforms: [{{ name: a, sql: §{long} }}]")),
        "transforms[0].sql",
        "more than the 65536 allowed",
    );
}

#[test]
fn targets_have_one_format_and_sound_options() {
    let target = |formats: &str| format!("name: t\n{SOURCE}target: {formats}\n");
    mistakes::one(
        &target("{ parquet: { path: a, compression: §zst } }"),
        "target.parquet.compression",
        "did you mean zstd?",
    );
    mistakes::one(&target("{ csv: { path: a, delimiter: §'\"' } }"), "target.csv.delimiter", "are the same character");
    mistakes::one(
        &target("{ csv: { path: a, null: §'a\"b' } }"),
        "target.csv.null",
        "holds the delimiter or the quote",
    );
    mistakes::one(
        &target("{ csv: { path: a, null: §[''] } }"),
        "target.csv.null",
        "is a list where a single value belongs",
    );
    let two = target("{ ndjson: { path: a }, §csv: { path: b } }");
    mistakes::one(&two, "target.csv", "csv is there beside ndjson");
}

#[test]
fn rejects_and_limits_are_in_range() {
    mistakes::one(&with("rejects: { max_percent: §100.5 }"), "rejects.max_percent", "is not a number from 0 to 100");
    mistakes::one(&with("rejects: { max_percent: §nan }"), "rejects.max_percent", "is not a number from 0 to 100");
    mistakes::one(&with("rejects: { max_count: §-1 }"), "rejects.max_count", "is not a whole number");
    mistakes::one(&with("rejects: { max_count: §1.5 }"), "rejects.max_count", "is not a whole number");
    mistakes::one(&with("rejects: { path: §out }"), "rejects.path", "the target's own file");
    mistakes::one(&with("limits: { memory: §15MiB }"), "limits.memory", "give at least 16MiB");
    mistakes::one(&with("limits: { record: §1000 }"), "limits.record", "give at least 1KiB");
    mistakes::one(&with("limits: { record: §257MiB }"), "limits.record", "give at most 256MiB");
    for wrong in ["1.5GiB", "1gb", "GiB", "-1", "99999999999GiB", "1  KB"] {
        mistakes::one(&with(&format!("limits: {{ memory: §{wrong} }}")), "limits.memory", "is not a size");
    }
    let pipeline =
        mistakes::none(&with("limits: { memory: 16 MiB, record: 1024 }\nrejects: { max_percent: 0, max_count: 0 }"));
    assert_eq!((pipeline.limits.memory_bytes, pipeline.limits.record_bytes), (16 << 20, 1_024));
    assert_eq!((pipeline.rejects.max_count, pipeline.rejects.max_percent), (Some(0), 0.0));
}

#[test]
fn a_schema_has_at_most_ten_thousand_columns() {
    let columns = |count: usize| (0..count).map(|number| format!("\n  c{number}: int64")).collect::<String>();
    let file = |schema: &str| format!("name: t\nsource: {{ csv: {{ path: a }} }}\nschema:{schema}\n{TARGET}");
    assert_eq!(mistakes::none(&file(&columns(10_000))).source.columns.len(), 10_000);
    let found = mistakes::of(&file(&columns(10_001)));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "has 10001 entries, more than the 10000 allowed");
}
