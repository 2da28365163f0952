//! `etlplus validate` and `etlplus schema`, on the real binary.

mod support;

use support::{Folder, GOOD_ROWS, ORDERS};

#[test]
fn a_good_file_is_ok_and_says_nothing_on_stdout() {
    let ran = Folder::with_orders(GOOD_ROWS).run(&["validate", "orders.yaml"]);
    ran.exits(0).tells(&["orders.yaml: ok\n"]).prints_nothing();
}

#[test]
fn every_mistake_is_named_at_once_with_its_place_and_remedy() {
    let folder = Folder::new().file(
        "orders.yaml",
        ORDERS
            .replace("int64", "integr64")
            .replace("target:", "tarrget:")
            .replace("csv: { path: orders", "cvs: { path: orders"),
    );
    let ran = folder.run(&["validate", "orders.yaml"]).exits(1).tells(&["orders.yaml: 5 mistakes"]);
    ran.prints(&[
        "orders.yaml:3:3: source.cvs: unknown key \"cvs\"\n",
        "  |\n3 |   cvs: { path: orders.csv }\n  |   ^\n  = help: did you mean csv?\n",
        "orders.yaml:5:13: schema.order_id: unknown type",
        "orders.yaml:8:1: tarrget: unknown key",
    ]);
}

#[test]
fn a_missing_file_and_a_wrong_column_are_named_with_their_place() {
    let sql = "transforms:\n  - name: sums\n    sql: |\n      SELECT order_id,\n        amout FROM input\n";
    let folder = Folder::new().file("orders.yaml", format!("{ORDERS}{sql}"));
    let ran = folder.run(&["validate", "orders.yaml"]).exits(1).tells(&["orders.yaml: 2 mistakes"]);
    ran.prints(&["orders.yaml:3:16: source.csv.path: ", "orders.yaml:14:9: transforms[0].sql: ", "amout", "        ^"]);
}

#[test]
fn json_holds_the_same_mistakes_and_nothing_else_is_printed() {
    let folder = Folder::with_orders(GOOD_ROWS).file("bad.yaml", ORDERS.replace("int64", "integr64"));
    let ran = folder.run(&["validate", "bad.yaml", "--output", "json"]).exits(1);
    assert_eq!(ran.stderr, "");
    let answer = ran.json();
    assert_eq!(answer["valid"], false);
    assert_eq!(answer["mistakes"][0]["line"], 5);
    assert_eq!(answer["mistakes"][0]["column"], 13);
    assert_eq!(answer["mistakes"][0]["key"], "schema.order_id");

    let ran = folder.run(&["validate", "orders.yaml", "--output", "json"]).exits(0);
    assert_eq!(ran.json()["valid"], true);
    assert_eq!(ran.json()["mistakes"], serde_json::json!([]));
}

#[test]
fn without_a_parameter_it_says_what_was_not_checked() {
    let pipeline = ORDERS.replace("source:", "parameters:\n  country: string\nsource:");
    let pipeline = pipeline.replacen("path: orders.csv", "path: '${country}.csv'", 1);
    let folder = Folder::new().file("orders.yaml", pipeline).file("DE.csv", GOOD_ROWS);
    let ran = folder.run(&["validate", "orders.yaml"]).exits(0).prints_nothing();
    let ran = ran.tells(&["files and SQL were not", "the parameter country", "--set country=VALUE"]);
    assert!(!ran.stderr.contains(": ok\n"), "{ran:#?}");

    folder.run(&["validate", "orders.yaml", "--set", "country=DE"]).exits(0).tells(&["orders.yaml: ok\n"]);
    folder.run(&["validate", "orders.yaml", "--set", "country=FR"]).exits(1).prints(&["source.csv.path"]);
}

#[test]
fn a_parameter_that_does_not_fit_is_named() {
    let pipeline = ORDERS.replace("source:", "parameters:\n  least: int32 = 1\nsource:");
    let folder = Folder::new().file("orders.yaml", pipeline).file("orders.csv", GOOD_ROWS);
    let ran = folder.run(&["validate", "orders.yaml", "--set", "least=abc"]);
    ran.exits(1).tells(&["parameter least \"abc\" is not a whole number", "= help: give a value of type int32"]);
    let ran = folder.run(&["validate", "orders.yaml", "--set", "leest=1"]);
    ran.exits(1).tells(&["parameter leest is not a parameter of this pipeline", "did you mean least?"]);
}

#[test]
fn files_that_are_no_pipelines_are_told_apart() {
    let folder = Folder::new()
        .file("latin1.yaml", b"name: orders\ndescription: caf\xe9\n")
        .file("empty.yaml", "")
        .file("folder/x", "");
    folder
        .run(&["validate", "absent.yaml"])
        .exits(1)
        .tells(&["error[file_unreadable]: cannot read absent.yaml: no such file", "= help:"]);
    folder.run(&["validate", "folder"]).exits(1).tells(&["cannot read folder: it is a folder"]);
    folder.run(&["validate", "latin1.yaml"]).exits(1).tells(&["latin1.yaml is no text in UTF-8: line 2"]);
    folder.run(&["validate", "empty.yaml"]).exits(1).prints(&["empty.yaml:1:1: the file is empty"]);
}

#[test]
fn sql_that_writes_does_not_parse_or_is_too_deep_is_a_mistake() {
    let deep = format!("SELECT {}1{} AS x FROM input", "(".repeat(5_000), ")".repeat(5_000));
    let cases = [
        "SELEC * FROM input",
        "SELECT * FROM",
        "COPY input TO 'stolen.csv'",
        "CREATE TABLE t AS SELECT * FROM input",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "INSERT INTO input VALUES (1)",
        "SET datafusion.execution.batch_size = 1",
        "SELECT 1; SELECT 2",
        &deep,
    ];
    for sql in cases {
        let step = serde_json::json!([{ "name": "step", "sql": sql }]);
        let folder = Folder::with_orders(GOOD_ROWS).file("orders.yaml", format!("{ORDERS}transforms: {step}\n"));
        let ran = folder.run(&["validate", "orders.yaml"]).exits(1).prints(&["transforms[0].sql"]);
        assert!(ran.stdout.lines().all(|line| line.len() < 1_000), "{ran:#?}");
        folder.run_orders().exits(1);
        assert_eq!(folder.files(), ["orders.csv", "orders.yaml"], "{sql}");
    }
}

#[test]
fn the_schema_is_json_on_stdout() {
    let ran = Folder::new().run(&["schema"]).exits(0);
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.json()["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn a_pipeline_that_would_overwrite_itself_is_refused() {
    let own_target = ORDERS.replace("out/orders.csv", "orders.yaml");
    let own_rejects = format!("{ORDERS}rejects: {{ path: ./orders.yaml }}\n");
    for text in [own_target, own_rejects] {
        let folder = Folder::with_orders(GOOD_ROWS).file("orders.yaml", &text);
        folder.run(&["validate", "orders.yaml"]).exits(1).prints(&["orders.yaml is this very pipeline"]);
        folder.run_orders().exits(1);
        assert_eq!(folder.read("orders.yaml"), text);
    }
}
