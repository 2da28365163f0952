//! A temporary folder in which a case runs: its texts as files, and a pipeline that reads and writes there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{SubsecRound, Utc};
use etlplus_core::pipeline::{
    BrokenAt, Case, CsvSource, FileCompression, JobSpec, JsonRow, LoadMode, LookupOrigin, NdjsonSource, Origin,
    PathPart, PathTemplate, Pipeline, Place, RejectFormat, RejectPolicy, Source, SourceFiles, SourceFormat, Target,
    TargetFormat, UTF_8,
};
use etlplus_core::{Failure, Position, Reject};
use tempfile::TempDir;

use crate::commands::load::glob_escaped;
use crate::commands::new_job_id;

const INPUT: &str = "input";
const ROWS: &str = "rows.ndjson";
const REJECTS: &str = "rejects.ndjson";

/// Where one case runs. The folder goes when this goes.
pub(super) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// Writes the texts of `case` into a folder of its own.
    pub(super) fn create(case: &Case) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("etlplus-test-").tempdir();
        let sandbox = Self { folder: folder.map_err(|error| unusable(&std::env::temp_dir(), &error))? };
        sandbox.write(INPUT, &case.input)?;
        for (name, text) in &case.lookups {
            sandbox.write(&lookup_file(name), text)?;
        }
        Ok(sandbox)
    }

    /// The job of `pipeline`, of the folder `folder`, with every file that the case replaces.
    pub(super) fn job(&self, pipeline: &Pipeline, folder: &Path, case: &Case) -> Result<JobSpec, Failure> {
        let mut pipeline = pipeline.clone();
        replace(&mut pipeline.source, &self.path(INPUT))?;
        for lookup in &mut pipeline.lookups {
            if let (LookupOrigin::Source(source), true) = (&mut lookup.origin, case.lookups.contains_key(&lookup.name))
            {
                replace(source, &self.path(&lookup_file(&lookup.name)))?;
            }
        }
        let place = Place::File { format: TargetFormat::Ndjson, path: literal("target", &self.path(ROWS)) };
        pipeline.target = Target { place, mode: LoadMode::Replace };
        // A case says all the rows that there are.
        pipeline.incremental = None;
        // A case of two rows may well want both rejected.
        pipeline.rejects = RejectPolicy {
            path: Some(literal("rejects.path", &self.path(REJECTS))),
            format: RejectFormat::Ndjson,
            max_count: None,
            max_percent: 100.0,
        };
        let as_of = case.as_of.unwrap_or_else(|| Utc::now().trunc_subsecs(6));
        JobSpec::new(new_job_id(), Arc::new(pipeline), folder, &case.parameters, as_of).map_err(|errors| {
            let messages: Vec<String> =
                errors.iter().map(|error| format!("parameter {} {}", error.name, error.message)).collect();
            Failure::user("parameters_unfit", messages.join("; "), "give the case other values under parameters")
        })
    }

    /// The rows that came out.
    pub(super) fn rows(&self) -> Result<Vec<JsonRow>, Failure> {
        let text = self.read(ROWS)?;
        let rows = text.lines().map(JsonRow::parse).collect::<Result<_, _>>();
        rows.map_err(|error| Failure::bug(format!("a target in NDJSON holds a line that is none: {error}")))
    }

    /// The rejects that came out.
    pub(super) fn rejects(&self) -> Result<Vec<BrokenAt>, Failure> {
        let text = self.read(REJECTS)?;
        let rejects = text.lines().map(serde_json::from_str::<Reject>).collect::<Result<Vec<_>, _>>();
        let rejects =
            rejects.map_err(|error| Failure::bug(format!("a reject file holds a line that is none: {error}")))?;
        Ok(rejects.iter().flat_map(BrokenAt::of).collect())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.path(name);
        fs::write(&path, text).map_err(|error| unusable(&path, &error))
    }

    fn read(&self, name: &str) -> Result<String, Failure> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(|error| unusable(&path, &error))
    }
}

/// Lets `source` read the file at `path` and nothing else.
fn replace(source: &mut Source, path: &Path) -> Result<(), Failure> {
    if source.columns.is_empty() {
        return Err(Failure::user(
            "no_schema",
            "rows of a Parquet file or of a database can only stand in a case if a schema says their types",
            "declare the schema in the pipeline",
        ));
    }
    // What has no text of its own is written as NDJSON in a case; CSV keeps its options, as text in UTF-8.
    let format = match &source.origin {
        Origin::Files(SourceFiles { format: SourceFormat::Csv(options), .. }) => {
            SourceFormat::Csv(CsvSource { encoding: UTF_8, ..options.clone() })
        }
        _ => SourceFormat::Ndjson(NdjsonSource { encoding: UTF_8 }),
    };
    let glob = PathBuf::from(glob_escaped(&path.to_string_lossy()));
    let path = literal("source", &glob);
    source.origin = Origin::Files(SourceFiles { format, path, compression: FileCompression::None });
    Ok(())
}

/// A path without parameters, for the key `key`.
fn literal(key: &str, path: &Path) -> PathTemplate {
    let parts = vec![PathPart::Text(path.to_string_lossy().into_owned())];
    PathTemplate { parts, key: key.to_owned(), position: Position::START }
}

/// The file of a lookup's text. A lookup's name can be a file name, and the prefix keeps it apart from the others.
fn lookup_file(name: &str) -> String {
    format!("lookup-{name}")
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::transient(
        "temporary_folder_unusable",
        format!("cannot use the temporary file {}: {error}", path.display()),
        "free some space there, or set TMPDIR to another folder",
    )
}
