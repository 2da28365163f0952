//! Parquet out.

use std::io::BufWriter;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use etlplus_core::Failure;
use etlplus_core::pipeline::{Compression, ParquetTarget};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{AtomicFile, Encoder};
use crate::failure::io_failure;

/// A row group ends when its encoded pages reach this size, which bounds the writer's memory whatever a row weighs.
const ROW_GROUP_MAX_BYTES: usize = 64 << 20;
/// ... or this many rows, so that readers can skip groups of narrow tables too.
const ROW_GROUP_MAX_ROWS: usize = 1 << 20;

pub(super) struct ParquetEncoder {
    writer: ArrowWriter<BufWriter<AtomicFile>>,
}

impl ParquetEncoder {
    pub(super) fn new(
        options: &ParquetTarget,
        file: BufWriter<AtomicFile>,
        schema: &SchemaRef,
    ) -> Result<Self, Failure> {
        let codec = match options.compression {
            Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
            Compression::Snappy => Codec::SNAPPY,
            Compression::None => Codec::UNCOMPRESSED,
        };
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties(codec))).map_err(bug)?;
        Ok(Self { writer })
    }

    fn failed(&self, error: ParquetError) -> Failure {
        failed_at(self.writer.inner().get_ref().path(), error)
    }
}

impl Encoder for ParquetEncoder {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.writer.write(batch).map_err(|error| self.failed(error))
    }

    fn finish(mut self: Box<Self>) -> Result<BufWriter<AtomicFile>, Failure> {
        self.writer.flush().map_err(|error| self.failed(error))?;
        // Writes the footer too, and takes the file with it where that fails.
        let path = self.writer.inner().get_ref().path().to_owned();
        self.writer.into_inner().map_err(|error| failed_at(&path, error))
    }
}

/// Writes batches to a file that only the same job reads, and that goes with it: fast rather than small.
pub(crate) struct ScratchWriter {
    writer: ArrowWriter<AtomicFile>,
}

impl ScratchWriter {
    /// Starts on an empty `file`.
    pub(crate) fn new(file: AtomicFile, schema: &SchemaRef) -> Result<Self, Failure> {
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties(Codec::LZ4_RAW))).map_err(bug)?;
        Ok(Self { writer })
    }

    /// Writes the rows of a batch.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.writer.write(batch).map_err(|error| failed_at(self.writer.inner().path(), error))
    }

    /// Ends the file and hands it back; it is gone once dropped.
    pub(crate) fn finish(self) -> Result<AtomicFile, Failure> {
        let path = self.writer.inner().path().to_owned();
        self.writer.into_inner().map_err(|error| failed_at(&path, error))
    }
}

fn failed_at(path: &Path, error: ParquetError) -> Failure {
    match io_error(&error) {
        Some(error) => io_failure("write", path, error),
        None => bug(error),
    }
}

fn properties(codec: Codec) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(codec)
        .set_max_row_group_bytes(Some(ROW_GROUP_MAX_BYTES))
        .set_max_row_group_row_count(Some(ROW_GROUP_MAX_ROWS))
        .set_created_by(concat!("etlplus ", env!("CARGO_PKG_VERSION")).to_owned())
        .build()
}

fn io_error(error: &ParquetError) -> Option<&std::io::Error> {
    match error {
        ParquetError::External(source) => source.downcast_ref(),
        _ => None,
    }
}

fn bug(error: ParquetError) -> Failure {
    Failure::bug(format!("Parquet could not be written: {error}"))
}
