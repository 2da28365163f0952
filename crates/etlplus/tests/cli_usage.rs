//! What all commands have in common: usage, streams, colours.

mod support;

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use support::{Folder, GOOD_ROWS, ORDERS, Ran};

const ESCAPE: char = '\u{1b}';

#[test]
fn wrong_usage_is_code_2_and_says_what_is_right() {
    let folder = Folder::with_orders(GOOD_ROWS);
    let cases: [&[&str]; 9] = [
        &[],
        &["runn", "orders.yaml"],
        &["run"],
        &["run", "orders.yaml", "--set", "country"],
        &["run", "orders.yaml", "--set", "as_of=2026-01-01T00:00:00Z"],
        &["run", "orders.yaml", "--set", "a=1", "--set", "a=2"],
        &["run", "orders.yaml", "--as-of", "yesterday"],
        &["preview", "orders.yaml", "--rows", "0"],
        &["init", "orders.csv", "--force"],
    ];
    for arguments in cases {
        let ran = folder.run(arguments).exits(2).prints_nothing();
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(folder.files(), ["orders.csv", "orders.yaml"]);
}

#[test]
fn help_teaches_by_examples() {
    let folder = Folder::new();
    folder.run(&["--help"]).exits(0).prints(&[
        "validate",
        "schema",
        "preview",
        "init",
        "run",
        "test",
        "demo",
        "First steps",
    ]);
    for command in ["validate", "schema", "preview", "init", "run", "test", "demo"] {
        let ran = folder.run(&[command, "--help"]).exits(0).prints(&["Usage:", "etlplus "]);
        assert_eq!(ran.stderr, "");
    }
    folder.run(&["--version"]).exits(0).prints(&[concat!("etlplus ", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn colours_need_a_terminal_or_a_wish() {
    let folder = Folder::with_orders(GOOD_ROWS).file("bad.yaml", ORDERS.replace("int64", "integr64"));
    let ran = |variables: &[(&str, &str)]| {
        let mut command = folder.command(&["validate", "bad.yaml"]);
        command.envs(variables.iter().copied());
        Ran::from(command.output().expect("the program starts")).exits(1)
    };
    let plain = ran(&[]);
    assert!(!plain.stdout.contains(ESCAPE) && !plain.stderr.contains(ESCAPE), "{plain:#?}");
    let coloured = ran(&[("CLICOLOR_FORCE", "1")]);
    assert!(coloured.stdout.contains(ESCAPE) && coloured.stderr.contains(ESCAPE), "{coloured:#?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let rows: String = (0..900).map(|id| format!("{id},10.00,\n")).collect();
    let folder = Folder::with_orders(format!("order_id,amount,placed_on\n{rows}"));
    let mut command = folder.command(&["preview", "orders.yaml", "--rows", "900"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().expect("the program ends")).exits(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let folder = Folder::with_orders(GOOD_ROWS);
    let full = File::options().write(true).open("/dev/full").expect("Linux has a file that is always full");
    let mut child =
        folder.command(&["schema"]).stdout(full).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut stderr = String::new();
    child.stderr.take().expect("stderr is a pipe").read_to_string(&mut stderr).expect("stderr is text");
    assert_eq!(child.wait().expect("the program ends").code(), Some(1));
    assert!(stderr.contains("cannot write to the standard output"), "{stderr}");
}
