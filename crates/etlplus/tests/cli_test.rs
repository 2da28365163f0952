//! `etlplus test`, on the real binary.

mod support;

use support::Folder;

const PIPELINE: &str = "\
name: orders
parameters:
  country: string = DE
source:
  csv: { path: absent.csv }
schema:
  order_id: int64 required unique
  amount: decimal(12,2) required > 0
  country: string
  placed_at: timestamptz <= $as_of
lookups:
  countries:
    csv: { path: absent-too.csv }
    schema: { code: string required unique, name: string }
transforms:
  - name: named
    sql: |
      SELECT o.order_id, o.amount, c.name
      FROM input o JOIN countries c ON c.code = o.country
      WHERE o.country = $country
      ORDER BY o.amount DESC
target:
  parquet: { path: out/orders.parquet }
rejects: { max_count: 0 }
";

const CASES: &str = "\
cases:
  - name: keeps the orders of one country
    parameters: { country: FR }
    as_of: 2026-01-01T00:00:00Z
    input: |
      order_id,amount,country,placed_at
      1,10.00,FR,2025-12-31T23:59:59Z
      2,20.00,FR,2026-01-01T00:00:01Z
      3,ten,FR,
      4,7.00,DE,
      5,30.00,FR,
    lookups:
      countries: |
        code,name
        FR,France
        DE,Germany
    ordered: true
    rows: |
      {\"order_id\": 5, \"amount\": 30.00, \"name\": \"France\"}
      {\"name\": \"France\", \"order_id\": 1, \"amount\": 10.00}
    rejects:
      - { line: 4, field: amount, rule: type }
      - { line: 3, field: placed_at, rule: max }
  - name: no rows make no rows
    input: |
      order_id,amount,country,placed_at
    lookups:
      countries: |
        code,name
    rows: ''
";

fn folder(cases: &str) -> Folder {
    Folder::new().file("orders.yaml", PIPELINE).file("orders.test.yaml", cases)
}

#[test]
fn cases_that_hold_pass_without_touching_the_target() {
    let folder = folder(CASES);
    let ran = folder.run(&["test", "orders.yaml"]).exits(0).tells(&["2 cases: 2 passed, 0 failed\n"]);
    assert_eq!(ran.stdout, "pass  keeps the orders of one country\npass  no rows make no rows\n");
    assert_eq!(folder.files(), ["orders.test.yaml", "orders.yaml"]);
}

#[test]
fn differences_are_shown_line_by_line() {
    let cases =
        CASES.replace("30.00, \"name\"", "30.0, \"name\"").replace("line: 4, field: amount", "line: 5, field: amount");
    let ran = folder(&cases).run(&["test", "orders.yaml"]).exits(1).tells(&["2 cases: 1 passed, 1 failed\n"]);
    let expected = "\
FAIL  keeps the orders of one country
  rows (- expected, + got):
    - {\"amount\": 30.0, \"name\": \"France\", \"order_id\": 5}
    + {\"amount\": 30.00, \"name\": \"France\", \"order_id\": 5}
  rejects (- expected, + got):
    - { line: 5, field: amount, rule: type }
    + { line: 4, field: amount, rule: type }
pass  no rows make no rows
";
    assert_eq!(ran.stdout, expected);
}

#[test]
fn another_order_is_a_difference_only_where_order_counts() {
    let first = "      {\"order_id\": 5, \"amount\": 30.00, \"name\": \"France\"}\n";
    let swapped = CASES.replace(first, "").replace("    rejects:\n", &format!("{first}    rejects:\n"));
    let ran = folder(&swapped).run(&["test", "orders.yaml"]).exits(1);
    ran.prints(&["the same in another order, first at 1:\n    - {\"amount\": 10.00", "    + {\"amount\": 30.00"]);
    folder(&swapped.replace("    ordered: true\n", "")).run(&["test", "orders.yaml"]).exits(0);
}

#[test]
fn json_tells_of_each_case() {
    let cases = CASES.replace("line: 4, field: amount", "line: 5, field: amount");
    let answer = folder(&cases).run(&["test", "orders.yaml", "--output", "json"]).exits(1).json();
    assert_eq!((&answer["passed"], &answer["failed"]), (&1.into(), &1.into()));
    assert_eq!(answer["cases"][0]["differences"]["rejects"]["missing"][0], "{ line: 5, field: amount, rule: type }");
    assert_eq!(answer["cases"][1]["passed"], true);
}

#[test]
fn mistakes_in_the_cases_have_their_places() {
    let cases = "\
cases:
  - name: one
    parameters: { contry: FR }
    as_of: yesterday
    inptu: x
    lookups: { cities: x }
    rows: |
      {\"order_id\": 1}
      [2]
    rejects: [{ line: x, rule: type }]
  - name: one
    input: ''
    rows: ''
";
    let ran = folder(cases).run(&["test", "orders.yaml"]).exits(1).prints_nothing();
    ran.tells(&[
        "orders.test.yaml:2:5: cases[0].input: input is missing",
        "orders.test.yaml:3:19: cases[0].parameters.contry: unknown parameter \"contry\"",
        "did you mean country?",
        "orders.test.yaml:4:12: cases[0].as_of: \"yesterday\"",
        "orders.test.yaml:5:5: cases[0].inptu: unknown key \"inptu\"",
        "orders.test.yaml:6:16: cases[0].lookups.cities: unknown lookup \"cities\"",
        "orders.test.yaml:9:7: cases[0].rows: row 2 is not one JSON object",
        "orders.test.yaml:10:23: cases[0].rejects[0].line: \"x\" is not a whole number",
        "orders.test.yaml:11:11: cases[1].name: the case in line 2 is named \"one\" too",
        "orders.test.yaml: 8 mistakes",
    ]);
}

#[test]
fn a_case_that_cannot_run_fails_with_its_reason() {
    let broken = CASES.replace("order_id,amount,country,placed_at\n      1", "order_id,amount\n      1");
    let ran = folder(&broken).run(&["test", "orders.yaml"]).exits(1);
    ran.prints(&["FAIL  keeps the orders of one country\n  error[", "country", "= help: "]);
}

#[test]
fn without_cases_it_says_how_to_write_some() {
    let folder = Folder::new().file("orders.yaml", PIPELINE);
    let ran = folder.run(&["test", "orders.yaml"]).exits(1).prints_nothing();
    ran.tells(&["orders.test.yaml does not exist", "etlplus test --help"]);
    let folder = folder.file("elsewhere.yaml", CASES);
    folder.run(&["test", "orders.yaml", "--cases", "elsewhere.yaml"]).exits(0);
    folder.run(&["test", "orders.yaml", "--cases", "absent.yaml"]).exits(1).tells(&["cannot read absent.yaml"]);
}

#[test]
fn rows_of_parquet_sources_are_given_as_ndjson() {
    let pipeline = PIPELINE.replacen("csv: { path: absent.csv }", "parquet: { path: absent.parquet }", 1);
    let cases = "\
cases:
  - name: from json
    input: |
      {\"order_id\": 1, \"amount\": 1.50, \"country\": \"DE\", \"placed_at\": null}
    lookups:
      countries: |
        code,name
        DE,Germany
    rows: |
      {\"order_id\": 1, \"amount\": 1.50, \"name\": \"Germany\"}
";
    let folder = Folder::new().file("orders.yaml", &pipeline).file("orders.test.yaml", cases);
    folder.run(&["test", "orders.yaml"]).exits(0);
}
