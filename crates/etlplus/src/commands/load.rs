//! From a pipeline file to a job that can run: the way that all commands share.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{SubsecRound, Utc};
use etlplus_core::pipeline::{self, JobSpec, Pipeline};
use etlplus_core::ports::Executor;
use etlplus_core::{Failure, Mistake};

use crate::cli::JobArgs;
use crate::output::{mistakes, talk};

/// The most that is read of a file that should be a pipeline or its cases. The checker's own cap is lower and says how
/// large the file is; this one keeps a data file, named by mistake, from filling the memory.
const READ_MAX_BYTES: u64 = 64 << 20;

/// A text file that a person wrote.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// Where it is, as the person named it.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) text: String,
}

impl TextFile {
    /// Reads the file at `path`. `what` says what it should be.
    ///
    /// # Errors
    /// Where it cannot be read or is no text.
    pub(crate) fn read(path: &Path, what: &str) -> Result<Self, Failure> {
        let shown = path.display();
        let failure = |error: std::io::Error| {
            let remedy = match error.kind() {
                ErrorKind::NotFound => "check the path".to_owned(),
                ErrorKind::PermissionDenied => "give yourself access to it".to_owned(),
                ErrorKind::IsADirectory => format!("name the {what} inside"),
                _ => "look at the file".to_owned(),
            };
            let message = match error.kind() {
                ErrorKind::NotFound => format!("cannot read {shown}: no such file"),
                ErrorKind::PermissionDenied => format!("cannot read {shown}: permission denied"),
                ErrorKind::IsADirectory => format!("cannot read {shown}: it is a folder"),
                _ => format!("cannot read {shown}: {error}"),
            };
            Failure::user("file_unreadable", message, remedy)
        };
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(READ_MAX_BYTES).read_to_end(&mut bytes)).map_err(failure)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let line =
                error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            let message = format!("{shown} is no text in UTF-8: line {line} holds other bytes");
            Failure::user("not_utf8", message, format!("name a {what}, and save it as UTF-8"))
        })?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// Tells on stderr what is wrong in the file.
    pub(crate) fn report(&self, found: &[Mistake]) {
        self.report_without(found, &BTreeSet::new());
    }

    /// As [`Self::report`], but the lines whose numbers are `hidden` are not shown.
    pub(crate) fn report_without(&self, found: &[Mistake], hidden: &BTreeSet<usize>) {
        let blocks = mistakes::render_without(&self.path, &self.text, found, hidden);
        talk(&format!("{blocks}\n{}", mistakes::tally(&self.path, found)));
    }
}

/// The checked pipeline in `file`.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn parse(file: &TextFile) -> Result<Arc<Pipeline>, Vec<Mistake>> {
    pipeline::parse(&file.text).map(Arc::new)
}

/// The folder that a pipeline's relative paths start at.
pub(crate) fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// The job of `pipeline` that `arguments` ask for.
///
/// # Errors
/// Every parameter that does not fit, in one failure.
pub(crate) fn job(pipeline: Arc<Pipeline>, arguments: &JobArgs) -> Result<JobSpec, Failure> {
    // Pipelines know microseconds; what the clock says beyond them would show in texts and compare as different.
    let as_of = arguments.as_of.unwrap_or_else(|| Utc::now().trunc_subsecs(6));
    let folder = folder(&arguments.file);
    JobSpec::new(super::new_job_id(), pipeline, folder, &arguments.settings(), as_of).map_err(|errors| {
        let messages: Vec<String> =
            errors.iter().map(|error| format!("parameter {} {}", error.name, error.message)).collect();
        let remedies: Vec<&str> = errors.iter().map(|error| error.remedy.as_str()).collect();
        Failure::user("parameters_unfit", messages.join("; "), remedies.join("; "))
    })
}

/// The job that `arguments` ask for, checked as far as can be without reading rows; `None` where there are mistakes in
/// the file, which stderr then shows.
///
/// # Errors
/// Where the file cannot be read or a parameter does not fit.
pub(crate) fn checked_job(executor: &dyn Executor, arguments: &JobArgs) -> Result<Option<JobSpec>, Failure> {
    let file = TextFile::read(&arguments.file, "pipeline file")?;
    let pipeline = match parse(&file) {
        Ok(pipeline) => pipeline,
        Err(mistakes) => {
            file.report(&mistakes);
            return Ok(None);
        }
    };
    let job = job(pipeline, arguments)?;
    let mistakes = check(executor, &job, &arguments.file);
    if mistakes.is_empty() {
        return Ok(Some(job));
    }
    file.report(&mistakes);
    Ok(None)
}

/// What the executor finds wrong with `job`, and whether it would overwrite the very `file` that it was read from.
pub(crate) fn check(executor: &dyn Executor, job: &JobSpec, file: &Path) -> Vec<Mistake> {
    let mut found = executor.check(job);
    let pipeline = job.pipeline();
    let target = pipeline.target.place.path();
    let rejects = pipeline.rejects.path.as_ref().or(target).map(|template| (job.reject_path(), template));
    let target = target.map(|template| (job.path(template), template));
    for (path, template) in target.into_iter().chain(rejects) {
        if let (Ok(path), Ok(file)) = (path.canonicalize(), file.canonicalize())
            && path == file
        {
            found.push(Mistake {
                position: template.position,
                key: template.key.clone(),
                message: format!("{} is this very pipeline", path.display()),
                remedy: "write to another file".to_owned(),
            });
        }
    }
    found
}

/// The glob that only `path` matches.
pub(crate) fn glob_escaped(path: &str) -> String {
    let mut glob = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']') { glob.extend(['[', c, ']']) } else { glob.push(c) }
    }
    glob
}
