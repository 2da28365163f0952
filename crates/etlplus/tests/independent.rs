//! A load of dirty orders, checked to the row by a program written apart from the engine, in another language
//! (`independent/check.py`): the target, the reject file and the summary.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Folder, Ran};

const AS_OF: &str = "2026-01-01T00:00:00Z";
const TARGET: &str = "data/out/orders.csv";
const REJECTS: &str = "data/out/rejects.ndjson";
const SUMMARY: &str = "data/summary.json";

/// A folder in which `rows` dirty orders were made and loaded.
fn loaded(rows: u64) -> Folder {
    let folder = Folder::new().file("data/dirty.yaml", include_str!("independent/dirty.yaml"));
    folder.run(&["demo", "--data-only", "--rows", &rows.to_string(), "--folder", "data"]).exits(0);
    let run = ["run", "data/dirty.yaml", "--as-of", AS_OF, "--quiet", "--output", "json"];
    let summary = folder.run(&run).exits(0).stdout;
    folder.file(SUMMARY, summary)
}

/// What the independent program says.
fn check(folder: &Folder) -> Ran {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent/check.py");
    let files = ["data/orders.csv", TARGET, REJECTS, SUMMARY].map(|name| folder.path(name));
    // Without `-B` Python would leave its byte code among the sources.
    let output = Command::new("python3").arg("-B").arg(program).args(files).arg(AS_OF).output();
    let output = output.unwrap_or_else(|error| {
        panic!("the independent check needs python3 ({error}): install it (Debian: apt-get install python3)")
    });
    Ran::from(output)
}

#[test]
fn a_million_rows_agree_to_the_row() {
    check(&loaded(1_000_000)).exits(0).prints(&["target, reject file and summary agree"]);
}

/// The control: the check is worth something only if it fails where one row is wrong.
#[test]
fn one_wrong_line_is_noticed() {
    let mut folder = loaded(4_000);
    check(&folder).exits(0);
    let corruptions: [(&str, Corrupt, &str); 11] = [
        (TARGET, |text| text.replacen(",99.99,", ",99.98,", 1), "target line"),
        (TARGET, |text| text.replacen(",\"\"\n", ",\n", 1), "target line"),
        (TARGET, |text| text.replacen(",\n", ",\"\"\n", 1), "target line"),
        (TARGET, |text| without_line(text, 2_000), "is missing"),
        (TARGET, |text| with_line_twice(text, 2_000), "or not twice"),
        (REJECTS, |text| without_line(text, 50), "is missing"),
        (REJECTS, |text| with_line_twice(text, 50), "or not twice"),
        (REJECTS, |text| text.replacen("\"pattern\"", "\"length\"", 1), "errors is"),
        (REJECTS, |text| text.replacen("\"row\":", "\"row\":1", 1), "row is"),
        (REJECTS, |text| text.replacen("twelve", "eleven", 1), "errors is"),
        (SUMMARY, |text| text.replacen("\"recordsFailed\":", "\"recordsFailed\":1", 1), "progress.recordsFailed"),
    ];
    for (name, corrupt, told) in corruptions {
        let whole = folder.read(name);
        let corrupted = corrupt(&whole);
        assert_ne!(corrupted, whole, "{name}: nothing was corrupted, where {told:?} should be told");
        folder = folder.file(name, corrupted);
        check(&folder).exits(1).prints(&[told]);
        folder = folder.file(name, whole);
    }
}

type Corrupt = fn(&str) -> String;

fn without_line(text: &str, number: usize) -> String {
    text.split_inclusive('\n').enumerate().filter(|(index, _)| *index != number).map(|(_, line)| line).collect()
}

fn with_line_twice(text: &str, number: usize) -> String {
    let times = |(index, line)| std::iter::repeat_n(line, if index == number { 2 } else { 1 });
    text.split_inclusive('\n').enumerate().flat_map(times).collect()
}
