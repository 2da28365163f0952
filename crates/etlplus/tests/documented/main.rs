//! What the documents say is so: every command in them is run and what it prints is compared, every pipeline and every
//! settings file in them is checked, every link leads somewhere.
//!
//! A reader can follow a document from its top, in one shell. So does the test: the `console` blocks of a document run in
//! one bash, with a server of their own. What a reader does not see stands in comments before a block:
//!
//! | comment | meaning |
//! |---|---|
//! | `<!-- file: NAME -->` | the block is this file, which the commands after it find in their folder |
//! | `<!-- first: COMMANDS -->` | what has to be done before the block, such as to start the job that it looks at |
//! | `<!-- exits N -->` | the last command of the block ends with this exit code |
//! | `<!-- figures vary -->` | the block's numbers are those of one moment: only that there are numbers is compared |
//! | `<!-- not run: REASON -->` | the block is not run |

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../serve/server.rs"]
mod server;

mod document;
mod examples;
mod links;
mod proof;
mod same;
mod shell;

use std::fs;
use std::path::{Path, PathBuf};

use document::Document;

/// Blocks of all documents that are not run, at most: what is not run goes stale.
const NOT_RUN_MAX: usize = 3;

/// The top of the source tree.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the source tree is there")
}

/// The document `name`, which is a path from the top of the source tree.
fn read(name: &str) -> Document {
    let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Document::parse(name, &text).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The paths of all documents.
fn names() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).expect("the folder is there");
    let docs = docs.map(|entry| entry.expect("it is readable").file_name().to_string_lossy().into_owned());
    let docs = docs.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}"));
    let mut names: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md"].map(str::to_owned).into_iter().collect();
    names.extend(docs);
    names.sort();
    names
}

#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n\n{}\n", problems.len(), problems.join("\n\n"));
}

/// Runs the commands of the document `name`.
#[track_caller]
fn holds(name: &str) {
    assert_none(&shell::problems(&read(name), &read("docs/commands.md")));
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    holds("README.md");
}

#[test]
fn the_commands_of_commands_md_do_what_it_says() {
    holds("docs/commands.md");
}

#[test]
fn the_commands_of_rest_md_do_what_it_says() {
    holds("docs/rest.md");
}

#[test]
fn the_commands_of_protocol_md_do_what_it_says() {
    holds("docs/protocol.md");
}

#[test]
fn the_commands_of_server_md_do_what_it_says() {
    holds("docs/server.md");
}

#[test]
fn the_commands_of_operations_md_do_what_it_says() {
    holds("docs/operations.md");
}

#[test]
fn the_commands_of_configuration_md_do_what_it_says() {
    holds("docs/configuration.md");
}

#[test]
fn the_commands_of_pipelines_md_do_what_it_says() {
    holds("docs/pipelines.md");
}

/// A document that gets its first command needs a test of its own above, so that documents are run side by side.
#[test]
fn no_other_document_has_commands() {
    let with_commands: Vec<_> = names().into_iter().filter(|name| read(name).has_commands()).collect();
    let tested = ["commands", "configuration", "operations", "pipelines", "protocol", "rest", "server"];
    let mut tested: Vec<_> = tested.map(|name| format!("docs/{name}.md")).to_vec();
    tested.insert(0, "README.md".to_owned());
    assert_eq!(with_commands, tested);
}

#[test]
fn few_commands_are_not_run() {
    let documents: Vec<_> = names().iter().map(|name| read(name)).collect();
    let reasons: Vec<_> = documents.iter().flat_map(Document::not_run).collect();
    assert!(reasons.len() <= NOT_RUN_MAX, "{} blocks are not run: {reasons:#?}", reasons.len());
}

#[test]
fn every_link_leads_somewhere() {
    let problems: Vec<_> = names().iter().flat_map(|name| links::problems(&root(), name)).collect();
    assert_none(&problems);
}

#[test]
fn every_pipeline_and_settings_file_is_right() {
    let documents: Vec<_> = names().iter().map(|name| read(name)).collect();
    let (mut count, mut problems) = (0, Vec::new());
    for document in &documents {
        let (checked, wrong) = examples::check(document);
        count += checked;
        problems.extend(wrong);
    }
    assert_none(&problems);
    // Where none were recognised any more, none would be wrong.
    assert!(count >= 10, "only {count} examples were found");
}
