//! Bad input at the command line: a clear error or a reject, the right exit code, no half target, no panic.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};
use support::{Folder, GOOD_ROWS, ORDERS, Ran};

const OLD: &str = "the old target\n";

/// What `etlplus run` makes of `rows`: passed rows, and each broken (line, field, rule).
#[track_caller]
fn outcome(rows: impl AsRef<[u8]>) -> (u64, Vec<(u64, Value, String)>) {
    let folder = Folder::with_orders(rows).file("orders.yaml", format!("{ORDERS}rejects: {{ max_percent: 100 }}\n"));
    let ran = folder.run(&["run", "orders.yaml", "--quiet", "--output", "json"]).exits(0);
    let mut broken = Vec::new();
    for line in folder.read("out/orders.csv.rejects.ndjson").lines() {
        let reject: Value = serde_json::from_str(line).expect("a reject is JSON");
        for error in reject["errors"].as_array().expect("a reject has errors") {
            let rule = error["rule"].as_str().expect("a rule has a name").to_owned();
            broken.push((reject["line"].as_u64().expect("CSV has lines"), error["field"].clone(), rule));
        }
    }
    let answer = ran.json();
    assert_eq!(answer["progress"]["recordsFailed"].as_u64(), Some(broken.len() as u64), "{answer}");
    let passed = answer["progress"]["recordsSuccessful"].as_u64().expect("rows are counted");
    assert_eq!(answer["target"]["rows"], passed);
    (passed, broken)
}

fn row(line: u64, rule: &str) -> (u64, Value, String) {
    (line, Value::Null, rule.to_owned())
}

fn field(line: u64, field: &str, rule: &str) -> (u64, Value, String) {
    (line, json!(field), rule.to_owned())
}

/// Runs `folder` over an old target, which must stay, and asserts the exit code and what stderr tells.
#[track_caller]
fn refused(folder: Folder, code: i32, tells: &[&str]) {
    let folder = folder.file("out/orders.csv", OLD);
    let before = folder.files();
    folder.run_orders().exits(code).prints_nothing().tells(tells);
    assert_eq!(folder.read("out/orders.csv"), OLD);
    let rejects = "out/orders.csv.rejects.ndjson".to_owned();
    let after: Vec<String> = folder.files().into_iter().filter(|file| *file != rejects).collect();
    assert_eq!(after, before, "no half target, no temporary file");
}

#[test]
fn an_empty_file_has_no_header() {
    refused(Folder::with_orders(""), 1, &["orders.csv", "header", "= help: "]);
}

#[test]
fn a_header_alone_makes_an_empty_target() {
    assert_eq!(outcome("order_id,amount,placed_on\n"), (0, vec![]));
    assert_eq!(outcome("order_id,amount,placed_on"), (0, vec![]));
}

#[test]
fn line_ends_and_marks_of_other_systems_are_understood() {
    assert_eq!(outcome(GOOD_ROWS.trim_end()), (3, vec![]), "no newline at the end");
    assert_eq!(outcome(GOOD_ROWS.replace('\n', "\r\n")), (3, vec![]), "CRLF");
    assert_eq!(outcome(format!("\u{feff}{GOOD_ROWS}")), (3, vec![]), "a byte order mark");
}

#[test]
fn malformed_rows_are_rejected_and_the_others_load() {
    let header = "order_id,amount,placed_on\n";
    assert_eq!(
        outcome(format!("{header}1,1.00\n2,2.00,,\n3,3.00,\n")),
        (1, vec![row(2, "field_count"), row(3, "field_count")])
    );
    assert_eq!(
        outcome([header.as_bytes(), b"1,1.00,\xff\n2,2.00,\n"].concat()),
        (1, vec![field(2, "placed_on", "utf8")])
    );
    assert_eq!(outcome(format!("{header}1,1.00,\"2026\n2,2.00,\n")), (1, vec![row(2, "unclosed_quote")]));
    assert_eq!(outcome(format!("{header}1,\"1.00\"0,\n2,2.00,\n")), (1, vec![row(2, "bad_quote")]));
    assert_eq!(outcome(format!("{header}1\0,1.00,\n2,2.00,\n")), (1, vec![field(2, "order_id", "type")]));
}

#[test]
fn values_that_do_not_exist_are_rejected() {
    let header = "order_id,amount,placed_on\n";
    let rows =
        "9223372036854775808,1.00,\n2,12345678901.00,\n3,1.001,\n4,1.00,2026-02-30\n5,0.00,\n6,1.00,2024-02-29\n";
    let broken = vec![
        field(2, "order_id", "type"),
        field(3, "amount", "type"),
        field(4, "amount", "type"),
        field(5, "placed_on", "type"),
        field(6, "amount", "min"),
    ];
    assert_eq!(outcome(format!("{header}{rows}")), (1, broken));
}

#[test]
fn a_line_of_five_megabytes_is_data_and_one_of_nine_is_a_reject() {
    let header = "order_id,amount,placed_on\n";
    let line = |megabytes: usize| format!("1,{}1.00,\n2,2.00,\n", "0".repeat(megabytes << 20));
    assert_eq!(outcome(format!("{header}{}", line(5))), (2, vec![]));
    assert_eq!(outcome(format!("{header}{}", line(9))), (1, vec![row(2, "record_too_long")]));
}

#[test]
fn headers_that_do_not_fit_are_mistakes() {
    let rows = |header: &str| Folder::with_orders(format!("{header}\n1,1.00,\n"));
    refused(rows("order_id,amount,order_id"), 1, &["orders.csv", "order_id"]);
    refused(rows("order_id,amount,amuont"), 1, &["orders.csv", "placed_on"]);
    refused(rows("order_id,amount,placed_on,more"), 1, &["orders.csv", "more", "extra_fields"]);
}

#[test]
fn ten_thousand_columns_load() {
    let names: Vec<String> = (0..10_000).map(|index| format!("c{index}")).collect();
    let schema: String = names.iter().map(|name| format!("  {name}: int32\n")).collect();
    let values = vec!["1"; 10_000].join(",");
    let pipeline = format!(
        "name: wide\nsource:\n  csv: {{ path: wide.csv }}\nschema:\n{schema}target:\n  ndjson: {{ path: out.ndjson }}\n"
    );
    let folder = Folder::new().file("wide.yaml", pipeline).file("wide.csv", format!("{}\n{values}\n", names.join(",")));
    folder.run(&["run", "wide.yaml"]).exits(0).tells(&["  loaded      1 row"]);
}

#[test]
fn a_source_that_is_missing_or_no_file_is_a_mistake() {
    refused(Folder::new().file("orders.yaml", ORDERS), 1, &["orders.yaml:3:16: source.csv.path: ", "orders.csv"]);
    refused(Folder::new().file("orders.yaml", ORDERS).file("orders.csv/x", ""), 1, &["orders.csv", "folder"]);
}

#[test]
fn a_target_that_is_a_folder_or_below_a_file_is_a_mistake() {
    let folder = Folder::with_orders(GOOD_ROWS).file("out/orders.csv/x", "");
    folder.run_orders().exits(1).prints_nothing().tells(&["target.csv.path", "= help: "]);
    let folder = Folder::with_orders(GOOD_ROWS).file("out", "");
    let ran = folder.run_orders().prints_nothing();
    assert!(matches!(ran.code, Some(1 | 3)), "{ran:#?}");
    ran.tells(&["out", "= help: "]);
}

#[test]
fn a_file_without_permission_is_named() {
    let folder = Folder::with_orders(GOOD_ROWS);
    fs::set_permissions(folder.path("orders.csv"), fs::Permissions::from_mode(0o000)).expect("the file is ours");
    let mut command = as_plain_user(folder.command(&["run", "orders.yaml"]));
    let ran = Ran::from(command.output().expect("the program starts")).exits(1).prints_nothing();
    ran.tells(&["orders.csv", "permission denied"]);

    let folder = Folder::with_orders(GOOD_ROWS);
    fs::set_permissions(folder.path("orders.yaml"), fs::Permissions::from_mode(0o000)).expect("the file is ours");
    let mut command = as_plain_user(folder.command(&["run", "orders.yaml"]));
    let ran = Ran::from(command.output().expect("the program starts")).exits(1).prints_nothing();
    ran.tells(&["cannot read orders.yaml: permission denied"]);
}

/// `command` with the rights of its user and no more: root otherwise reads every file.
fn as_plain_user(command: Command) -> Command {
    if !rustix::process::geteuid().is_root() {
        return command;
    }
    let mut plain = Command::new("setpriv");
    plain.args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]);
    plain.arg(command.get_program()).args(command.get_args());
    plain.current_dir(command.get_current_dir().expect("the folder is set"));
    plain
}

#[test]
fn a_parquet_file_cut_short_is_an_error() {
    let pipeline = ORDERS.replace("csv: { path: out/orders.csv }", "parquet: { path: orders.parquet }");
    let folder = Folder::with_orders(GOOD_ROWS).file("make.yaml", pipeline);
    folder.run(&["run", "make.yaml"]).exits(0);
    let whole = fs::read(folder.path("orders.parquet")).expect("the target is there");
    let reader = ORDERS.replace("csv: { path: orders.csv }", "parquet: { path: orders.parquet }");
    let folder = folder.file("orders.yaml", reader).file("orders.parquet", &whole[..whole.len() / 2]);
    refused(folder, 1, &["source.parquet.path", "orders.parquet"]);
}

#[test]
fn a_broken_lookup_fails_the_job() {
    let lookup = "lookups:\n  countries:\n    csv: { path: countries.csv }\n    schema: { code: int32 required }\n\
        transforms:\n  - name: joined\n    sql: SELECT i.* FROM input i JOIN countries c ON c.code = i.order_id\n";
    let folder = Folder::with_orders(GOOD_ROWS).file("orders.yaml", format!("{ORDERS}{lookup}"));
    refused(folder.file("countries.csv", "code\n1\nabc\n"), 3, &["orders FAILED", "countries.csv, line 3"]);
}

#[test]
fn hostile_texts_do_not_steer_the_terminal() {
    let folder = Folder::with_orders("order_id,amount,placed_on\n\u{1b}[2J\u{1b}]0;gone\u{7},1.00,\n2,2.00,\n");
    let ran = folder.run_orders().exits(0).tells(&["\\u{1b}[2J"]);
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:#?}");
    let ran = folder.run(&["preview", "orders.yaml"]).exits(0);
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:#?}");
}
