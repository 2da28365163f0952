//! Rules across columns, references to lookups, and keys that the target has.

mod support;

use etlplus_core::ports::Outcome;
use etlplus_core::reject::Reject;
use support::{Folder, broken};

fn csv(schema: &str, rest: &str) -> String {
    format!(
        "name: t\nsource: {{ csv: {{ path: in.csv }} }}\n{schema}\n{rest}\ntarget: {{ csv: {{ path: out.csv }} }}\nrejects: {{ max_percent: 100 }}\n"
    )
}

fn rejects(folder: &Folder) -> Vec<Reject> {
    folder.rejects("out.csv.rejects.ndjson")
}

#[test]
fn every_broken_rule_of_a_row_is_listed_those_of_columns_first() {
    let folder = Folder::new();
    folder.write("in.csv", "id,low,high\n1,2,1\n0,9,1\n3,,1\n4,x,1\n5,1,2\n");
    folder.complete(&csv(
        "schema: { id: int64 > 0, low: int64 < 5, high: int64 }",
        "checks:\n  ordered: low <= high\n  small: input.low\n    + high <= 9",
    ));
    assert_eq!(folder.read("out.csv"), "id,low,high\n3,,1\n5,1,2\n", "null breaks nothing");
    let rejects = rejects(&folder);
    assert_eq!(
        broken(&rejects),
        [
            (2, vec![("", "ordered")]),
            (3, vec![("id", "min"), ("low", "max"), ("", "ordered"), ("", "small")]),
            (5, vec![("low", "type")]),
        ]
    );
    let last = rejects[1].errors.last().expect("a broken rule");
    assert_eq!((last.field.as_deref(), last.value.as_deref()), (None, None));
    assert_eq!(last.message, "must satisfy input.low + high <= 9");
}

#[test]
fn checks_know_parameters_the_run_clock_and_functions() {
    let folder = Folder::new();
    folder.write("in.csv", "id,at,name\n1,2026-02-28,ab\n2,2026-03-02,ab\n3,2026-02-28,abcd\n");
    let pipeline = csv(
        "parameters: { longest: { type: int64, default: 3 } }\nschema: { id: int64, at: date, name: string }",
        "checks: { past: at <= current_date, short: length(name) <= $longest }",
    );
    folder.complete(&pipeline);
    assert_eq!(broken(&rejects(&folder)), [(3, vec![("", "past")]), (4, vec![("", "short")])]);
}

#[test]
fn what_cannot_be_calculated_fails_the_job_and_names_the_row() {
    let folder = Folder::new();
    let rows: String = (1..=50_000).map(|id| format!("{id},1,1\n")).collect();
    folder.write("in.csv", format!("id,a,b\n{rows}7,1,0\n8,1,0\n"));
    let rest = "checks: { share: a / b >= 0 }";
    let failure = folder.fail(&csv("schema: { id: int64, a: int64, b: int64 }", rest));
    assert_eq!(failure.code, "division_by_zero");
    assert!(
        failure.message.starts_with("check share, ") && failure.message.contains("in.csv, line 50002: "),
        "{failure}"
    );
    // A row that its columns reject anyway is no reason to fail.
    let report = folder.complete(&csv("schema: { id: int64, a: int64, b: int64 > 0 }", rest));
    assert_eq!((report.progress.records_successful, report.progress.records_failed), (50_000, 2));
    assert_eq!(broken(&rejects(&folder)), [(50_002, vec![("b", "min")]), (50_003, vec![("b", "min")])]);
}

#[test]
fn mistakes_in_checks_are_named_at_their_place() {
    let folder = Folder::new();
    folder.write("in.csv", "id,name\n1,a\n");
    let mistakes = |sql: &str| {
        let pipeline = csv("schema: { id: int64, name: string }", &format!("checks:\n  c: >-\n    {sql}"));
        let found = folder.check(&pipeline);
        assert_eq!(found.len(), 1, "{sql}: {found:#?}");
        assert_eq!(found[0].key, "checks.c", "{sql}");
        found[0].to_string()
    };
    for (sql, parts) in [
        ("nam = 'a'", ["unknown column \"nam\"", "did you mean \"name\"?"]),
        ("id + 1", ["the expression is Int64", "true or false"]),
        ("sum(id) > 3", ["no aggregate and no window", "transforms"]),
        ("row_number() OVER () > 3", ["no aggregate and no window", "transforms"]),
        ("id IN (SELECT id FROM input)", ["one row, and cannot query", "references"]),
        ("EXISTS (SELECT 1)", ["one row, and cannot query", "references"]),
        ("id > 0 AS good", ["no AS good", "remove AS"]),
        ("id > ", ["the SQL does not parse", "mend the SQL"]),
        ("id > 0; DROP TABLE input", ["the SQL does not parse", "mend the SQL"]),
        ("id > $least", ["unknown parameter $least", "declare it"]),
    ] {
        let shown = mistakes(sql);
        for part in parts {
            assert!(shown.contains(part), "{sql}: {part:?} is missing in {shown}");
        }
    }
    let exact =
        folder.check(&csv("schema: { id: int64, name: string }", "checks:\n  c: id > 0\n  d: id < idd")).remove(0);
    assert_eq!((exact.position.line, exact.position.column), (6, 11), "{exact}");
}

#[test]
fn rows_of_parquet_without_a_schema_have_checks_too() {
    let folder = Folder::new();
    folder.write("in.csv", "id,amount\n1,5\n2,-5\n");
    folder.complete(
        "name: t\nsource: { csv: { path: in.csv } }\nschema: { id: int64, amount: int64 }\ntarget: { parquet: { path: in.parquet } }\n",
    );
    folder.complete(
        "name: t\nsource: { parquet: { path: in.parquet } }\nchecks: { positive: amount > 0 }\ntarget: { csv: { path: out.csv } }\n",
    );
    assert_eq!(folder.read("out.csv"), "id,amount\n1,5\n");
    assert_eq!(broken(&rejects(&folder)), [(2, vec![("", "positive")])]);
    assert_eq!(rejects(&folder)[0].raw, r#"{"id":2,"amount":-5}"#);
}

const LOOKUPS: &str = "lookups:
  rates:
    csv: { path: rates.csv }
    schema: { rate: 'decimal(6,3)', code: string }
  codes: { sql: \"SELECT upper(code) AS code, CAST(rate AS DOUBLE) AS rate FROM rates WHERE code <> 'no'\" }";

#[test]
fn references_are_values_of_files_and_of_queries() {
    let folder = Folder::new();
    folder.write("rates.csv", "rate,code\n1.000,a\n2.555,b\n3.000,no\n,\n");
    folder.write("in.csv", "rate,code\n1.0,A\n1.00,a\n2.5,B\n2.55,\n,NO\n");
    folder.complete(&csv(
        "schema: { rate: 'decimal(5,2) references rates.rate', code: string references codes.code }",
        LOOKUPS,
    ));
    assert_eq!(folder.read("out.csv"), "rate,code\n1.00,A\n");
    let rejects = rejects(&folder);
    let expected = [
        (3, vec![("code", "references")]),
        (4, vec![("rate", "references")]),
        (5, vec![("rate", "references")]),
        (6, vec![("code", "references")]),
    ];
    assert_eq!(broken(&rejects), expected, "2.555 is no decimal(5,2), and texts are equal to the letter");
    assert_eq!(rejects[0].errors[0].message, "must be a value of codes.code");
    assert_eq!(rejects[0].errors[0].value.as_deref(), Some("a"));
}

#[test]
fn references_that_lead_nowhere_are_mistakes() {
    let folder = Folder::new();
    folder.write("rates.csv", "rate,code\n1.000,a\n").write("in.csv", "a\n1\n");
    let one = |column: &str| {
        let mut found = folder.check(&csv(&format!("schema: {{ a: {column} }}"), LOOKUPS));
        assert_eq!(found.len(), 1, "{column}: {found:#?}");
        found.remove(0).to_string()
    };
    let shown = one("string references codes.cod");
    assert!(shown.contains("schema.a: lookup codes has no column \"cod\": did you mean \"code\"?"), "{shown}");
    let shown = one("int64 references codes.rate");
    assert!(shown.contains("a is int64 and codes.rate is Float64: the two are never equal"), "{shown}");
}

#[test]
fn reference_keys_count_among_the_job_s_memory() {
    let folder = Folder::new();
    let rows: String = (0..1_000_000).map(|id| format!("{id}\n")).collect();
    folder.write("keys.csv", format!("id\n{rows}")).write("in.csv", "id\n1\n");
    let pipeline = |memory: &str| {
        csv(
            "schema: { id: int64 references keys.id }",
            &format!(
                "lookups: {{ keys: {{ csv: {{ path: keys.csv }}, schema: {{ id: int64 }} }} }}\nlimits: {{ memory: {memory} }}"
            ),
        )
    };
    assert_eq!(folder.fail(&pipeline("16MiB")).code, "memory_exceeded");
    folder.complete(&pipeline("256MiB"));
}

/// The target of these is a table to which rows are appended.
fn append(schema: &str, rest: &str) -> String {
    format!(
        "name: t\nsource: {{ csv: {{ path: in.csv }} }}\n{schema}\n{rest}\ntarget:\n  sqlite: {{ path: t.db, table: t }}\n  mode: append\nrejects: {{ path: r.ndjson, max_percent: 100 }}\n"
    )
}

/// Runs a job of its own each time: one job loads once.
fn load(folder: &Folder, pipeline: &str, number: u32) -> (u64, u64) {
    let id = format!("01935b7e-0000-7000-8000-00000000010{number}").parse().expect("an id");
    let report = folder.run_job(&folder.job(pipeline).with_id(id));
    assert!(matches!(report.outcome, Outcome::Completed(_)), "{:#?}", report.outcome);
    (report.progress.records_successful, report.progress.records_failed)
}

#[test]
fn unique_holds_against_the_rows_that_the_target_has() {
    let folder = Folder::new();
    let schema = "schema: { id: int64 unique, name: string }";
    folder.write("in.csv", "id,name\n1,a\n2,b\n");
    assert_eq!(load(&folder, &append(schema, ""), 1), (2, 0));
    folder.write("in.csv", "id,name\n2,c\n3,d\n3,e\n,f\n");
    assert_eq!(load(&folder, &append(schema, ""), 2), (2, 2));
    let rejects = folder.rejects("r.ndjson");
    assert_eq!(broken(&rejects), [(2, vec![("id", "unique")]), (4, vec![("id", "unique")])]);
    assert_eq!(rejects[0].errors[0].message, "repeats a value that the target has");
    assert_eq!(rejects[1].errors[0].message, "repeats the value of an earlier row");
}

#[test]
fn unique_follows_its_column_through_the_sql_and_leaves_others_alone() {
    let folder = Folder::new();
    let schema = "schema: { id: int64 unique, name: string }";
    let renamed =
        append(schema, "transforms: [{ name: s, sql: \"SELECT name, id AS number FROM input WHERE id > 0\" }]");
    folder.write("in.csv", "id,name\n1,a\n");
    assert_eq!(load(&folder, &renamed, 1), (1, 0));
    assert_eq!(load(&folder, &renamed, 2), (0, 1), "the column has another name there");
    let made_anew = append(schema, "transforms: [{ name: s, sql: \"SELECT name, id + 1 AS number FROM input\" }]");
    folder.write("in.csv", "id,name\n1,a\n");
    assert_eq!(load(&folder, &made_anew, 3), (1, 0), "id + 1 is another column, about which nothing is declared");
}

#[test]
fn a_share_that_cannot_become_smaller_ends_a_load_early() {
    let folder = Folder::new();
    let row = |row: u32| match row {
        ..200_000 => format!("x,{row:08}\n"),
        _ => format!("{row:08},{row:08}\n"),
    };
    let rows: String = (0..500_000).map(row).collect();
    folder.write("in.csv", format!("n,m\n{rows}"));
    folder.complete(
        "name: t\nsource: { csv: { path: in.csv } }\nschema: { n: string, m: string }\ntarget: { parquet: { path: in.parquet } }\n",
    );
    for source in ["csv: { path: in.csv }", "parquet: { path: in.parquet }"] {
        let pipeline = |percent: u32| {
            format!(
                "name: t\nsource: {{ {source} }}\nschema: {{ n: int64 required, m: string }}\ntarget: {{ csv: {{ path: out.csv }} }}\nrejects: {{ max_percent: {percent} }}\n"
            )
        };
        let report = folder.run(&pipeline(5));
        let read = report.progress.records_processed();
        assert!(read < 250_000, "{source}: {read} rows were read");
        let failure = support::failure(report);
        assert_eq!(failure.code, "too_many_rejects", "{source}");
        assert!(failure.message.contains("at most in the source, and rejects.max_percent is 5"), "{failure}");
        folder.complete(&pipeline(40));
    }
}

#[test]
fn rejects_go_to_the_format_that_is_asked_for() {
    let folder = Folder::new();
    folder.write("in.csv", "id\n1\nx\n");
    for format in ["csv", "parquet"] {
        folder.complete(&format!(
            "name: t\nsource: {{ csv: {{ path: in.csv }} }}\nschema: {{ id: int64 }}\ntarget: {{ csv: {{ path: out.csv }} }}\nrejects: {{ format: {format} }}\n"
        ));
        let path = folder.path(&format!("out.csv.rejects.{format}"));
        let read: Vec<_> = etlplus_engine::RejectReader::open(&path)
            .and_then(Iterator::collect::<Result<_, _>>)
            .expect("a reject file");
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].reject.line, read[0].reject.header.as_deref()), (Some(3), Some("id")));
    }
}
