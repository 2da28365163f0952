//! `docs/seed-coverage.md` has a row for each sentence of `docs/seed.md`, in its order and in its words, and each row names tests that
//! are there.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

static BOX: LazyLock<Regex> = LazyLock::new(|| expression(r"\w+\[[^\]]*\]"));
static SENTENCE_END: LazyLock<Regex> = LazyLock::new(|| expression(r"\. [A-Z]"));
static WORD: LazyLock<Regex> = LazyLock::new(|| expression(r"\w+"));

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("the expression is one")
}

/// A heading and what stands under it up to the next one.
#[derive(Debug, PartialEq)]
struct Section<Part> {
    /// With as many `#` as the seed has.
    heading: String,
    parts: Vec<Part>,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    seed: String,
    here: String,
    tests: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> Option<String> {
    std::fs::read_to_string(root().join(file)).ok()
}

fn document(file: &str) -> String {
    read(file).unwrap_or_else(|| panic!("{file} cannot be read"))
}

/// What the seed says, each as its cell in the table has it. Code is between backticks.
///
/// Of prose, that is a sentence or a bullet; of a diagram, a box or an arrow; of JSON, a key; of C++, a declaration, a statement or a
/// comment. Lines that say nothing by themselves are left out: braces, fences, `public:`, and labels such as `**Interface**:`.
fn said(seed: &str) -> Vec<Section<String>> {
    let mut sections: Vec<Section<String>> = Vec::new();
    let mut language: Option<&str> = None;
    let mut statement = String::new();
    for line in seed.lines().map(str::trim) {
        if let Some(fence) = line.strip_prefix("```") {
            language = if language.is_some() { None } else { Some(fence) };
            continue;
        }
        if language.is_none() && line.starts_with('#') {
            sections.push(Section { heading: line.to_owned(), parts: Vec::new() });
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        match language {
            None => section.parts.extend(prose(line)),
            Some("mermaid") => section.parts.extend(arrow(line).into_iter().map(code)),
            Some("json") if line.trim_matches(['{', '}', ',']).is_empty() => {}
            Some("json") => section.parts.push(code(line.trim_end_matches(','))),
            Some("cpp") if ["", "};", "public:", "private:"].contains(&line) => {}
            Some("cpp") => {
                statement = format!("{statement} {line}").trim().to_owned();
                if line.starts_with("//") || line.ends_with('{') || line.contains(';') {
                    section.parts.push(code(std::mem::take(&mut statement)));
                }
            }
            Some(other) => panic!("the seed has code in {other:?}, which nothing here reads"),
        }
    }
    sections
}

fn code(text: impl AsRef<str>) -> String {
    format!("`{}`", text.as_ref())
}

fn prose(line: &str) -> Vec<String> {
    if let Some(bullet) = line.strip_prefix("- ") {
        return vec![bullet.to_owned()];
    }
    if line.is_empty() || (line.starts_with("**") && line.ends_with("**:")) {
        return Vec::new();
    }
    let mut sentences = Vec::new();
    let mut begin = 0;
    for found in SENTENCE_END.find_iter(line) {
        sentences.push(line[begin..=found.start()].to_owned());
        begin = found.end() - 1;
    }
    sentences.push(line[begin..].to_owned());
    sentences
}

/// The boxes that a line of a diagram draws, then its arrow.
fn arrow(line: &str) -> Vec<&str> {
    if !line.contains("-->") {
        return Vec::new();
    }
    BOX.find_iter(line).map(|found| found.as_str()).chain([line]).collect()
}

/// The rows of the table. Its headings are one level below the seed's, since the document has a title of its own.
fn listed(coverage: &str) -> Vec<Section<Row>> {
    let mut sections: Vec<Section<Row>> = Vec::new();
    for line in coverage.lines() {
        if let Some(heading) = line.strip_prefix('#').filter(|rest| rest.starts_with('#')) {
            sections.push(Section { heading: heading.to_owned(), parts: Vec::new() });
        } else if let (Some(section), Some(cells)) = (sections.last_mut(), cells(line)) {
            section.parts.push(row(&cells));
        }
    }
    sections
}

/// The cells of a row that is neither a head nor the rule below it.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    (!inner.starts_with("the seed | ")).then(|| inner.split(" | ").map(str::trim).collect())
}

fn row(cells: &[&str]) -> Row {
    let cell = |at: usize| cells.get(at).copied().unwrap_or("");
    let tests = cell(2).split("<br>").map(|test| test.trim_matches('`').to_owned()).filter(|test| !test.is_empty());
    Row { seed: cell(0).to_owned(), here: cell(1).to_owned(), tests: tests.collect() }
}

/// What is wrong with `coverage`, a line each. `read` gives the text of a file of the repository.
fn faults(seed: &str, coverage: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let (said, listed) = (said(seed), listed(coverage));
    let wanted: Vec<&String> = said.iter().map(|section| &section.heading).collect();
    let found: Vec<&String> = listed.iter().map(|section| &section.heading).collect();
    if wanted != found {
        return vec![format!("the headings are not the seed's:\n{found:#?}\nrather than\n{wanted:#?}")];
    }
    let mut faults = Vec::new();
    for (section, rows) in said.iter().zip(&listed) {
        faults.extend(differences(section, rows));
        for row in &rows.parts {
            let place = format!("{}: {}", section.heading, row.seed);
            if row.here.is_empty() {
                faults.push(format!("{place}: what is it here?"));
            }
            if row.tests.is_empty() {
                faults.push(format!("{place}: has no test"));
            }
            let missing = row.tests.iter().filter_map(|test| missing(test, read));
            faults.extend(missing.map(|fault| format!("{place}: {fault}")));
        }
    }
    faults
}

fn differences(section: &Section<String>, rows: &Section<Row>) -> Vec<String> {
    let mut left: Vec<&String> = rows.parts.iter().map(|row| &row.seed).collect();
    let mut faults = Vec::new();
    for part in &section.parts {
        match left.iter().position(|row| *row == part) {
            Some(at) => drop(left.remove(at)),
            None => faults.push(format!("{}: no row for {part}", section.heading)),
        }
    }
    faults.extend(left.into_iter().map(|row| format!("{}: the seed does not say {row}", section.heading)));
    if faults.is_empty() && rows.parts.iter().map(|row| &row.seed).ne(&section.parts) {
        faults.push(format!("{}: the rows are not in the seed's order", section.heading));
    }
    faults
}

/// Why `test`, a file and a name, is no test that runs.
fn missing(test: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let Some((file, name)) = test.split_once(": ") else { return Some(format!("{test:?} is no file and name")) };
    match read(file) {
        None => Some(format!("there is no {file}")),
        Some(source) if !is_test(&source, name) => Some(format!("{file} has no test {name}")),
        Some(_) => None,
    }
}

/// Whether `source` has a test `name` that is run: a function whose attributes say so, inside a `proptest!` or not.
fn is_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declares = |line: &&str| line.split_once("fn ").is_some_and(|(_, rest)| rest.starts_with(&format!("{name}(")));
    lines.iter().enumerate().filter(|(_, line)| declares(line)).any(|(at, _)| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let attributes: Vec<&&str> = above.filter(|line| line.starts_with("#[")).collect();
        let is_test = |line: &&&str| **line == "#[test]" || line.starts_with("#[tokio::test");
        attributes.iter().any(is_test) && !attributes.iter().any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn each_sentence_of_the_seed_has_a_test() {
    let faults = faults(&document("docs/seed.md"), &document("docs/seed-coverage.md"), &read);
    assert!(faults.is_empty(), "docs/seed-coverage.md:\n{}", faults.join("\n"));
}

/// A table over [`SEED`] without a fault.
const COVERAGE: &str = "\
# What became of it

## Title

### Parts

| the seed | here | tests |
|---|---|---|
| One. | yes | `a.rs: works` |
| Two uses a.b here. | yes | `a.rs: works`<br>`b/c.rs: walks` |
| **Name**: a bullet | yes | `a.rs: works` |
| `A[Box One]` | yes | `a.rs: works` |
| `B[(Store)]` | yes | `a.rs: works` |
| `A[Box One] --> B[(Store)]` | yes | `a.rs: works` |
| `A --> B` | yes | `a.rs: works` |
| `class Manager {` | yes | `a.rs: works` |
| `void begin(int first, int second);` | yes | `a.rs: works` |
| `// More` | yes | `a.rs: works` |
| `double rate; // per second` | yes | `a.rs: works` |
| `\"outer\": {` | yes | `a.rs: works` |
| `\"on\": true` | yes | `a.rs: works` |
| `\"on\": true` | yes | `b/c.rs: walks` |
";

const SEED: &str = "\
> Not the seed's own.

# Title

## Parts

One. Two uses a.b here.

**Purpose**:
- **Name**: a bullet

```mermaid
graph TB
    A[Box One] --> B[(Store)]
    A --> B
```
```cpp
class Manager {
public:
    void begin(int first,
               int second);
    // More
    double rate; // per second
};
```
```json
{
    \"outer\": {
        \"on\": true,
        \"on\": true
    }
}
```
";

fn source(file: &str) -> Option<String> {
    let works = "#[test]\nfn works() {}\nfn helps() {}\n#[test]\n#[ignore = \"slow\"]\nfn sleeps() {}\n";
    match file {
        "a.rs" => Some(works.to_owned()),
        "b/c.rs" => Some("#[tokio::test(flavor = \"multi_thread\")]\n/// Walks.\nasync fn walks() {}\n".to_owned()),
        _ => None,
    }
}

/// [`COVERAGE`] with `new` where it first has `old`.
fn doctored(old: &str, new: &str) -> String {
    assert!(COVERAGE.contains(old), "{old}");
    COVERAGE.replacen(old, new, 1)
}

#[test]
fn a_table_that_is_whole_has_no_fault() {
    assert_eq!(faults(SEED, COVERAGE, &source), [] as [String; 0]);
}

#[test]
fn each_fault_of_a_table_is_named() {
    for (old, new, fault) in [
        ("| One. | yes | `a.rs: works` |\n", "", "no row for One."),
        ("| `// More` | yes | `a.rs: works` |\n", "", "no row for `// More`"),
        ("| `\"on\": true` | yes | `b/c.rs: walks` |\n", "", "no row for `\"on\": true`"),
        ("| One. |", "| Once. |", "the seed does not say Once."),
        ("`a.rs: works`", "`a.rs: work`", "a.rs has no test work"),
        ("`b/c.rs: walks`", "`b/d.rs: walks`", "there is no b/d.rs"),
        ("`a.rs: works`", "`a.rs: helps`", "a.rs has no test helps"),
        ("`a.rs: works`", "`a.rs: sleeps`", "a.rs has no test sleeps"),
        ("`a.rs: works`", "`works`", "is no file and name"),
        ("| yes | `a.rs: works` |", "| yes | |", "One.: has no test"),
        ("| yes |", "|  |", "One.: what is it here?"),
        ("### Parts\n", "", "the headings are not the seed's"),
    ] {
        let found = faults(SEED, &doctored(old, new), &source);
        assert!(found.iter().any(|one| one.contains(fault)), "{fault} is not among {found:#?}");
    }
    let swapped =
        doctored("`A --> B`", "`C`").replacen("`B[(Store)]`", "`A --> B`", 1).replacen("`C`", "`B[(Store)]`", 1);
    let found = faults(SEED, &swapped, &source);
    assert!(found.len() == 1 && found[0].contains("order"), "{found:#?}");
}

/// The real table, with one row after another taken away and one test after another misspelt.
#[test]
fn no_row_and_no_test_of_the_real_table_can_go_unnoticed() {
    let (seed, coverage) = (document("docs/seed.md"), document("docs/seed-coverage.md"));
    let rows: Vec<&str> = coverage.lines().filter(|line| cells(line).is_some()).collect();
    assert!(rows.len() > 190, "{} rows", rows.len());
    let anything = |file: &str| Some(file.to_owned());
    let is_noticed = |found: &[String]| found.iter().any(|one| !one.contains("has no test "));
    for row in rows {
        let shorter = coverage.replacen(&format!("{row}\n"), "", 1);
        assert!(is_noticed(&faults(&seed, &shorter, &anything)), "without {row}");
        for test in self::row(&cells(row).expect("it is a row")).tests {
            assert!(missing(&test, &read).is_none() && missing(&format!("{test}x"), &read).is_some(), "{test}");
        }
    }
}

#[test]
fn no_word_of_the_seed_is_passed_over() {
    let seed = document("docs/seed.md");
    let words = |text: &str| -> Vec<String> { WORD.find_iter(text).map(|found| found.as_str().to_owned()).collect() };
    let (_, own) = seed.split_once("\n\n").expect("a line stands above the seed");
    let mut left = words(own);
    // Boxes stand in the line of their arrow, too.
    for section in said(&seed) {
        let parts = section.parts.iter().filter(|part| !is_lone_box(part));
        for word in words(&section.heading).into_iter().chain(parts.flat_map(|part| words(part))) {
            let at = left.iter().position(|one| *one == word);
            left.swap_remove(at.unwrap_or_else(|| panic!("{word} is not the seed's")));
        }
    }
    left.sort();
    left.dedup();
    let silent =
        ["Endpoints", "Features", "Interface", "Key", "Methods", "New", "TB", "cpp", "graph", "json", "mermaid"];
    assert_eq!(left, [&silent[..], &["private", "public"]].concat());
}

fn is_lone_box(part: &str) -> bool {
    BOX.find(part).is_some_and(|found| found.len() + "``".len() == part.len())
}
