//! The reject file of a running job, and what its summary says.

use std::io;
use std::path::{Path, PathBuf};

use etlplus_core::ids::JobId;
use etlplus_core::pipeline::RejectFormat;
use etlplus_core::ports::Control;
use etlplus_core::{Failure, LogLevel, Reject, RejectSummary};

use super::Summaries;
use super::csv::CsvRejects;
use super::header::LastHeader;
use super::ndjson::NdjsonRejects;
use super::parquet::ParquetRejects;
use crate::failure::io_failure;
use crate::target::AtomicFile;

/// Takes the rejects of one job and counts them.
pub struct RejectFile {
    file: Option<Writer>,
    copy: Copy,
    header: LastHeader,
    summaries: Summaries,
}

/// Writes rejects in one format.
enum Writer {
    Ndjson(NdjsonRejects),
    Csv(CsvRejects),
    Parquet(Box<ParquetRejects>),
}

/// The job's own copy of its rejects, which is NDJSON whatever the format: it is what a server shows page by page.
enum Copy {
    /// Nobody wants one.
    None,
    /// The reject file itself under another name.
    Linked(PathBuf),
    /// Written beside the reject file.
    Written(NdjsonRejects),
    /// Not to be made, for this reason.
    Failed(PathBuf, String),
}

impl RejectFile {
    /// Starts a reject file, which takes the place of `path` when committed; with a copy where `control` wants one.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn create(path: &Path, format: RejectFormat, job: &JobId, control: &Control) -> Result<Self, Failure> {
        let start = || AtomicFile::create(path, job);
        let failed = |error: io::Error| io_failure("write", path, &error);
        let file = match format {
            RejectFormat::Ndjson => Writer::Ndjson(NdjsonRejects::new(start()?)),
            RejectFormat::Csv => Writer::Csv(CsvRejects::new(start()?).map_err(failed)?),
            RejectFormat::Parquet => Writer::Parquet(Box::new(ParquetRejects::new(start()?).map_err(failed)?)),
        };
        let copy = match (control.reject_copy(), format) {
            (None, _) => Copy::None,
            (Some(copy), RejectFormat::Ndjson) => Copy::Linked(copy.to_owned()),
            (Some(copy), _) => match AtomicFile::create(copy, job) {
                Ok(copy) => Copy::Written(NdjsonRejects::new(copy)),
                Err(failure) => Copy::Failed(copy.to_owned(), failure.message),
            },
        };
        Ok(Self { file: Some(file), copy, header: LastHeader::default(), summaries: Summaries::default() })
    }

    /// One that only counts, and leaves no file.
    pub fn counting() -> Self {
        Self { file: None, copy: Copy::None, header: LastHeader::default(), summaries: Summaries::default() }
    }

    /// Writes one rejected row. A long header is not written again with each row of its file that follows the first.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, reject: &Reject) -> Result<(), Failure> {
        self.summaries.count(reject);
        let Some(file) = &mut self.file else { return Ok(()) };
        let shortened = self.header.shortened(reject);
        let reject = shortened.as_ref().unwrap_or(reject);
        if let Err(error) = file.write(reject) {
            return Err(io_failure("write", file.path(), &error));
        }
        if let Copy::Written(copy) = &mut self.copy
            && let Err(error) = copy.write(reject)
        {
            self.copy = Copy::Failed(copy.path().to_owned(), error.to_string());
        }
        Ok(())
    }

    /// Every field and rule that was broken, by falling count.
    pub fn summaries(&self) -> Vec<RejectSummary> {
        self.summaries.by_count()
    }

    /// Puts the file in place, and a copy of one that has rows where `control` wants it. A copy that cannot be made fails
    /// no job: the rows are at the pipeline's own path.
    ///
    /// # Errors
    /// Where the file cannot be written to its end or named.
    pub fn commit(self, control: &Control) -> Result<(), Failure> {
        let Some(file) = self.file else { return Ok(()) };
        let path = file.path().to_owned();
        let file = file.finish().map_err(|error| io_failure("write", &path, &error))?;
        if !self.summaries.is_empty()
            && let Err((copy, why)) = self.copy.finish(&file)
        {
            let (path, copy) = (path.display(), copy.display());
            control.say(LogLevel::Warn, || format!("the rejects are in {path} alone: cannot write {copy}: {why}"));
        }
        file.commit().map(|_| ())
    }
}

impl Copy {
    /// Puts the copy in place; `file` is the reject file. The error is the copy's place, and why it is not there.
    fn finish(self, file: &AtomicFile) -> Result<(), (PathBuf, String)> {
        match self {
            Self::None => Ok(()),
            Self::Linked(copy) => file.keep_copy(&copy).map_err(|error| (copy, error.to_string())),
            Self::Written(copy) => {
                let place = copy.path().to_owned();
                let written = copy.finish().map_err(|error| io_failure("write", &place, &error));
                written.and_then(AtomicFile::commit).map(|_| ()).map_err(|failure| (place, failure.message))
            }
            Self::Failed(copy, why) => Err((copy, why)),
        }
    }
}

impl Writer {
    fn write(&mut self, reject: &Reject) -> io::Result<()> {
        match self {
            Self::Ndjson(file) => file.write(reject),
            Self::Csv(file) => file.write(reject),
            Self::Parquet(file) => file.write(reject),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Ndjson(file) => file.path(),
            Self::Csv(file) => file.path(),
            Self::Parquet(file) => file.path(),
        }
    }

    fn finish(self) -> io::Result<AtomicFile> {
        match self {
            Self::Ndjson(file) => file.finish(),
            Self::Csv(file) => file.finish(),
            Self::Parquet(file) => file.finish(),
        }
    }
}
