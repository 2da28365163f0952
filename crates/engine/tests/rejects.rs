//! What becomes of rows that break something: rejected with their place, their reason and their text; the others loaded.

mod support;

use std::sync::{Arc, Mutex};

use etlplus_core::LogLevel;
use etlplus_core::log::{LogSink, Said};
use etlplus_core::ports::{Control, Executor, Outcome};
use etlplus_engine::Engine;
use support::{Folder, broken, failure};

fn csv(columns: &str) -> String {
    format!(
        "name: t\nsource:\n  csv: {{ path: in.csv }}\nschema:\n{columns}target:\n  csv: {{ path: out.csv }}\nrejects: {{ max_percent: 100 }}\n"
    )
}

#[test]
fn malformed_records_cost_their_own_line() {
    let folder = Folder::new();
    folder.write(
        "in.csv",
        b"id,text\n1,a\n2\n3,b,c\n4,\xff\xfe\n5,\"x\"y\n6,a\"b\n7,\"two\nlines\"\n8,\"open\n9,last" as &[u8],
    );
    let report = folder.complete(&csv("  id: int64 required\n  text: string\n"));
    let rejects = folder.rejects("out.csv.rejects.ndjson");
    assert_eq!(
        broken(&rejects),
        [
            (3, vec![("", "field_count")]),
            (4, vec![("", "field_count")]),
            (5, vec![("text", "utf8")]),
            (6, vec![("", "bad_quote")]),
            (7, vec![("", "bad_quote")]),
            (10, vec![("", "unclosed_quote")]),
        ]
    );
    assert_eq!(folder.read("out.csv"), "id,text\n1,a\n7,\"two\nlines\"\n9,last\n");
    assert_eq!(report.progress.records_failed, 6);
    assert_eq!(report.progress.records_successful, 3);
    assert_eq!(rejects[0].raw, "2");
    assert_eq!(rejects[0].offset, Some(12));
    assert_eq!(rejects[0].row, 2);
    assert_eq!(rejects[2].raw, "4,\u{fffd}\u{fffd}");
    assert_eq!(rejects[2].raw_hex.as_deref(), Some("342cfffe"));
    assert_eq!(rejects[5].raw, "8,\"open");
}

#[test]
fn values_that_do_not_fit_are_never_rounded_cut_or_guessed() {
    let folder = Folder::new();
    let cases = [
        ("int16", "32768"),
        ("int64", "9223372036854775808"),
        ("int64", "1.0"),
        ("int64", " 1"),
        ("float64", "1e999"),
        ("float64", "NaN"),
        ("decimal(5,2)", "1.234"),
        ("decimal(5,2)", "1234.5"),
        ("decimal(5,2)", "1e2"),
        ("boolean", "yes"),
        ("date", "2026-02-30"),
        ("date", "28.02.2026"),
        ("timestamp", "2026-02-28T24:00:00"),
        ("timestamp", "2026-02-28T12:00:00Z"),
        ("timestamp", "2026-02-28T12:00:00.1234567"),
        ("timestamptz", "2026-02-28T12:00:00"),
    ];
    for (ty, text) in cases {
        folder.write("in.csv", format!("k,v\n1,{text}\n"));
        folder.complete(&csv(&format!("  k: int64\n  v: {ty}\n")));
        let rejects = folder.rejects("out.csv.rejects.ndjson");
        assert_eq!(broken(&rejects), [(2, vec![("v", "type")])], "{text} as {ty}");
        assert_eq!(rejects[0].errors[0].value.as_deref(), Some(text));
        assert_eq!(folder.read("out.csv"), "k,v\n", "{text} as {ty}");
    }
}

#[test]
fn every_rule_names_its_field_and_all_broken_rules_are_listed() {
    let folder = Folder::new();
    folder.write(
        "in.csv",
        "id,amount,code,status\n1,5,AB,new\n2,,AB,new\n3,0,AB,new\n4,11,AB,new\n5,5,A,new\n6,5,ab,new\n7,5,AB,old\n8,0,abc,old\n1,5,AB,new\n",
    );
    folder.complete(&csv("  id: int64 required unique\n  amount: decimal(5,2) required > 0 <= 10\n  \
         code: string length(2) pattern('^[A-Z]*$')\n  status: string one_of(new, paid)\n"));
    assert_eq!(
        broken(&folder.rejects("out.csv.rejects.ndjson")),
        [
            (3, vec![("amount", "required")]),
            (4, vec![("amount", "min")]),
            (5, vec![("amount", "max")]),
            (6, vec![("code", "length")]),
            (7, vec![("code", "pattern")]),
            (8, vec![("status", "one_of")]),
            (9, vec![("amount", "min"), ("code", "length"), ("code", "pattern"), ("status", "one_of")]),
            (10, vec![("id", "unique")]),
        ]
    );
    assert_eq!(folder.read("out.csv"), "id,amount,code,status\n1,5.00,AB,new\n");
}

#[test]
fn the_first_good_row_keeps_a_unique_key() {
    let folder = Folder::new();
    folder.write("in.csv", "id,n\n1,x\n1,1\n1,2\n,3\n,4\n");
    folder.complete(&csv("  id: int64 unique\n  n: int64\n"));
    assert_eq!(folder.read("out.csv"), "id,n\n1,1\n,3\n,4\n", "a rejected row claims no key, and no value is no key");
    assert_eq!(
        broken(&folder.rejects("out.csv.rejects.ndjson")),
        [(2, vec![("n", "type")]), (4, vec![("id", "unique")])]
    );
}

#[test]
fn unique_keys_hold_across_blocks_and_files_in_every_type() {
    let folder = Folder::new();
    let values = [
        ("int64", "7"),
        ("string", "a text that is longer than an inlined view"),
        ("decimal(10,2)", "1.50"),
        ("date", "2026-01-01"),
        ("timestamp", "2026-01-01T00:00:00"),
        ("timestamptz", "2026-01-01T00:00:00Z"),
        ("float64", "0.5"),
        ("boolean", "true"),
    ];
    for (ty, value) in values {
        let filler = "0,,\n".repeat(300_000);
        folder.write("a.csv", format!("n,k,x\n1,{value},\n{filler}"));
        folder.write("b.csv", format!("n,k,x\n2,{value},\n"));
        let report = folder.complete(&format!(
            "name: t\nsource:\n  csv: {{ path: '[ab].csv' }}\nschema:\n  n: int64\n  k: {ty} unique\n  x: string\n\
             target:\n  parquet: {{ path: out.parquet }}\n"
        ));
        assert_eq!(report.progress.records_failed, 1, "{ty}");
        let rejects = folder.rejects("out.parquet.rejects.ndjson");
        assert!(rejects[0].file.ends_with("b.csv"), "{ty}: the first by position stays");
    }
}

#[test]
fn the_two_zeros_are_equal_and_come_through_as_they_are() {
    let folder = Folder::new();
    folder.write("in.csv", "a,b,c,d\n-0.0,0,-0.0,-0\n0.0,-0.0,0,0\n");
    folder.complete(&csv("  a: float64 >= 0\n  b: float32 <= -0.0\n  c: float64 one_of(0)\n  d: float64 > -1\n"));
    assert_eq!(folder.read("out.csv"), "a,b,c,d\n-0.0,0.0,-0.0,-0.0\n0.0,-0.0,0.0,0.0\n");
    folder.write("in.csv", "a,b\n0,-0.0\n");
    folder.complete(&csv("  a: float64 < 0\n  b: float64 > 0\n"));
    assert_eq!(broken(&folder.rejects("out.csv.rejects.ndjson")), [(2, vec![("a", "max"), ("b", "min")])]);
}

#[test]
fn a_row_counts_once_for_each_field_and_rule() {
    let folder = Folder::new();
    folder.write("in.ndjson", "{\"a\":1,\"a\":2,\"a\":3}\n{\"a\":4}\n");
    let report = folder.complete(
        "name: t\nsource:\n  ndjson: { path: in.ndjson }\nschema: { a: int64 }\ntarget:\n  csv: { path: out.csv }\n",
    );
    assert_eq!(report.rejects.iter().map(|summary| summary.rows).collect::<Vec<_>>(), [1]);
}

#[test]
fn infinity_and_nan_from_parquet_are_rejected_where_a_number_is_declared() {
    let folder = Folder::new();
    folder.write("in.csv", "n\n1\n2\n");
    folder.complete(
        "name: t\nsource:\n  csv: { path: in.csv }\nschema: { n: float64 }\ntransforms:\n  - name: s\n    \
         sql: SELECT n / (n - 1) AS n FROM input\ntarget:\n  parquet: { path: in.parquet }\n",
    );
    folder.complete(
        "name: t\nsource:\n  parquet: { path: in.parquet }\nschema: { n: float64 >= 0 }\ntarget:\n  csv: { path: out.csv }\n",
    );
    assert_eq!(broken(&folder.rejects("out.csv.rejects.ndjson")), [(1, vec![("n", "type")])]);
}

#[test]
fn ndjson_keeps_every_digit_and_rejects_what_is_no_object() {
    let folder = Folder::new();
    folder.write(
        "in.ndjson",
        concat!(
            "{\"id\":1,\"amount\":12345678901234567890.12}\n",
            "[1]\n",
            "{\"id\":2\n",
            "{\"id\":3,\"id\":4}\n",
            "{\"id\":5,\"other\":1}\n",
            "{\"id\":\"6\",\"amount\":\"1.50\"}\n",
            "{\"id\":{},\"amount\":true}\n",
            "\n",
            "{\"amount\":null}\n",
        ),
    );
    folder.complete(
        "name: t\nsource:\n  ndjson: { path: in.ndjson }\nschema:\n  id: int64\n  amount: decimal(30,2)\n\
         target:\n  csv: { path: out.csv }\nrejects: { max_percent: 100 }\n",
    );
    assert_eq!(folder.read("out.csv"), "id,amount\n1,12345678901234567890.12\n6,1.50\n,\n");
    assert_eq!(
        broken(&folder.rejects("out.csv.rejects.ndjson")),
        [
            (2, vec![("", "json")]),
            (3, vec![("", "json")]),
            (4, vec![("id", "duplicate_field")]),
            (5, vec![("other", "extra_field")]),
            (7, vec![("id", "type"), ("amount", "type")]),
        ]
    );
}

#[test]
fn parquet_rows_are_rejected_by_number_when_a_value_would_lose_something() {
    let folder = Folder::new();
    folder.write("in.csv", "n,t\n1.5,2026-01-01\n2,x\n3,2026-02-30\n");
    folder.complete(
        "name: t\nsource:\n  csv: { path: in.csv }\nschema: { n: float64, t: string }\ntarget:\n  parquet: { path: in.parquet }\n",
    );
    folder.complete(
        "name: t\nsource:\n  parquet: { path: in.parquet }\nschema: { n: int64, t: date }\n\
         target:\n  csv: { path: out.csv }\nrejects: { max_percent: 100 }\n",
    );
    let rejects = folder.rejects("out.csv.rejects.ndjson");
    assert_eq!(broken(&rejects), [(1, vec![("n", "type")]), (2, vec![("t", "type")]), (3, vec![("t", "type")])]);
    assert_eq!((rejects[0].line, rejects[0].row), (None, 1));
    assert_eq!(rejects[1].raw, r#"{"n":2.0,"t":"x"}"#);
}

#[test]
fn limits_on_rejects_fail_the_job_and_keep_the_reject_file() {
    let folder = Folder::new();
    folder.write("in.csv", "n\n1\nx\ny\nz\n").write("out.csv", "old");
    let pipeline = |limit: &str| {
        format!(
            "name: t\nsource:\n  csv: {{ path: in.csv }}\nschema: {{ n: int64 }}\ntarget:\n  csv: {{ path: out.csv }}\n{limit}"
        )
    };
    for limit in ["rejects: { max_count: 2, max_percent: 100 }\n", "rejects: { max_percent: 74.9 }\n", ""] {
        let report = folder.run(&pipeline(limit));
        assert_eq!(report.reject_file, Some(folder.path("out.csv.rejects.ndjson")), "{limit}");
        assert_eq!(report.rejects[0].rows, 3);
        assert_eq!(report.rejects[0].samples[0].value.as_deref(), Some("x"));
        assert_eq!(failure(report).code, "too_many_rejects", "{limit}");
        assert_eq!(folder.read("out.csv"), "old", "{limit}");
        assert_eq!(folder.rejects("out.csv.rejects.ndjson").len(), 3, "{limit}");
    }
    for limit in ["rejects: { max_count: 3, max_percent: 100 }\n", "rejects: { max_percent: 75 }\n"] {
        let report = folder.run(&pipeline(limit));
        assert!(matches!(report.outcome, Outcome::Completed(_)), "{limit}: at the limit is within it");
    }
}

#[test]
fn records_beyond_their_limit_are_rejected_and_reading_goes_on() {
    let folder = Folder::new();
    let long = "x".repeat(5_000_000);
    folder.write("in.csv", format!("id,text\n1,{long}\n2,\"{long}\"\n3,ok\n"));
    let pipeline = csv("  id: int64\n  text: string\n");
    let report = folder.complete(&pipeline);
    assert_eq!(report.progress.records_successful, 3, "5 MB are within the default limit");
    let report = folder.complete(&format!("{pipeline}limits: {{ record: 1MiB }}\n"));
    assert_eq!(report.progress.records_successful, 1);
    assert_eq!(folder.read("out.csv"), "id,text\n3,ok\n");
    let rejects = folder.rejects("out.csv.rejects.ndjson");
    assert_eq!(broken(&rejects), [(2, vec![("", "record_too_long")]), (3, vec![("", "record_too_long")])]);
    assert!(rejects[0].raw_truncated && rejects[0].raw.len() <= 65_536);
    assert_eq!(report.progress.bytes_read, report.progress.bytes_total);
}

#[test]
fn csv_dialects() {
    let folder = Folder::new();
    let dialect = |options: &str, text: &[u8]| {
        folder.write("in.csv", text);
        folder.complete(&format!(
            "name: t\nsource:\n  csv: {{ path: in.csv, {options} }}\nschema: {{ a: string, b: int64 }}\ntarget:\n  ndjson: {{ path: out.ndjson }}\nrejects: {{ max_percent: 100 }}\n"
        ));
        folder.read("out.ndjson")
    };
    let one = "{\"a\":\"x\",\"b\":1}\n";
    assert_eq!(dialect("delimiter: ';'", b"a;b\nx;1\n"), one);
    assert_eq!(dialect(r#"delimiter: "\t""#, b"a\tb\r\nx\t1\r\n"), one, "CRLF");
    assert_eq!(dialect("header: false", b"x,1"), one, "no newline at the end");
    assert_eq!(dialect("header: true", b"\xEF\xBB\xBFa,b\nx,1\n"), one, "a byte order mark");
    assert_eq!(dialect("header: true", b"b,a\n1,x\n"), one, "columns are found by name");
    assert_eq!(dialect("quote: \"'\"", b"a,b\n'x',1\n"), one);
    assert_eq!(dialect("quote: none", b"a,b\n\"x,1\n"), "{\"a\":\"\\\"x\",\"b\":1}\n");
    assert_eq!(
        dialect("null: ['', 'NULL']", b"a,b\nNULL,\"NULL\"\n\"NULL\",\"\"\n"),
        "{\"a\":null,\"b\":null}\n{\"a\":\"NULL\",\"b\":null}\n"
    );
    assert_eq!(dialect("null: ['-']", b"a,b\n,1\n-,-\n"), "{\"a\":\"\",\"b\":1}\n{\"a\":null,\"b\":null}\n");
    assert_eq!(dialect("header: true", b"a,b\n\nx,1\n\r\n"), one, "blank lines are no records");
    assert_eq!(dialect("header: true", b"a,b\nx\0y,1\n"), "{\"a\":\"x\\u0000y\",\"b\":1}\n", "NUL is a character");
    assert_eq!(dialect("extra_fields: ignore", b"c,a,d,b\n9,x,9,1\n\n"), one);
}

/// A log that a test reads.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LogSink for Lines {
    fn level(&self) -> LogLevel {
        LogLevel::Warn
    }

    fn say(&self, said: Said) {
        self.0.lock().expect("no test panics with it").push(said.message);
    }
}

#[test]
fn a_job_keeps_a_copy_of_its_rejects_or_says_that_it_could_not() {
    let pipeline =
        "name: p\nsource: { csv: { path: in.csv } }\nschema: { id: int64 }\ntarget: { csv: { path: out.csv } }\n";
    let run = |rows: &str, copy: &str| {
        let folder = Folder::new();
        folder.write("in.csv", rows);
        let (lines, copy) = (Arc::new(Lines::default()), folder.path(copy));
        let control = Control::with_log(lines.clone()).keeping_rejects(copy.clone());
        let report = Engine::new().run(&folder.job(pipeline), &Arc::new(control));
        assert!(matches!(report.outcome, Outcome::Completed(_)), "{:#?}", report.outcome);
        let said = lines.0.lock().expect("no test panics with it").join("\n");
        (folder.read("out.csv.rejects.ndjson"), std::fs::read_to_string(copy).ok(), said)
    };
    let bad = "id\n1\n2\nx\n";
    let (rejects, copy, said) = run(bad, "copy.ndjson");
    assert_eq!((copy, said.as_str()), (Some(rejects), ""));
    let (_, copy, said) = run(bad, "nowhere/copy.ndjson");
    assert_eq!(copy, None);
    assert!(said.contains("out.csv.rejects.ndjson alone") && said.contains("nowhere/copy.ndjson"), "{said}");
    let (_, copy, said) = run("id\n1\n", "copy.ndjson");
    assert_eq!((copy, said.as_str()), (None, ""), "a job that rejects nothing keeps no empty file");
}
