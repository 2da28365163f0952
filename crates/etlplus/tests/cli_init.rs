//! `etlplus init`, on the real binary.

mod support;

use support::Folder;

const ROWS: &str = "order id,amount,paid,placed_at,note\n1,10.00,true,2026-01-01T10:00:00,\"a, b\"\n2,2.50,false,2026-01-02T11:30:00,\n";

#[test]
fn the_pipeline_that_it_writes_runs_as_it_is() {
    let folder = Folder::new().file("data/Orders 2026.csv", ROWS);
    let ran = folder.run(&["init", "data/Orders 2026.csv", "-o", "orders.yaml"]).exits(0).prints_nothing();
    ran.tells(&["orders.yaml: written", "etlplus preview orders.yaml"]);
    let pipeline = folder.read("orders.yaml");
    for part in ["name: orders-2026\n", "path: data/Orders 2026.csv\n", "  order id: int64 required\n", "# "] {
        assert!(pipeline.contains(part), "{part:?} is missing in {pipeline}");
    }
    folder.run(&["validate", "orders.yaml"]).exits(0);
    folder.run_orders().exits(0).tells(&["  loaded      2 rows"]);
}

#[test]
fn without_a_file_the_pipeline_goes_to_stdout() {
    let folder = Folder::new().file("orders.csv", ROWS);
    let ran = folder.run(&["init", "orders.csv"]).exits(0);
    assert_eq!(ran.stderr, "");
    let folder = folder.file("piped.yaml", &ran.stdout);
    folder.run(&["validate", "piped.yaml"]).exits(0);
}

#[test]
fn a_file_that_is_there_is_kept_unless_forced() {
    let folder = Folder::new().file("orders.csv", ROWS).file("orders.yaml", "precious");
    let ran = folder.run(&["init", "orders.csv", "-o", "orders.yaml"]).exits(1);
    ran.tells(&["orders.yaml is there already", "--force"]);
    assert_eq!(folder.read("orders.yaml"), "precious");
    folder.run(&["init", "orders.csv", "-o", "orders.yaml", "--force"]).exits(0);
    assert!(folder.read("orders.yaml").starts_with("# A pipeline for orders.csv"));
}

#[test]
fn ndjson_and_parquet_are_understood_too() {
    let folder = Folder::new()
        .file("orders.ndjson", "{\"id\":1,\"name\":\"Ann\",\"tags\":[1]}\n{\"id\":2,\"name\":null,\"tags\":[]}\n");
    folder.run(&["init", "orders.ndjson", "-o", "orders.yaml"]).exits(0);
    folder.run(&["validate", "orders.yaml"]).exits(0);
    folder.run_orders().exits(0).tells(&["  loaded      2 rows"]);
    folder.run(&["init", "out/orders.parquet", "-o", "again.yaml"]).exits(0);
    let ran = folder.run(&["preview", "again.yaml"]).exits(0);
    ran.prints(&["input (2 rows)", "Ann", "NULL"]);
}

#[test]
fn a_file_that_says_nothing_gives_an_error() {
    let folder = Folder::new().file("empty.csv", "").file("notes.docx", "x").file("folder.csv/x", "");
    folder
        .run(&["init", "empty.csv"])
        .exits(1)
        .prints_nothing()
        .tells(&["error[no_rows]: empty.csv has no rows", "= help: "]);
    folder.run(&["init", "absent.csv"]).exits(1).prints_nothing().tells(&["absent.csv: no such file"]);
    folder.run(&["init", "notes.docx"]).exits(1).prints_nothing().tells(&["cannot tell the format of notes.docx"]);
    folder.run(&["init", "folder.csv"]).exits(1).prints_nothing().tells(&["folder.csv: it is a folder"]);
}
