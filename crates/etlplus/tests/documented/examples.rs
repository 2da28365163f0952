//! Checks the pipelines and the settings files that documents show.

use etlplus_core::pipeline;

use crate::document::{Block, Document};
use crate::support::Folder;

/// The sections of a settings file.
const SECTIONS: [&str; 6] = ["server", "access", "jobs", "retention", "log", "monitoring"];

/// How many examples there are, and what is wrong with them.
pub(crate) fn check(document: &Document) -> (usize, Vec<String>) {
    let place = |block: &Block, what: String| format!("{}:{}: {what}", document.name, block.line);
    let (mut count, mut problems) = (0, Vec::new());
    for block in &document.blocks {
        if is_pipeline(block) {
            count += 1;
            if let Err(mistakes) = pipeline::parse(&block.text()) {
                problems.push(place(block, format!("{mistakes:#?}")));
            }
        } else if is_settings(block) {
            count += 1;
            let name = format!("settings.{}", block.language);
            let folder = Folder::new().file(&name, block.text());
            let ran = folder.run(&["config", "check", &name]);
            if ran.code != Some(0) {
                problems.push(place(block, ran.stderr));
            }
        }
    }
    (count, problems)
}

/// Whether it is a whole pipeline.
fn is_pipeline(block: &Block) -> bool {
    let has = |key: &str| block.lines.iter().any(|line| line.starts_with(key));
    block.language == "yaml" && has("name:") && has("source:") && has("target:")
}

/// Whether it is a settings file, or a change of settings: every key at the top is a section of theirs.
fn is_settings(block: &Block) -> bool {
    let text = block.text();
    let keys: Vec<String> = match block.language.as_str() {
        "yaml" => {
            let top = block.lines.iter().filter(|line| line.starts_with(|char: char| char.is_ascii_lowercase()));
            top.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
        }
        "json" => match serde_json::from_str::<serde_json::Map<_, _>>(&text) {
            Ok(object) => object.keys().cloned().collect(),
            Err(_) => Vec::new(),
        },
        "toml" => {
            let tables = block.lines.iter().filter_map(|line| line.strip_prefix('['));
            tables.filter_map(|table| Some(table.split(['.', ']']).next()?.to_owned())).collect()
        }
        _ => Vec::new(),
    };
    !keys.is_empty() && keys.iter().all(|key| SECTIONS.contains(&key.as_str()))
}
