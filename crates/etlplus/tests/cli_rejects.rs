//! `etlplus rejects inspect` and `etlplus rejects replay`, on the real binary.

mod support;

use serde_json::Value;
use support::{Folder, GOOD_ROWS, Ran};

const PIPELINE: &str = "\
name: orders
source:
  csv: { path: orders.csv }
schema:
  order_id: int64 required unique
  amount: decimal(12,2) > 0
  placed_on: date
checks:
  dated: amount < 100 OR placed_on IS NOT NULL
target:
  sqlite: { path: shop.db, table: orders }
  mode: append
";
const ROWS: &str = "amount,order_id,placed_on\n10.00,1,\nabc,2,2026-02-30\n5.00,1,\n-1,4,\n200,5,\n7.00,6,\n8.00,7,\n9.00,8,\n9.00,9,\n";
const REJECTS: &str = "orders.rejects.ndjson";

fn folder() -> Folder {
    let folder = Folder::new().file("orders.yaml", PIPELINE).file("orders.csv", ROWS);
    folder.run(&["run", "orders.yaml", "--quiet"]).exits(0);
    folder
}

fn replay(folder: &Folder, arguments: &[&str]) -> Ran {
    folder.run(&[&["rejects", "replay", "orders.yaml"], arguments].concat())
}

/// The ids in the target, by a pipeline that reads it.
fn ids(folder: &Folder) -> Vec<i64> {
    let pipeline = "name: back\nsource: { sqlite: { path: shop.db, query: SELECT order_id FROM orders ORDER BY order_id } }\n\
                    target: { ndjson: { path: back.ndjson } }\n";
    std::fs::write(folder.path("back.yaml"), pipeline).expect("a file in the folder");
    folder.run(&["run", "back.yaml", "--quiet"]).exits(0);
    let rows = folder.read("back.ndjson");
    let id = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["order_id"].as_i64().expect("an id");
    rows.lines().map(id).collect()
}

/// Puts `to` in the place of `from` in the raw texts of a reject file.
fn correct(folder: &Folder, name: &str, corrections: &[(&str, &str)]) {
    let text = folder.read(name);
    let corrected = text.lines().map(|line| {
        let mut reject: Value = serde_json::from_str(line).expect("a reject");
        let mut raw = reject["raw"].as_str().expect("a text").to_owned();
        for (from, to) in corrections {
            raw = raw.replace(from, to);
        }
        reject["raw"] = raw.into();
        reject.to_string() + "\n"
    });
    let corrected: String = corrected.collect();
    assert_ne!(corrected, text, "something was corrected");
    std::fs::write(folder.path(name), corrected).expect("a file in the folder");
}

#[test]
fn inspect_shows_rules_by_count_with_samples_and_then_the_rows() {
    let folder = folder();
    let ran = folder.run(&["rejects", "inspect", REJECTS]).exits(0).prints(&[
        "4 rows rejected\n",
        "By field and rule:",
        "1  amount min",
        "line 5 \"-1\"",
        "1  (row) dated",
        "orders.csv: line 3\n  amount type: ",
        "  placed_on type: ",
        "  abc,2,2026-02-30\n",
        "  (row) dated: must satisfy amount < 100 OR placed_on IS NOT NULL\n",
    ]);
    assert_eq!(ran.stderr, "");
    let ran = folder.run(&["rejects", "inspect", REJECTS, "--rule", "type", "--field", "amount"]).exits(0);
    ran.prints(&["1 row of 4 rejected\n", "abc,2"]).prints_nothing_of("-1,4");
    let ran = folder.run(&["rejects", "inspect", REJECTS, "--rule", "min", "--field", "order_id"]).exits(0);
    ran.prints(&["0 rows of 4 rejected\n"]);
    let ran = folder.run(&["rejects", "inspect", REJECTS, "--limit", "1"]).exits(0);
    ran.prints(&["and 3 more rows\n"]).prints_nothing_of("-1,4");
}

#[test]
fn inspect_for_programs_has_the_same_answer_in_every_format() {
    let folder = folder();
    let asked = |name: &str| {
        let mut answer = folder.run(&["rejects", "inspect", name, "--output", "json"]).exits(0).json();
        assert_eq!(answer["file"], name);
        answer["file"] = Value::Null;
        answer
    };
    let answer = asked(REJECTS);
    assert_eq!((&answer["recordsFailed"], &answer["matching"]), (&4.into(), &4.into()));
    assert_eq!(answer["summary"].as_array().map(Vec::len), Some(5));
    assert_eq!(answer["rows"][0]["header"], "amount,order_id,placed_on");
    for format in ["csv", "parquet"] {
        let pipeline =
            format!("{PIPELINE}rejects: {{ format: {format} }}\n").replace("shop.db", &format!("{format}.db"));
        std::fs::write(folder.path("other.yaml"), pipeline).expect("a file in the folder");
        folder.run(&["run", "other.yaml", "--quiet"]).exits(0);
        assert_eq!(asked(&format!("orders.rejects.{format}")), answer, "{format}");
    }
}

#[test]
fn what_is_no_reject_file_is_an_error() {
    let folder = folder();
    folder
        .run(&["rejects", "inspect", "orders.csv"])
        .exits(1)
        .tells(&["error[reject_file_malformed]", "no column raw"]);
    folder.run(&["rejects", "inspect", "nothing"]).exits(1).tells(&["error[file_not_found]"]);
    folder.run(&["rejects"]).exits(2);
    folder.run(&["rejects", "orders.csv"]).exits(2).tells(&["orders.csv"]);
}

#[test]
fn corrected_rows_are_loaded_once_and_the_others_go_to_a_new_file() {
    let folder = folder();
    assert_eq!(ids(&folder), [1, 6, 7, 8, 9]);
    correct(&folder, REJECTS, &[("abc,2,2026-02-30", "2.50,2,2026-02-03"), ("5.00,1,", "5.00,3,")]);
    let before = folder.files();

    let dry = replay(&folder, &[REJECTS, "--dry-run"]).exits(0).prints_nothing();
    dry.tells(&["nothing is written: of 4 rows, 2 would fail again, and 2 rows would be loaded into ", "amount min"]);
    assert_eq!((folder.files(), ids(&folder)), (before, vec![1, 6, 7, 8, 9]), "a dry run writes nothing");

    let ran = replay(&folder, &[REJECTS]).exits(0);
    ran.tells(&["orders COMPLETED in ", "  read        4 rows", "  loaded      2 rows", "orders.rejects.again.ndjson"]);
    assert_eq!(ids(&folder), [1, 2, 3, 6, 7, 8, 9]);
    let again = folder.run(&["rejects", "inspect", "orders.rejects.again.ndjson", "--output", "json"]).exits(0).json();
    let places: Vec<_> =
        again["rows"].as_array().expect("rows").iter().map(|row| (&row["file"], &row["line"])).collect();
    assert_eq!(places, [(&REJECTS.into(), &3.into()), (&REJECTS.into(), &4.into())]);

    replay(&folder, &[REJECTS]).exits(0).tells(&["was replayed before"]);
    replay(&folder, &[REJECTS, "--dry-run"]).exits(0).tells(&["was replayed before"]);
    assert_eq!(ids(&folder), [1, 2, 3, 6, 7, 8, 9], "the same file is loaded once");

    correct(&folder, REJECTS, &[("-1,4,", "1,4,")]);
    replay(&folder, &[REJECTS]).exits(3).tells(&["error[replayed_before]", "orders.rejects.again.ndjson"]);
    assert_eq!(ids(&folder), [1, 2, 3, 6, 7, 8, 9], "rows that were loaded are not loaded with others again");

    correct(&folder, "orders.rejects.again.ndjson", &[("-1,4,", "1,4,"), ("200,5,", "200,5,2026-01-01")]);
    replay(&folder, &["orders.rejects.again.ndjson"]).exits(0).tells(&["orders.rejects.again-2.ndjson"]);
    assert_eq!(ids(&folder), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(folder.read("orders.rejects.again-2.ndjson"), "");
}

#[test]
fn rows_that_the_target_has_fail_again() {
    let folder = folder();
    correct(&folder, REJECTS, &[("abc,2,2026-02-30", "2.50,6,")]);
    replay(&folder, &[REJECTS, "--dry-run"]).exits(0).tells(&["of 4 rows, 4 would fail again", "order_id unique"]);
}

#[test]
fn the_source_need_not_be_there_any_more() {
    let folder = folder();
    correct(&folder, REJECTS, &[("-1,4", "1,4")]);
    std::fs::remove_file(folder.path("orders.csv")).expect("the source was there");
    replay(&folder, &[REJECTS]).exits(0);
    assert_eq!(ids(&folder), [1, 4, 6, 7, 8, 9]);
}

#[test]
fn a_limit_on_rejects_is_for_the_source() {
    let folder = folder();
    let limited = format!("{PIPELINE}rejects: {{ max_count: 0 }}\n");
    std::fs::write(folder.path("orders.yaml"), limited).expect("a file in the folder");
    correct(&folder, REJECTS, &[("-1,4", "1,4")]);
    let answer = replay(&folder, &[REJECTS, "--quiet", "--output", "json"]).exits(0).json();
    assert_eq!((&answer["progress"]["recordsFailed"], &answer["progress"]["rowsLoaded"]), (&3.into(), &1.into()));
    assert!(answer["rejectFile"].as_str().is_some_and(|path| path.ends_with("/orders.rejects.again.ndjson")));
}

#[test]
fn a_target_to_which_nothing_can_be_added_is_refused() {
    let folder = Folder::with_orders(format!("{GOOD_ROWS}x,1.00,\n"));
    folder.run_orders().exits(0);
    let rejects = "out/orders.csv.rejects.ndjson";
    let target = folder.read("out/orders.csv");
    let ran = folder.run(&["rejects", "replay", "orders.yaml", rejects]).exits(1);
    ran.tells(&["error[replay_replaces]", "the target is one file", "correct the rows in the source"]);
    assert_eq!(folder.read("out/orders.csv"), target);
}

#[test]
fn rows_that_are_summed_up_cannot_be_added() {
    let folder = folder();
    let step = |sql: &str| {
        let pipeline = PIPELINE.replace("target:", &format!("transforms: [{{ name: s, sql: \"{sql}\" }}]\ntarget:"));
        let pipeline = pipeline.replace("table: orders", "table: other");
        std::fs::write(folder.path("orders.yaml"), pipeline).expect("a file in the folder");
        replay(&folder, &[REJECTS, "--dry-run"])
    };
    for (sql, what) in [
        ("SELECT placed_on, sum(amount) AS total FROM input GROUP BY placed_on", "GROUP BY"),
        ("SELECT DISTINCT placed_on FROM input", "GROUP BY"),
        ("SELECT * FROM input LIMIT 3", "LIMIT"),
        ("SELECT order_id, row_number() OVER () AS n FROM input", "a window function"),
        ("SELECT a.order_id FROM input a JOIN input b ON a.order_id = b.order_id", "a join of input with itself"),
    ] {
        let ran = step(sql).exits(1);
        ran.tells(&["the transforms make rows of several rows (", what, "run the pipeline again"]);
    }
    step("SELECT order_id, amount * 2 AS twice FROM input WHERE amount > 1 ORDER BY amount").exits(0);
}

#[test]
fn rows_are_replaced_by_key_where_the_mode_says_so() {
    let upsert = PIPELINE.replace("mode: append", "mode: upsert\n  key: [order_id]");
    let folder = Folder::new().file("orders.yaml", upsert).file("orders.csv", ROWS);
    folder.run(&["run", "orders.yaml", "--quiet"]).exits(0);
    correct(&folder, REJECTS, &[("abc,2,2026-02-30", "2.50,6,")]);
    replay(&folder, &[REJECTS, "--dry-run"]).exits(0).tells(&["2 rows would be loaded"]);
}
