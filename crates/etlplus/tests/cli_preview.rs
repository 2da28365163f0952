//! `etlplus preview`, on the real binary.

mod support;

use support::{Folder, ORDERS};

const STEPS: &str = "\
lookups:
  countries:
    csv: { path: countries.csv }
    schema: { code: string required, name: string }
transforms:
  - name: large
    sql: SELECT order_id, amount FROM input WHERE amount > 15
";

fn folder() -> Folder {
    let rows = "order_id,amount,placed_on\n1,10.00,2026-01-01\n2,20.50,\n3,abc,2026-02-30\n";
    Folder::with_orders(rows)
        .file("orders.yaml", format!("{ORDERS}{STEPS}"))
        .file("countries.csv", "code,name\nDE,Germany\n")
}

#[test]
fn each_stage_shows_its_rows_and_the_rejects_their_reasons() {
    let folder = folder();
    let ran = folder.run(&["preview", "orders.yaml"]).exits(0);
    assert_eq!(ran.stderr, "");
    ran.prints(&[
        "input (2 rows)\norder_id         amount  placed_on\n",
        "   int64  decimal(12,2)  date\n",
        "       1          10.00  2026-01-01\n",
        "       2          20.50  NULL\n",
        "Rejected rows, the first ones met:\n",
        "line 4: amount type: ",
        "line 4: placed_on type: ",
        "countries (1 row)\n",
        "large (1 row)\n",
    ]);
    assert_eq!(folder.files(), ["countries.csv", "orders.csv", "orders.yaml"], "a preview writes nothing");
}

#[test]
fn json_holds_the_stages_in_order() {
    let answer = folder().run(&["preview", "orders.yaml", "--rows", "1", "--output", "json"]).exits(0).json();
    let stages = answer["stages"].as_array().expect("there are stages");
    let names: Vec<_> = stages.iter().map(|stage| stage["stage"].as_str().expect("a stage has a name")).collect();
    assert_eq!(names, ["input", "countries", "large"]);
    assert_eq!(stages[0]["rows"], serde_json::json!([["1", "10.00", "2026-01-01"]]));
    assert_eq!(stages[2]["rows"], serde_json::json!([["2", "20.50"]]));
}

#[test]
fn mistakes_go_to_stderr_and_nothing_to_stdout() {
    let folder = Folder::new().file("orders.yaml", ORDERS);
    folder.run(&["preview", "orders.yaml"]).exits(1).prints_nothing().tells(&["source.csv.path", "1 mistake"]);
}
