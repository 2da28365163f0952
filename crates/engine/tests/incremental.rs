//! Incremental loads: what is new since the last one, once, whatever happens between; and what a plan says of them.

mod support;

use std::sync::Arc;

use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, parse};
use etlplus_core::ports::{Control, Executor, Outcome, RunReport};
use etlplus_engine::Engine;
use support::{Folder, as_of, broken};

const PIPELINE: &str = "name: t
source: { csv: { path: orders.csv } }
schema: { id: int64 unique, amount: 'decimal(10,2) > 0' }
target: { sqlite: { path: out.db, table: orders }, mode: append }
incremental: { cursor: id, start: '0' }
rejects: { path: bad.ndjson, max_percent: 100 }
";

const READ_BACK: &str = "name: back
source: { sqlite: { path: out.db, query: 'SELECT id, amount FROM orders ORDER BY id' } }
schema: { id: int64, amount: 'decimal(10,2)' }
target: { csv: { path: back.csv } }
";

fn job(folder: &Folder, number: u32) -> JobSpec {
    let id: JobId = format!("01935b7e-0000-7000-8000-{number:012}").parse().expect("an id");
    let pipeline = parse(PIPELINE).expect("a pipeline");
    JobSpec::new(id, Arc::new(pipeline), folder.path("").as_path(), &Default::default(), as_of()).expect("a job")
}

fn run(folder: &Folder, number: u32) -> RunReport {
    let report = Engine::new().run(&job(folder, number), &Arc::new(Control::default()));
    assert!(matches!(report.outcome, Outcome::Completed(_)), "{:#?}", report.outcome);
    report
}

fn loaded(folder: &Folder) -> String {
    folder.complete(READ_BACK);
    folder.read("back.csv")
}

#[test]
fn each_load_reads_what_is_new_and_rejects_nothing_twice() {
    let folder = Folder::new();
    folder.write("orders.csv", "id,amount\n1,1.00\n2,-5\n3,3.00\n");
    let first = run(&folder, 1).progress;
    assert_eq!((first.records_successful, first.records_failed, first.rows_skipped), (2, 1, 0));
    assert_eq!(loaded(&folder), "id,amount\n1,1.00\n3,3.00\n");

    folder.write("orders.csv", "id,amount\n1,1.00\n2,-5\n3,3.00\n4,4.00\n5,x\n");
    let second = run(&folder, 2).progress;
    assert_eq!((second.records_successful, second.records_failed, second.rows_skipped), (1, 1, 3));
    assert_eq!(loaded(&folder), "id,amount\n1,1.00\n3,3.00\n4,4.00\n");

    // The rejected row had the greatest cursor: it is not read again.
    let third = run(&folder, 3).progress;
    assert_eq!((third.records_successful, third.records_failed, third.rows_skipped), (0, 0, 5));
    assert_eq!(loaded(&folder), "id,amount\n1,1.00\n3,3.00\n4,4.00\n");
}

#[test]
fn an_attempt_that_comes_after_the_commit_loads_nothing_more() {
    let folder = Folder::new();
    folder.write("orders.csv", "id,amount\n1,1.00\n");
    run(&folder, 1);
    folder.write("orders.csv", "id,amount\n1,1.00\n2,2.00\n");
    let again = run(&folder, 1);
    let Outcome::Completed(target) = again.outcome else { unreachable!("run() saw to it") };
    assert_eq!((target.rows, again.progress.records_processed()), (1, 0));
    assert_eq!(loaded(&folder), "id,amount\n1,1.00\n");
}

#[test]
fn a_row_without_a_cursor_is_rejected() {
    let folder = Folder::new();
    folder.write("orders.csv", "id,amount\n1,1.00\n,2.00\n");
    let report = run(&folder, 1);
    assert_eq!(report.progress.records_failed, 1);
    assert_eq!(broken(&folder.rejects("bad.ndjson")), [(3, vec![("", "cursor")])]);
}

#[test]
fn unique_values_are_unique_among_those_that_are_there_too() {
    let folder = Folder::new();
    let pipeline = PIPELINE.replace("incremental: { cursor: id, start: '0' }\n", "");
    folder.write("orders.csv", "id,amount\n1,1.00\n2,2.00\n");
    folder.complete(&pipeline);
    folder.write("orders.csv", "id,amount\n2,9.00\n3,3.00\n");
    let job = |number: u32| {
        let id: JobId = format!("01935b7e-0000-7000-8000-{number:012}").parse().expect("an id");
        let pipeline = Arc::new(parse(&pipeline).expect("a pipeline"));
        JobSpec::new(id, pipeline, folder.path("").as_path(), &Default::default(), as_of()).expect("a job")
    };
    let report = folder.run_job(&job(2));
    assert!(matches!(report.outcome, Outcome::Completed(_)), "{:#?}", report.outcome);
    assert_eq!(broken(&folder.rejects("bad.ndjson")), [(2, vec![("id", "unique")])]);
    assert_eq!(loaded(&folder), "id,amount\n1,1.00\n2,2.00\n3,3.00\n");
}

#[test]
fn a_plan_says_the_interval_and_the_columns_and_writes_nothing() {
    let folder = Folder::new();
    folder.write("orders.csv", "id,amount\n1,1.00\n");
    let before = Engine::new().plan(&job(&folder, 1)).expect("a plan");
    assert!(!before.target.is_there);
    assert_eq!(before.interval.expect("it is incremental").after.as_deref(), Some("0"));
    assert_eq!(folder.names(), ["orders.csv"]);
    run(&folder, 1);
    let after = Engine::new().plan(&job(&folder, 2)).expect("a plan");
    assert!(after.target.is_there);
    assert_eq!(after.interval.expect("it is incremental").after.as_deref(), Some("1"));
    let columns = after.target.columns.iter().map(|column| (column.name.as_str(), column.target_type.as_deref()));
    assert_eq!(columns.collect::<Vec<_>>(), [("id", Some("INTEGER")), ("amount", Some("TEXT"))]);
}
