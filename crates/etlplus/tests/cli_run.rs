//! `etlplus run`, on the real binary.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{Folder, GOOD_ROWS, ORDERS};

const DIRTY_ROWS: &str =
    "order_id,amount,placed_on\n1,10.00,\n2,abc,2026-02-30\n1,5.00,\n4\n5,1.00,\n6,1.00,\n7,1.00,\n";

#[test]
fn rows_arrive_and_the_summary_tells_of_each_stage() {
    let folder = Folder::with_orders(GOOD_ROWS);
    let ran = folder.run_orders().exits(0).prints_nothing();
    ran.tells(&[
        "orders: started\n",
        "orders COMPLETED in ",
        "  read        3 rows  ",
        "  rejected    0 rows\n",
        "  passed      3 rows\n",
        "  transformed 3 rows\n",
        "  loaded      3 rows  ",
        "  target   out/orders.csv\n",
        "  rejects  out/orders.csv.rejects.ndjson\n",
    ]);
    assert_eq!(folder.read("out/orders.csv").lines().count(), 4);
    assert_eq!(folder.read("out/orders.csv.rejects.ndjson"), "");
}

#[test]
fn rejects_are_counted_by_reason_with_samples() {
    let folder = Folder::with_orders(DIRTY_ROWS);
    folder.run_orders().exits(0).tells(&[
        "  read        7 rows",
        "  rejected    3 rows  42.9 %",
        "Rejected, by field and rule:",
        "1  (row) field_count",
        "1  amount type",
        "line 3 \"abc\"",
        "1  order_id unique",
        "1  placed_on type",
    ]);
    assert_eq!(folder.read("out/orders.csv.rejects.ndjson").lines().count(), 3);
}

#[test]
fn json_has_its_exact_shape() {
    let folder = Folder::with_orders(DIRTY_ROWS);
    let ran = folder.run(&["run", "orders.yaml", "--quiet", "--output", "json"]).exits(0);
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.stdout.lines().count(), 1);
    let answer = ran.json();
    let keys: Vec<&String> = answer.as_object().expect("the answer is an object").keys().collect();
    let expected = [
        "cpuSeconds",
        "executionTime",
        "failure",
        "jobId",
        "peakMemoryBytes",
        "pipeline",
        "processingRate",
        "progress",
        "recordsProcessed",
        "rejectFile",
        "rejects",
        "status",
        "target",
    ];
    assert_eq!(keys, expected);
    assert_eq!(answer["status"], "COMPLETED");
    assert_eq!(answer["failure"], Value::Null);
    assert_eq!(answer["recordsProcessed"], 7);
    assert_eq!(answer["progress"]["recordsSuccessful"], 4);
    assert_eq!(answer["progress"]["recordsFailed"], 3);
    assert_eq!(answer["progress"]["rowsLoaded"], 4);
    assert_eq!(answer["target"]["location"], "out/orders.csv");
    assert_eq!(answer["target"]["rows"], 4);
    assert_eq!(answer["rejectFile"], "out/orders.csv.rejects.ndjson");
    let id = answer["jobId"].as_str().expect("the id is a text");
    assert_eq!((id.len(), &id[14..15]), (36, "7"), "{id} is a UUID of version 7");
    let counted: u64 =
        answer["rejects"].as_array().expect("there are rejects").iter().filter_map(|one| one["rows"].as_u64()).sum();
    assert_eq!(counted, 4, "one of the three rejected rows broke two rules");
}

#[test]
fn too_many_rejects_fail_the_job_and_leave_the_target() {
    let folder = Folder::with_orders(DIRTY_ROWS)
        .file("orders.yaml", format!("{ORDERS}rejects: {{ max_count: 1 }}\n"))
        .file("out/orders.csv", "the old target\n");
    let ran = folder.run_orders().exits(3).prints_nothing();
    ran.tells(&["orders FAILED in ", "error[", "= help: ", "  loaded      0 rows\n", "out/orders.csv (as it was)"]);
    assert_eq!(folder.read("out/orders.csv"), "the old target\n");

    let answer = folder.run_orders_json();
    assert_eq!(answer["status"], "FAILED");
    assert_eq!(answer["failure"]["kind"], "bad_data");
    assert_eq!(answer["target"], Value::Null);
    folder.run(&["run", "orders.yaml", "--quiet"]).exits(3).tells(&["error["]);
}

#[test]
fn quiet_says_nothing_where_all_is_well() {
    let ran = Folder::with_orders(GOOD_ROWS).run(&["run", "orders.yaml", "--quiet"]).exits(0).prints_nothing();
    assert_eq!(ran.stderr, "");
}

#[test]
fn parameters_and_the_run_clock_reach_paths_rules_and_sql() {
    let pipeline = "\
name: orders
parameters:
  least: decimal(12,2)
  name: string = x
source:
  csv: { path: '${name}.csv' }
schema:
  order_id: int64 required
  amount: decimal(12,2) >= $least
  placed_on: date
transforms:
  - name: stamped
    sql: SELECT order_id, $name AS name, CAST($as_of AS DATE) AS day FROM input
target:
  csv: { path: 'out/${as_of:%Y-%m-%d}.csv' }
";
    let folder = Folder::new().file("orders.yaml", pipeline).file("or'ders.csv", GOOD_ROWS);
    folder.run_orders().exits(1).tells(&["parameter least has no default and was not given", "--set least=VALUE"]);
    let arguments =
        ["run", "orders.yaml", "--set", "least=5", "--set", "name=or'ders", "--as-of", "2026-01-31T23:30:00-01:00"];
    folder.run(&arguments).exits(0).tells(&["  rejected    1 row"]);
    assert_eq!(folder.read("out/2026-02-01.csv"), "order_id,name,day\n1,or'ders,2026-02-01\n2,or'ders,2026-02-01\n");
}

#[test]
fn mistakes_stop_a_run_before_it_starts() {
    let folder = Folder::with_orders(GOOD_ROWS).file("bad.yaml", ORDERS.replace("order_id:", "id:"));
    let ran = folder.run(&["run", "bad.yaml", "--output", "json"]).exits(1).prints_nothing();
    assert!(ran.stderr.contains("bad.yaml:") && !ran.stderr.contains("started"), "{ran:#?}");
    assert_eq!(folder.files(), ["bad.yaml", "orders.csv", "orders.yaml"]);
}

/// A job that would take years: all triples of the rows, counted.
fn endless() -> Folder {
    let rows: String = (0..20_000).map(|id| format!("{id},1.00,\n")).collect();
    let sql = "SELECT count(*) AS n FROM input a, input b, input c WHERE a.amount + b.amount + c.amount > 0";
    let steps = json!([{ "name": "count", "sql": sql }]);
    Folder::with_orders(format!("order_id,amount,placed_on\n{rows}"))
        .file("orders.yaml", format!("{ORDERS}transforms: {steps}\n"))
        .file("out/orders.csv", "the old target\n")
}

/// Sends `signal` to a run of an endless job once stderr shows a line that begins with one of `signs`.
fn cancelled_by(signal: Signal, signs: &[&str]) {
    let folder = endless();
    let mut command = folder.command(&["run", "orders.yaml", "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
    let mut line = String::new();
    while !signs.iter().any(|sign| line.starts_with(sign)) {
        line.clear();
        assert!(stderr.read_line(&mut line).expect("stderr is text") > 0, "the job ended by itself");
    }
    kill_process(Pid::from_child(&child), signal).expect("the signal arrives");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("stderr is text");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(3), "{rest}");
    assert!(rest.contains("cancelling; a second signal stops at once"), "{rest}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("stdout is JSON");
    assert_eq!(answer["status"], "CANCELLED");
    assert_eq!((&answer["target"], &answer["rejectFile"]), (&Value::Null, &Value::Null));
    assert_eq!(folder.read("out/orders.csv"), "the old target\n");
    assert_eq!(folder.files(), ["orders.csv", "orders.yaml", "out/orders.csv"]);
}

#[test]
fn ctrl_c_cancels_a_job_in_full_swing_and_leaves_nothing_behind() {
    cancelled_by(Signal::INT, &["orders: Extract", "orders: Transform", "orders: Load"]);
}

#[test]
fn a_termination_signal_cancels_a_job_that_has_just_begun() {
    cancelled_by(Signal::TERM, &["orders: started"]);
}
