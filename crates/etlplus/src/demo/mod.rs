//! `etlplus demo`: sample data and five pipelines on it, written to a folder, and run one after another.

mod data;
mod pipelines;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etlplus_core::Failure;

use pipelines::{PIPELINES, Sample};

/// What the demo is made of.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Where data and pipelines are written. Files of the same names are replaced.
    pub(crate) folder: PathBuf,
    /// How many orders.
    pub(crate) rows: u64,
    /// What the data is made from: the same seed makes the same bytes.
    pub(crate) seed: u64,
}

/// Writes the data and the pipelines, and gives the pipelines' files in the order in which a newcomer reads them.
///
/// # Errors
/// Where the folder cannot be written.
pub(crate) fn write(options: &Options, talk: &mut dyn FnMut(&str)) -> Result<Vec<PathBuf>, Failure> {
    let folder = &options.folder;
    let started = Instant::now();
    data::generate(folder, options.rows, options.seed).map_err(|error| write_failure(folder, &error))?;
    let mut files = Vec::with_capacity(PIPELINES.len());
    for sample in &PIPELINES {
        let file = folder.join(sample.file);
        fs::write(&file, sample.text).map_err(|error| write_failure(folder, &error))?;
        files.push(file);
    }
    let (shown, time) = (folder.display(), seconds(started.elapsed()));
    talk(&format!("{shown}: sample data and {} pipelines, written in {time}", PIPELINES.len()));
    Ok(files)
}

/// Runs each pipeline in `folder` with `run_pipeline`, which answers with the exit code that `etlplus run` would give.
/// `talk` shows a text to the person. Answers whether every pipeline ended as it should, a failure being what one of them
/// should end with. The first that does not is the last that is run: either something is wrong here, or the person wants
/// to stop.
pub(crate) fn run_each(folder: &Path, run_pipeline: &mut dyn FnMut(&Path) -> u8, talk: &mut dyn FnMut(&str)) -> bool {
    let mut runs = Vec::with_capacity(PIPELINES.len());
    for (index, sample) in PIPELINES.iter().enumerate() {
        talk(&format!("\n[{}/{}] {}: {}", index + 1, PIPELINES.len(), sample.file, sample.purpose));
        let started = Instant::now();
        let exit_code = run_pipeline(&folder.join(sample.file));
        let run = Run { sample, exit_code, time: started.elapsed() };
        let is_as_expected = run.is_as_expected();
        runs.push(run);
        if !is_as_expected {
            break;
        }
        if exit_code == pipelines::FAILED {
            talk("This failure is part of the demo: the pipeline allows less dirt than there is, and wrote no target.");
        }
    }
    talk(&table(&runs, folder));
    runs.iter().all(Run::is_as_expected)
}

/// How one pipeline ended.
struct Run {
    sample: &'static Sample,
    exit_code: u8,
    time: Duration,
}

impl Run {
    fn is_as_expected(&self) -> bool {
        self.exit_code == self.sample.expected_exit_code
    }
}

fn table(runs: &[Run], folder: &Path) -> String {
    let mut text = String::from("\nThe demo's five pipelines:\n");
    for run in runs {
        let ended = if run.exit_code == pipelines::COMPLETED { "completed" } else { "failed" };
        let verdict = if run.is_as_expected() { "as expected" } else { "NOT AS EXPECTED" };
        let (file, time) = (run.sample.file, seconds(run.time));
        text += &format!("  {file:<20} {ended:<10} {verdict:<16} {time:>8}\n");
    }
    for sample in &PIPELINES[runs.len()..] {
        text += &format!("  {:<20} not run\n", sample.file);
    }
    let first = folder.join(PIPELINES[0].file);
    let (folder, first) = (folder.display(), first.display());
    text + &format!("Data, pipelines and results are in {folder}. Next: etlplus preview {first}")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn write_failure(folder: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write the demo to {}: {error}", folder.display());
    Failure::transient("demo_not_written", message, "name another folder with --folder, or make room and access there")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn demo(exit_codes: [u8; 5]) -> (bool, Vec<PathBuf>, String) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { folder: folder.path().join("demo"), rows: 50, seed: 1 };
        let files = write(&options, &mut |_| {}).unwrap();
        assert_eq!(files, PIPELINES.map(|sample| options.folder.join(sample.file)));
        let (mut ran, mut said) = (Vec::new(), String::new());
        let mut run_pipeline = |file: &Path| {
            assert!(file.is_file(), "{} is there before it is run", file.display());
            ran.push(file.strip_prefix(&options.folder).unwrap().to_owned());
            exit_codes[ran.len() - 1]
        };
        let is_good = run_each(&options.folder, &mut run_pipeline, &mut |text| said += text);
        (is_good, ran, said)
    }

    #[test]
    fn five_pipelines_run_in_order_and_one_is_meant_to_fail() {
        let (is_good, ran, said) = demo([0, 0, 0, 3, 0]);
        assert!(is_good);
        assert_eq!(ran, PIPELINES.map(|sample| PathBuf::from(sample.file)));
        assert!(said.contains("This failure is part of the demo"));
        assert_eq!(said.matches("as expected").count(), 5);
    }

    #[test]
    fn another_end_than_expected_is_told_and_the_last_thing_that_is_run() {
        for (exit_codes, wanted) in [([3, 0, 0, 3, 0], 1), ([0, 0, 0, 0, 0], 4), ([0, 0, 0, 3, 1], 5)] {
            let (is_good, ran, said) = demo(exit_codes);
            assert!(!is_good);
            assert_eq!(ran.len(), wanted);
            assert_eq!(said.matches("NOT AS EXPECTED").count(), 1);
            assert_eq!(said.matches("not run").count(), 5 - wanted);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let options = Options { folder: file.clone(), rows: 1, seed: 1 };
        let failure = write(&options, &mut |_| {}).unwrap_err();
        assert!(failure.message.contains(&*file.to_string_lossy()), "{}", failure.message);
    }
}
