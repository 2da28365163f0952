//! `docs/failures.md` has the codes of all failures of databases, folders and files, and no others.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The files of the sources at `path`.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect()
}

/// Words of several parts that are the first of several things in brackets: so is each code written, and a pragma.
fn codes_of_the_code() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let code = Regex::new(r#"(\w*)\(\s*"([a-z]+(?:_[a-z0-9]+)+)","#).unwrap();
    let is_code = |called: &str| called != "pragma";
    let mut codes = BTreeSet::from(["overflow".to_owned()]);
    for part in ["postgres", "sqlite", "target", "failure.rs"] {
        for file in files(&source.join(part)) {
            let text = fs::read_to_string(file).unwrap();
            let found = code.captures_iter(&text).filter(|found| is_code(&found[1]));
            codes.extend(found.map(|found| found[2].to_owned()));
        }
    }
    codes
}

/// The codes in the first column of each table.
fn codes_of_the_document() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/failures.md");
    let text = fs::read_to_string(path).unwrap();
    let columns = text.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let codes = columns.flat_map(|column| column.split(',')).map(|code| code.trim().trim_matches('`').to_owned());
    codes.collect()
}

#[test]
fn each_code_is_explained() {
    let (code, document) = (codes_of_the_code(), codes_of_the_document());
    assert!(code.len() > 50, "codes are written otherwise: {code:?}");
    let missing: Vec<_> = code.difference(&document).collect();
    assert!(missing.is_empty(), "docs/failures.md does not have {missing:?}");
    let gone: Vec<_> = document.difference(&code).collect();
    assert!(gone.is_empty(), "docs/failures.md has codes that are no more: {gone:?}");
}
