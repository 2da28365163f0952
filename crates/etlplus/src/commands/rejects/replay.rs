//! `etlplus rejects replay PIPELINE REJECTS`: loads the corrected rows of a reject file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, Pipeline};
use etlplus_core::ports::{Outcome, RunReport};
use etlplus_engine::{Engine, RejectReader};
use sha2::{Digest, Sha256};

use crate::cli::OutputFormat;
use crate::cli::rejects::ReplayArgs;
use crate::commands::{load, run};
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::output::summary::Ended;
use crate::output::{self, rejects};
use crate::usage::Meter;

/// What is put before the ending of a file whose rows failed again.
const AGAIN: &str = "again";
/// How much of a file is hashed at a time.
const HASHED_BYTES: usize = 64 << 10;

/// Loads the corrected rows of a reject file.
pub(super) fn execute(arguments: &ReplayArgs) -> Result<Exit, Failure> {
    let interrupts = Interrupts::install()?;
    let rejects = absolute(&arguments.rejects)?;
    let format = RejectReader::open(&rejects)?.format();
    let file = load::TextFile::read(&arguments.job.file, "pipeline file")?;
    let pipeline = match load::parse(&file) {
        Ok(pipeline) => Arc::new(pipeline.replaying(&again_path(&rejects), format)?),
        Err(mistakes) => {
            file.report(&mistakes);
            return Ok(Exit::Error);
        }
    };
    let job = load::job(pipeline.clone(), &arguments.job)?;
    let id = replay_id(&pipeline, &job, &rejects)?;
    let job = job.with_id(id);
    let engine = Engine::replaying(arguments.rejects.clone());
    let engine = if arguments.dry_run { engine.dry() } else { engine };
    let mistakes = load::check(&engine, &job, &arguments.job.file);
    if !mistakes.is_empty() {
        file.report(&mistakes);
        return Ok(Exit::Error);
    }
    let meter = Meter::start();
    let report = run::watched(&engine, &job, arguments.quiet, &meter, &interrupts);
    tell(arguments, &Ended { job: &job, report: &report, usage: meter.read() })?;
    Ok(run::exit(&report))
}

fn tell(arguments: &ReplayArgs, ended: &Ended<'_>) -> Result<(), Failure> {
    let report = ended.report;
    match (arguments.job.output, &report.outcome) {
        (OutputFormat::Json, _) => output::json(&ended.json())?,
        (OutputFormat::Text, Outcome::Failed(failure)) if arguments.quiet => output::error(failure),
        (OutputFormat::Text, _) if arguments.quiet => {}
        (OutputFormat::Text, Outcome::Completed(_)) if was_loaded_before(report) => {
            let file = arguments.rejects.display();
            output::talk(&format!("{file} was replayed before: its rows are loaded, and nothing is left to do"));
        }
        (OutputFormat::Text, Outcome::Completed(target)) if arguments.dry_run => {
            output::talk(&rejects::would_load(report, target));
        }
        (OutputFormat::Text, _) => output::talk(&ended.text()),
    }
    Ok(())
}

/// A job whose target has its rows reads none.
fn was_loaded_before(report: &RunReport) -> bool {
    report.progress.bytes_total == 0
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::user("file_unreadable", format!("cannot find {}: {error}", path.display()), "check the path")
    })
}

/// `a.rejects.again.ndjson` for `a.rejects.ndjson`, and `a.rejects.again-2.ndjson` for that.
fn again_path(rejects: &Path) -> PathBuf {
    let stem = rejects.file_stem().unwrap_or_default().to_string_lossy();
    let (start, round) = match stem.rsplit_once('.') {
        Some((start, AGAIN)) => (start, 2),
        Some((start, last)) => match last.strip_prefix("again-").and_then(|round| round.parse::<u32>().ok()) {
            Some(round) => (start, round.saturating_add(1)),
            None => (&*stem, 1),
        },
        None => (&*stem, 1),
    };
    let mut name = if round == 1 { format!("{start}.{AGAIN}") } else { format!("{start}.{AGAIN}-{round}") };
    if let Some(ending) = rejects.extension() {
        name.push('.');
        name.push_str(&ending.to_string_lossy());
    }
    rejects.with_file_name(name)
}

/// The id of the replay of this very content with this pipeline into this target: a second one is the same job, of which a
/// target knows whether it has loaded it.
fn replay_id(pipeline: &Pipeline, job: &JobSpec, rejects: &Path) -> Result<JobId, Failure> {
    let failed = |error: std::io::Error| {
        Failure::user("file_unreadable", format!("cannot read {}: {error}", rejects.display()), "look at the file")
    };
    let mut hash = Sha256::new();
    for text in ["etlplus replay", &pipeline.name, &job.target_name()] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let mut file = File::open(rejects).map_err(failed)?;
    let mut bytes = vec![0; HASHED_BYTES];
    loop {
        match file.read(&mut bytes).map_err(failed)? {
            0 => break,
            read => hash.update(&bytes[..read]),
        }
    }
    let digest = hash.finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    Ok(JobId::from_uuid(uuid::Builder::from_custom_bytes(id).into_uuid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_never_goes_over_a_file_that_is_read() {
        for (read, written) in [
            ("/a/o.rejects.ndjson", "/a/o.rejects.again.ndjson"),
            ("/a/o.rejects.again.ndjson", "/a/o.rejects.again-2.ndjson"),
            ("/a/o.rejects.again-2.ndjson", "/a/o.rejects.again-3.ndjson"),
            ("/a/rejects", "/a/rejects.again"),
            ("/a/again.csv", "/a/again.again.csv"),
        ] {
            assert_eq!(again_path(Path::new(read)), Path::new(written), "{read}");
        }
    }
}
