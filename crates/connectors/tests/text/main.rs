//! Text files as they come: compressed, in foreign encodings, cut short, damaged, and no text at all.

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod compression;
mod encodings;
mod formats;
mod ndjson;

use std::path::PathBuf;

use encoding_rs::{Encoding, UTF_8};
use etlplus_connectors::{Intake, source};
use etlplus_core::pipeline::{
    Column, CsvSource, FileCompression, NdjsonSource, Origin, Source, SourceFiles, SourceFormat,
};
use etlplus_core::{Failure, Reject};
use support::{Unlimited, job_from};
use tempfile::TempDir;

/// What came of a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    /// The rows in their order, each value as a text.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) rejects: Vec<Reject>,
    /// Bytes of the file that were told as read.
    pub(crate) bytes: u64,
}

/// A file of a test, in a folder of its own.
pub(crate) struct File {
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    pub(crate) fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("the file can be written");
        Self { path, _folder: folder }
    }

    /// Reads it as a source.
    pub(crate) async fn read(
        &self,
        format: SourceFormat,
        compression: FileCompression,
        columns: &[Column],
    ) -> Result<Read, Failure> {
        let mut intake = self.open(format, compression, columns).await?;
        let mut read = Read { rows: Vec::new(), rejects: Vec::new(), bytes: 0 };
        while let Some(rows) = intake.next().await? {
            read.rows.extend(support::rows_in_order(&rows.batch));
            read.rejects.extend(rows.rejects);
            read.bytes += rows.bytes;
        }
        Ok(read)
    }

    pub(crate) async fn open(
        &self,
        format: SourceFormat,
        compression: FileCompression,
        columns: &[Column],
    ) -> Result<Intake, Failure> {
        let Source { origin, columns, extra_fields } = support::files(&self.path, format, columns.to_vec());
        let Origin::Files(files) = origin else { unreachable!("it was made of files") };
        let origin = Origin::Files(SourceFiles { compression, ..files });
        let job = job_from(&Source { origin, columns, extra_fields });
        let open = source::open(&job.pipeline().source, &job, None).await?;
        Ok(Intake::start(open, &Unlimited))
    }

    pub(crate) fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).expect("it is there").len()
    }
}

/// CSV with a header.
pub(crate) fn csv(encoding: &'static Encoding) -> SourceFormat {
    SourceFormat::Csv(CsvSource {
        delimiter: b',',
        quote: Some(b'"'),
        escape: None,
        comment: None,
        skip_lines: 0,
        header: true,
        null: vec![String::new()],
        encoding,
    })
}

pub(crate) fn json() -> SourceFormat {
    SourceFormat::Ndjson(NdjsonSource { encoding: UTF_8 })
}

/// A row of values that are there.
pub(crate) fn row(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}
