//! A folder with files and a pipeline over them, run by the real engine.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, parse};
use etlplus_core::ports::{Control, Executor, Outcome, RunReport};
use etlplus_core::{Failure, Mistake, Reject};
use etlplus_engine::Engine;
use serde_json::Value;
use tempfile::TempDir;

/// A folder that is removed with it.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).expect("a file in the folder");
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names of all files, hidden ones among them.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(crate) fn job(&self, pipeline: &str) -> JobSpec {
        self.job_with(pipeline, &[])
    }

    pub(crate) fn job_with(&self, pipeline: &str, parameters: &[(&str, &str)]) -> JobSpec {
        job_in(self.folder.path(), pipeline, parameters)
    }

    pub(crate) fn check(&self, pipeline: &str) -> Vec<Mistake> {
        Engine::new().check(&self.job(pipeline))
    }

    pub(crate) fn run(&self, pipeline: &str) -> RunReport {
        self.run_job(&self.job(pipeline))
    }

    pub(crate) fn run_job(&self, job: &JobSpec) -> RunReport {
        Engine::new().run(job, &Arc::new(Control::default()))
    }

    /// Runs a pipeline that has to complete.
    pub(crate) fn complete(&self, pipeline: &str) -> RunReport {
        let report = self.run(pipeline);
        assert!(matches!(report.outcome, Outcome::Completed(_)), "{:#?}", report.outcome);
        report
    }

    /// Runs a pipeline that has to fail.
    pub(crate) fn fail(&self, pipeline: &str) -> Failure {
        failure(self.run(pipeline))
    }

    pub(crate) fn rejects(&self, name: &str) -> Vec<Reject> {
        self.read(name).lines().map(|line| serde_json::from_str(line).expect("a reject")).collect()
    }

    pub(crate) fn json_lines(&self, name: &str) -> Vec<Value> {
        self.read(name).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

pub(crate) fn failure(report: RunReport) -> Failure {
    match report.outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:#?}"),
    }
}

/// The run clock of every test.
pub(crate) fn as_of() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 30, 0).single().expect("a time")
}

pub(crate) fn job_in(folder: &Path, pipeline: &str, parameters: &[(&str, &str)]) -> JobSpec {
    let pipeline = parse(pipeline).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{pipeline}"));
    let given: BTreeMap<_, _> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let id: JobId = "01935b7e-0000-7000-8000-000000000001".parse().expect("an id");
    JobSpec::new(id, Arc::new(pipeline), folder, &given, as_of()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// `(line, [(field, rule)])` of each reject.
pub(crate) fn broken(rejects: &[Reject]) -> Vec<(u64, Vec<(&str, &str)>)> {
    rejects
        .iter()
        .map(|reject| {
            let errors = reject.errors.iter();
            let rules = errors.map(|error| (error.field.as_deref().unwrap_or(""), error.rule.as_str()));
            (reject.line.unwrap_or(reject.row), rules.collect())
        })
        .collect()
}
