//! Keys that a row repeats are told beside the other rules that it broke.

use std::fs;

use etlplus_connectors::{Intake, source};
use etlplus_core::Reject;

use super::replayed::{Unlimited, all, job};

/// Field and rule of each broken rule.
fn broken(reject: &Reject) -> Vec<(Option<&str>, &str)> {
    reject.errors.iter().map(|error| (error.field.as_deref(), error.rule.as_str())).collect()
}

async fn rejects(schema: &str, csv: &str) -> Vec<Reject> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    let job = job(folder.path(), &format!("source: {{ csv: {{ path: a.csv }} }}\nschema: {schema}"));
    let open = source::open(&job.pipeline().source, &job, None).await.unwrap();
    all(Intake::start(open, &Unlimited)).await.unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_broke_another_rule_is_told_that_it_repeats_a_key_too() {
    let schema = "{ a: string length(1), id: int64 unique <= 9, v: int64 >= 0, w: int64 unique }";
    let found = rejects(schema, "a,id,v,w\nx,1,5,1\nxx,1,-5,1\nx,2,-1,2\nx,2,1,3\nx,x,-1,1\nx,10,0,\nx,10,,\n").await;
    let found: Vec<_> = found.iter().map(|reject| (reject.row, broken(reject))).collect();
    let field = |name| Some(name);
    assert_eq!(
        found,
        [
            // In the order of the schema, whether or not a key is what the row is rejected for.
            (2, vec![(field("a"), "length"), (field("id"), "unique"), (field("v"), "min"), (field("w"), "unique")]),
            // A rejected row claims no key, ...
            (3, vec![(field("v"), "min")]),
            // ... and a field that is no value repeats none.
            (5, vec![(field("id"), "type"), (field("v"), "min"), (field("w"), "unique")]),
            (6, vec![(field("id"), "max")]),
            (7, vec![(field("id"), "max")]),
        ]
    );
}

/// What comes after a row in the same block, and in another one, does not count as before it.
#[tokio::test(flavor = "multi_thread")]
async fn only_earlier_rows_are_repeated() {
    let found = rejects("{ id: int64 unique, v: int64 >= 0 }", "id,v\n1,-1\n1,1\n1,-2\n").await;
    let found: Vec<_> = found.iter().map(|reject| (reject.row, broken(reject).len())).collect();
    assert_eq!(found, [(1, 1), (3, 2)]);
    let filler = |from: i64| (from..from + 200_000).map(|id| format!("{id},1\n")).collect::<String>();
    let csv = format!("id,v\n{}7,-1\n900000,-1\n{}", filler(0), filler(800_000));
    let found = rejects("{ id: int64 unique, v: int64 >= 0 }", &csv).await;
    let found: Vec<_> = found.iter().map(|reject| (reject.row, broken(reject).len())).collect();
    assert_eq!(found, [(200_001, 2), (200_002, 1)]);
}
