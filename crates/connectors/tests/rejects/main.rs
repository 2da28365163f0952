//! Reject files in every format: written, read back, corrected by a person, and read as rows of their source.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod edited;
mod headers;
mod replayed;
mod round_trip;
mod unique;

use std::path::{Path, PathBuf};

use etlplus_connectors::RejectFile;
use etlplus_connectors::rejects::{ReadReject, RejectReader};
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::RejectFormat;
use etlplus_core::ports::Control;
use etlplus_core::{BrokenRule, Failure, Reject};
use tempfile::TempDir;

pub(crate) const FORMATS: [RejectFormat; 3] = [RejectFormat::Ndjson, RejectFormat::Csv, RejectFormat::Parquet];

pub(crate) fn job_id() -> JobId {
    "01935b7e-0000-7000-8000-000000000001".parse().unwrap()
}

pub(crate) fn reject(raw: &str) -> Reject {
    Reject {
        file: "in.csv".to_owned(),
        line: Some(2),
        row: 1,
        offset: Some(10),
        errors: vec![BrokenRule {
            field: Some("id".to_owned()),
            rule: "type".to_owned(),
            value: Some("x".to_owned()),
            message: "is no whole number".to_owned(),
        }],
        header: None,
        raw: raw.to_owned(),
        raw_hex: None,
        raw_truncated: false,
    }
}

/// Writes `rejects` to a file of `folder`.
pub(crate) fn write(folder: &TempDir, format: RejectFormat, rejects: &[Reject]) -> PathBuf {
    let path = folder.path().join(format!("r.{}", format.ending()));
    let control = Control::default();
    let mut file = RejectFile::create(&path, format, &job_id(), &control).unwrap();
    rejects.iter().for_each(|reject| file.write(reject).unwrap());
    file.commit(&control).unwrap();
    path
}

pub(crate) fn read(path: &Path) -> Result<Vec<ReadReject>, Failure> {
    RejectReader::open(path)?.collect()
}
