//! Follows the links of a document to files and headings.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^)\s]+)\)").expect("it is right"));
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`[^`]*`").expect("it is right"));

/// The links of the document `name` below `root` that lead nowhere.
pub(crate) fn problems(root: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut problems = Vec::new();
    for (number, line) in prose(&text) {
        let line = CODE.replace_all(line, "");
        for link in LINK.captures_iter(&line).map(|found| found[1].to_owned()) {
            if let Some(problem) = follow(root, name, &link) {
                problems.push(format!("{name}:{}: ({link}) {problem}", number + 1));
            }
        }
    }
    problems
}

/// The lines outside fences, with their numbers from 0.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_inside = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_inside ^= is_fence;
        !is_inside && !is_fence
    })
}

fn follow(root: &Path, name: &str, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let folder = root.join(name).parent().map(Path::to_owned).unwrap_or_default();
    let target = if file.is_empty() { root.join(name) } else { folder.join(file) };
    if !target.exists() {
        return Some("leads to no file".to_owned());
    }
    let anchor = anchor?;
    let text = fs::read_to_string(&target).unwrap_or_default();
    (!anchors(&text).iter().any(|heading| heading == anchor)).then(|| "leads to no heading".to_owned())
}

/// What the headings of a document are called in links, as GitHub and others make it.
fn anchors(text: &str) -> Vec<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let headings = prose(text).filter(|(_, line)| line.starts_with('#'));
    let anchors = headings.map(|(_, line)| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
        let anchor: String = kept.map(|char| if char == ' ' { '-' } else { char }).collect();
        let before = seen.entry(anchor.clone()).or_default();
        *before += 1;
        if *before == 1 { anchor } else { format!("{anchor}-{}", *before - 1) }
    });
    anchors.collect()
}
