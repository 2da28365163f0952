//! `etlplus test FILE`: the cases beside a pipeline.

mod compare;
mod sandbox;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etlplus_core::pipeline::{self, Case, Pipeline};
use etlplus_core::ports::{Control, Executor, Outcome};
use etlplus_core::{Failure, Mistake};

use super::load::{self, TextFile};
use crate::cli::{OutputFormat, TestArgs};
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::output;
use crate::output::case_results::{self, CaseResult, Differences, Verdict};
use sandbox::Sandbox;

/// Runs the cases of a pipeline.
pub(super) fn execute(executor: &dyn Executor, arguments: &TestArgs) -> Result<Exit, Failure> {
    let file = TextFile::read(&arguments.file, "pipeline file")?;
    let pipeline = match load::parse(&file) {
        Ok(pipeline) => pipeline,
        Err(mistakes) => {
            file.report(&mistakes);
            return Ok(Exit::Error);
        }
    };
    let cases_file = read_cases(arguments)?;
    let cases = match pipeline::parse_cases(&cases_file.text, &pipeline) {
        Ok(cases) => cases,
        Err(mistakes) => {
            cases_file.report(&mistakes);
            return Ok(Exit::Error);
        }
    };
    let interrupts = Interrupts::install()?;
    let folder = load::folder(&arguments.file);
    let mut results = Vec::with_capacity(cases.len());
    for case in &cases {
        let Some(verdict) = verdict(executor, &pipeline, folder, case, &interrupts)? else {
            return Ok(Exit::JobFailed);
        };
        let result = CaseResult { name: &case.name, verdict };
        if arguments.output == OutputFormat::Text {
            output::data(&case_results::render(&result))?;
        }
        results.push(result);
    }
    match arguments.output {
        OutputFormat::Json => output::json(&case_results::json(&pipeline.name, &results))?,
        OutputFormat::Text => output::talk(&case_results::tally(&results)),
    }
    let all_pass = results.iter().all(|result| result.verdict.is_pass());
    Ok(if all_pass { Exit::Done } else { Exit::Error })
}

fn read_cases(arguments: &TestArgs) -> Result<TextFile, Failure> {
    let path = match &arguments.cases {
        Some(path) => path.clone(),
        None => cases_beside(&arguments.file),
    };
    if arguments.cases.is_none() && !path.exists() {
        return Err(Failure::user(
            "no_cases",
            format!("there are no cases beside the pipeline: {} does not exist", path.display()),
            "write it (`etlplus test --help` shows how), or name another with --cases",
        ));
    }
    TextFile::read(&path, "file of cases")
}

/// `orders.test.yaml` for `orders.yaml`.
fn cases_beside(pipeline: &Path) -> PathBuf {
    let ending = pipeline.extension().unwrap_or("yaml".as_ref());
    let mut name = pipeline.file_stem().unwrap_or_default().to_owned();
    name.push(".test.");
    name.push(ending);
    pipeline.with_file_name(name)
}

/// What became of `case`; `None` if somebody asked to stop.
fn verdict(
    executor: &dyn Executor,
    pipeline: &Arc<Pipeline>,
    folder: &Path,
    case: &Case,
    interrupts: &Interrupts,
) -> Result<Option<Verdict>, Failure> {
    let sandbox = Sandbox::create(case)?;
    let job = match sandbox.job(pipeline, folder, case) {
        Ok(job) => job,
        Err(failure) => return Ok(Some(Verdict::Failed(failure))),
    };
    let mistakes = executor.check(&job);
    if let Some(Mistake { position, key, message, remedy }) = mistakes.first() {
        let message = format!("line {} of the pipeline: {key}: {message}", position.line);
        return Ok(Some(Verdict::Failed(Failure::user("pipeline_invalid", message, remedy))));
    }
    let control = Arc::new(Control::default());
    interrupts.watch(&control);
    let report = executor.run(&job, &control);
    Ok(match report.outcome {
        Outcome::Cancelled => None,
        Outcome::Failed(failure) => Some(Verdict::Failed(failure)),
        Outcome::Completed(_) => {
            let differences = Differences {
                rows: compare::rows(case, &sandbox.rows()?),
                rejects: compare::rejects(case, &sandbox.rejects()?),
            };
            Some(if differences.is_none() { Verdict::Passed } else { Verdict::Differs(differences) })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_stand_beside_the_pipeline() {
        assert_eq!(cases_beside(Path::new("a/orders.yaml")), Path::new("a/orders.test.yaml"));
        assert_eq!(cases_beside(Path::new("orders.yml")), Path::new("orders.test.yml"));
        assert_eq!(cases_beside(Path::new("orders")), Path::new("orders.test.yaml"));
    }
}
