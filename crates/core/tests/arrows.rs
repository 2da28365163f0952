//! The crates and the arrows between them are those that `ARCHITECTURE.md` lists, and the heavy libraries stay where they
//! may be named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// For each of our crates, by its short name, the crates of ours that it builds on.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What Cargo knows of the workspace's own packages.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata gives JSON");
    metadata["packages"].as_array().expect("the metadata has packages").clone()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().expect("packages and dependencies have names")
}

/// `core` for `etlplus-core`; the binary's crate is `etlplus`.
fn short(package: &str) -> String {
    package.strip_prefix("etlplus-").unwrap_or(package).to_owned()
}

fn dependencies(package: &Value) -> &[Value] {
    package["dependencies"].as_array().expect("packages list their dependencies")
}

/// The arrows of the manifests. Test-only dependencies are no arrows: they are in no program.
fn manifest_arrows(packages: &[Value]) -> Arrows {
    let ours: BTreeSet<&str> = packages.iter().map(name).collect();
    let builds_on = |package: &Value| {
        let built = dependencies(package).iter().filter(|dependency| dependency["kind"] != "dev");
        built.map(name).filter(|name| ours.contains(name)).map(short).collect()
    };
    packages.iter().map(|package| (short(name(package)), builds_on(package))).collect()
}

/// The arrows of the fenced block `arrows`: a line `crate -> crate, crate` for each crate.
fn listed_arrows(text: &str) -> Arrows {
    let block = text.lines().skip_while(|line| line.trim() != "```arrows").skip(1);
    let lines = block.take_while(|line| line.trim() != "```").filter(|line| !line.trim().is_empty());
    let arrow = |line: &str| {
        let (from, to) = line.split_once("->").unwrap_or_else(|| panic!("no arrow in {line:?}"));
        let to = to.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        (from.trim().to_owned(), to.collect())
    };
    lines.map(arrow).collect()
}

/// Whether `name` is `library` or one of its parts, such as `arrow-json` of `arrow`.
fn is_part_of(name: &str, library: &str) -> bool {
    name.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The crates that name any of `libraries`, be it only for their tests.
fn crates_that_name(packages: &[Value], libraries: &[&str]) -> BTreeSet<String> {
    let names_one = |package: &&Value| {
        let mut names = dependencies(package).iter().map(name);
        names.any(|name| libraries.iter().any(|library| is_part_of(name, library)))
    };
    packages.iter().filter(names_one).map(|package| short(name(package))).collect()
}

#[test]
fn manifests_have_the_arrows_that_the_architecture_lists() {
    let file = root().join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let listed = listed_arrows(&text);
    assert!(!listed.is_empty(), "ARCHITECTURE.md has no block fenced as ```arrows");
    assert_eq!(manifest_arrows(&packages()), listed, "left: the manifests; right: ARCHITECTURE.md");
}

#[test]
fn only_the_engine_names_the_library_that_takes_minutes_to_build() {
    assert_eq!(crates_that_name(&packages(), &["datafusion"]), BTreeSet::from(["engine".to_owned()]));
    let named = crates_that_name(&packages(), &["arrow", "parquet"]);
    assert_eq!(named, BTreeSet::from(["connectors".to_owned(), "engine".to_owned()]));
}

#[test]
fn core_names_no_async_runtime() {
    assert!(!crates_that_name(&packages(), &["tokio", "async-std", "smol"]).contains("core"));
}

#[test]
fn listed_arrows_are_read_from_their_block_alone() {
    let text = "a -> b\n```arrows\ncore ->\n\nengine -> core\netlplus -> core, engine\n```\nc -> d\n";
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let expected = [("core", set(&[])), ("engine", set(&["core"])), ("etlplus", set(&["core", "engine"]))];
    assert_eq!(listed_arrows(text), expected.map(|(from, to)| (from.to_owned(), to)).into());
}

#[test]
fn a_test_only_dependency_is_no_arrow_but_counts_as_naming() {
    let packages: Vec<Value> = serde_json::from_str(
        r#"[
            {"name": "etlplus-core", "dependencies": [{"name": "arrow-json", "kind": "dev"}]},
            {"name": "etlplus", "dependencies": [{"name": "etlplus-core", "kind": null}, {"name": "arrows", "kind": null}]},
            {"name": "etlplus-bus", "dependencies": [{"name": "etlplus-core", "kind": "dev"}]}
        ]"#,
    )
    .expect("the example is JSON");
    let arrows = manifest_arrows(&packages);
    assert_eq!(arrows["etlplus"], BTreeSet::from(["core".to_owned()]));
    assert_eq!(arrows["bus"], BTreeSet::new());
    assert_eq!(crates_that_name(&packages, &["arrow"]), BTreeSet::from(["core".to_owned()]));
}
