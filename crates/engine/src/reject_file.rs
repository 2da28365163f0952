//! The reject file, and what the summary says of it.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use etlplus_core::ids::JobId;
use etlplus_core::ports::Control;
use etlplus_core::reject::RejectSample;
use etlplus_core::{BrokenRule, Failure, LogLevel, Reject, RejectSummary};

use crate::target::AtomicFile;

/// Rows shown for each broken rule of each field.
const SAMPLES_MAX: usize = 3;
/// The most characters of a value in a sample.
const SAMPLE_VALUE_MAX_CHARS: usize = 80;
/// The most pairs of field and rule that are counted apart. Fields and rules are declared, so that only undeclared
/// fields of NDJSON can reach it; what goes beyond is counted under no field.
const SUMMARIES_MAX: usize = 10_000;

/// Writes rejects, one JSON object on each line, and counts them.
pub(crate) struct RejectFile {
    file: BufWriter<AtomicFile>,
    summaries: HashMap<(Option<String>, String), RejectSummary>,
}

impl RejectFile {
    /// Starts a reject file, which takes the place of `path` when committed.
    pub(crate) fn create(path: &Path, job: &JobId) -> Result<Self, Failure> {
        Ok(Self { file: BufWriter::new(AtomicFile::create(path, job)?), summaries: HashMap::new() })
    }

    /// Writes one rejected row.
    pub(crate) fn write(&mut self, reject: &Reject) -> Result<(), Failure> {
        for (index, error) in reject.errors.iter().enumerate() {
            let is_same = |other: &BrokenRule| other.field == error.field && other.rule == error.rule;
            if !reject.errors[..index].iter().any(is_same) {
                self.count(reject, error);
            }
        }
        let written = serde_json::to_writer(&mut self.file, reject).map_err(std::io::Error::from);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|error| self.file.get_ref().write_failure(&error))
    }

    fn count(&mut self, reject: &Reject, error: &BrokenRule) {
        let mut field = error.field.clone();
        let is_known = self.summaries.contains_key(&(field.clone(), error.rule.clone()));
        if !is_known && self.summaries.len() >= SUMMARIES_MAX {
            field = None;
        }
        let summary = self.summaries.entry((field.clone(), error.rule.clone())).or_insert_with(|| RejectSummary {
            field,
            rule: error.rule.clone(),
            rows: 0,
            samples: Vec::new(),
        });
        summary.rows += 1;
        if summary.samples.len() < SAMPLES_MAX {
            let shorten = |value: &String| value.chars().take(SAMPLE_VALUE_MAX_CHARS).collect();
            summary.samples.push(RejectSample {
                file: reject.file.clone(),
                line: reject.line,
                row: reject.row,
                value: error.value.as_ref().map(shorten),
                message: error.message.clone(),
            });
        }
    }

    /// Every field and rule that was broken, by falling count.
    pub(crate) fn summaries(&self) -> Vec<RejectSummary> {
        let mut summaries: Vec<_> = self.summaries.values().cloned().collect();
        summaries
            .sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.field.cmp(&b.field)).then_with(|| a.rule.cmp(&b.rule)));
        summaries
    }

    /// Puts the file in place, and a copy of one that has rows where `control` wants it. A copy that cannot be made fails
    /// no job: the rows are at the pipeline's own path.
    pub(crate) fn commit(self, control: &Control) -> Result<(), Failure> {
        let has_rows = !self.summaries.is_empty();
        let file = self.file.into_inner().map_err(|error| {
            let (error, file) = error.into_parts();
            file.get_ref().write_failure(&error)
        })?;
        if let Some(copy) = control.reject_copy().filter(|_| has_rows)
            && let Err(error) = file.keep_copy(copy)
        {
            let (place, copy) = (file.path().display(), copy.display());
            control.say(LogLevel::Warn, || format!("the rejects are in {place} alone: cannot write {copy}: {error}"));
        }
        file.commit().map(|_| ())
    }
}
