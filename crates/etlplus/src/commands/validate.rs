//! `etlplus validate FILE`: every mistake at once.

use std::path::Path;

use etlplus_core::pipeline::Pipeline;
use etlplus_core::ports::Executor;
use etlplus_core::{Failure, Mistake};
use serde::Serialize;

use super::load::{self, TextFile};
use crate::cli::{JobArgs, OutputFormat};
use crate::exit::Exit;
use crate::output::style::{GOOD, HELP, WARN};
use crate::output::{self, mistakes, printable};

/// What the check found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    valid: bool,
    mistakes: Vec<Mistake>,
    /// Parameters without a value: while there are any, files and SQL cannot be checked.
    missing_parameters: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    file: &'a Path,
    #[serde(flatten)]
    findings: &'a Findings,
}

/// Checks a pipeline file and tells what is wrong.
pub(super) fn execute(executor: &dyn Executor, arguments: &JobArgs) -> Result<Exit, Failure> {
    let file = TextFile::read(&arguments.file, "pipeline file")?;
    let findings = check(executor, &file, arguments)?;
    match arguments.output {
        OutputFormat::Json => output::json(&Answer { file: &file.path, findings: &findings })?,
        OutputFormat::Text => tell(&file, &findings)?,
    }
    Ok(if findings.valid { Exit::Done } else { Exit::Error })
}

fn check(executor: &dyn Executor, file: &TextFile, arguments: &JobArgs) -> Result<Findings, Failure> {
    let pipeline = match load::parse(file) {
        Ok(pipeline) => pipeline,
        Err(mistakes) => return Ok(Findings { valid: false, mistakes, missing_parameters: Vec::new() }),
    };
    let missing_parameters = missing_parameters(&pipeline, arguments);
    if !missing_parameters.is_empty() {
        return Ok(Findings { valid: true, mistakes: Vec::new(), missing_parameters });
    }
    let mistakes = load::check(executor, &load::job(pipeline, arguments)?, &arguments.file);
    Ok(Findings { valid: mistakes.is_empty(), mistakes, missing_parameters })
}

fn missing_parameters(pipeline: &Pipeline, arguments: &JobArgs) -> Vec<String> {
    let given = arguments.settings();
    let missing = pipeline.parameters.iter().filter(|one| one.default.is_none() && !given.contains_key(&one.name));
    missing.map(|parameter| parameter.name.clone()).collect()
}

fn tell(file: &TextFile, findings: &Findings) -> Result<(), Failure> {
    let Findings { valid, mistakes, missing_parameters } = findings;
    if !valid {
        output::data(&mistakes::render(&file.path, &file.text, mistakes))?;
        output::talk(&mistakes::tally(&file.path, mistakes));
        return Ok(());
    }
    let path = printable(&file.path.display().to_string());
    if missing_parameters.is_empty() {
        output::talk(&format!("{path}: {GOOD}ok{GOOD:#}"));
        return Ok(());
    }
    let settings: Vec<String> = missing_parameters.iter().map(|name| format!("--set {name}=VALUE")).collect();
    output::talk(&format!(
        "{path}: {WARN}ok as far as it was checked{WARN:#}: files and SQL were not, because {} no value\n  {HELP}= help:{HELP:#} give {}",
        match missing_parameters.as_slice() {
            [name] => format!("the parameter {name} has"),
            names => format!("the parameters {} have", names.join(", ")),
        },
        settings.join(" ")
    ));
    Ok(())
}
