//! Parquet out. A chunk is a row group: each is encoded by one thread, several at the same time, and its pages are then
//! copied into the file as they are.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use etlplus_core::Failure;
use etlplus_core::pipeline::{Compression, ParquetTarget};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression as Codec, Encoding, Type as Physical, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescriptor;

use super::super::output::OutputFile;
use super::dictionary;
use crate::failure::io_failure;

/// Rows of a row group: few enough that the raw rows of several groups fit into little memory, and that readers can skip
/// groups of narrow tables too; enough that a group's dictionaries and statistics cost nothing beside its rows.
pub(super) const ROW_GROUP_ROWS: usize = 1 << 17;
/// Row groups of a file; the format ends at 32,767.
const ROW_GROUPS_MAX: usize = 32_000;
/// Row groups of a scratch file are encoded while rows come in, up to this size.
const SCRATCH_GROUP_MAX_BYTES: usize = 64 << 20;

pub(in crate::target) struct ParquetEncoder {
    schema: SchemaRef,
    codec: Codec,
    /// Makes the writers of a row group's columns; known once the first rows were looked at.
    columns: OnceLock<ArrowRowGroupWriterFactory>,
}

/// The encoded columns of some rows.
pub(in crate::target) struct RowGroup(Vec<ArrowColumnChunk>);

impl ParquetEncoder {
    pub(super) fn new(options: &ParquetTarget, schema: &SchemaRef) -> Result<Self, Failure> {
        let codec = match options.compression {
            Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
            Compression::Snappy => Codec::SNAPPY,
            Compression::None => Codec::UNCOMPRESSED,
        };
        Ok(Self { schema: schema.clone(), codec, columns: OnceLock::new() })
    }

    /// Decides which columns get a dictionary.
    pub(super) fn learn(&self, rows: &[RecordBatch]) -> Result<(), Failure> {
        if self.columns.get().is_some() {
            return Ok(());
        }
        let mut properties = properties(self.codec);
        let worthwhile = dictionary::worthwhile(rows);
        let (writer, _) = self.writer(io::sink(), properties.clone().build()).map_err(bug)?;
        for leaf in 0..writer.schema_descr().num_columns() {
            if !worthwhile[writer.schema_descr().get_column_root_idx(leaf)] {
                properties = without_dictionary(properties, &writer.schema_descr().column(leaf));
            }
        }
        let (_, columns) = self.writer(io::sink(), properties.build()).map_err(bug)?;
        let _ = self.columns.set(columns);
        Ok(())
    }

    pub(super) fn encode(&self, rows: &[RecordBatch]) -> Result<RowGroup, Failure> {
        self.learn(rows)?;
        let Some(columns) = self.columns.get() else { return Err(Failure::bug("no column writers were made")) };
        let encoded = || {
            let mut leaves = columns.create_column_writers(0)?.into_iter();
            let mut chunks = Vec::with_capacity(leaves.len());
            for (index, field) in self.schema.fields().iter().enumerate() {
                // One column after another: its writers and what they know of it stay in the processor's cache.
                let mut writers = Vec::new();
                for batch in rows {
                    for (leaf, column) in compute_leaves(field, batch.column(index))?.iter().enumerate() {
                        if leaf == writers.len() {
                            writers.extend(leaves.next());
                        }
                        let writer =
                            writers.get_mut(leaf).ok_or_else(|| ParquetError::General("too many leaves".to_owned()))?;
                        writer.write(column)?;
                    }
                }
                for writer in writers {
                    chunks.push(writer.close()?);
                }
            }
            Ok(RowGroup(chunks))
        };
        encoded().map_err(bug)
    }

    pub(super) fn begin(&self, output: OutputFile) -> Result<ParquetFile, Failure> {
        let path = output.path().to_owned();
        let (writer, _) =
            self.writer(output, properties(self.codec).build()).map_err(|error| failed_at(&path, error))?;
        Ok(ParquetFile { writer })
    }

    fn writer<W: io::Write + Send>(
        &self,
        output: W,
        properties: WriterProperties,
    ) -> Result<(SerializedFileWriter<W>, ArrowRowGroupWriterFactory), ParquetError> {
        ArrowWriter::try_new(output, self.schema.clone(), Some(properties))?.into_serialized_writer()
    }
}

/// The properties for a column whose values are mostly different ones. Whole numbers of this kind are ids and times, whose
/// differences are small: they are smaller and sooner made so than as they are.
fn without_dictionary(properties: WriterPropertiesBuilder, column: &ColumnDescriptor) -> WriterPropertiesBuilder {
    let path = column.path().clone();
    let properties = properties.set_column_dictionary_enabled(path.clone(), false);
    match column.physical_type() {
        Physical::INT32 | Physical::INT64 => properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        _ => properties,
    }
}

/// A file of row groups.
pub(in crate::target) struct ParquetFile {
    writer: SerializedFileWriter<OutputFile>,
}

impl ParquetFile {
    pub(super) fn append(&mut self, group: RowGroup) -> Result<(), Failure> {
        if self.is_full() {
            return Err(Failure::limit(
                "too_many_row_groups",
                format!("{} has {ROW_GROUPS_MAX} row groups", self.writer.inner().path().display()),
                "write to a folder, which gets several files",
            ));
        }
        let append = || {
            let mut columns = self.writer.next_row_group()?;
            for chunk in group.0 {
                chunk.append_to_row_group(&mut columns)?;
            }
            columns.close().map(|_| ())
        };
        let appended = append();
        appended.map_err(|error| failed_at(self.writer.inner().path(), error))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    pub(super) fn is_full(&self) -> bool {
        self.writer.flushed_row_groups().len() >= ROW_GROUPS_MAX
    }

    /// Writes the footer.
    pub(super) fn finish(self) -> Result<OutputFile, Failure> {
        let path = self.writer.inner().path().to_owned();
        self.writer.into_inner().map_err(|error| failed_at(&path, error))
    }
}

/// Writes batches to a file that only the same job reads, and that goes with it: fast rather than small.
pub struct ScratchWriter {
    writer: ArrowWriter<File>,
    path: PathBuf,
}

impl ScratchWriter {
    /// Makes the file.
    pub fn create(path: PathBuf, schema: &SchemaRef) -> Result<Self, Failure> {
        let file = File::create_new(&path).map_err(|error| io_failure("write", &path, &error))?;
        let properties = properties(Codec::LZ4_RAW).set_max_row_group_bytes(Some(SCRATCH_GROUP_MAX_BYTES)).build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(bug)?;
        Ok(Self { writer, path })
    }

    /// Writes the rows of a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.writer.write(batch).map_err(|error| failed_at(&self.path, error))
    }

    /// Ends the file.
    pub fn finish(self) -> Result<(), Failure> {
        self.writer.close().map_err(|error| failed_at(&self.path, error))?;
        Ok(())
    }
}

fn failed_at(path: &Path, error: ParquetError) -> Failure {
    match io_error(&error) {
        Some(error) => io_failure("write", path, error),
        None => bug(error),
    }
}

fn properties(codec: Codec) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(codec)
        .set_created_by(concat!("etlplus ", env!("CARGO_PKG_VERSION")).to_owned())
}

fn io_error(error: &ParquetError) -> Option<&io::Error> {
    match error {
        ParquetError::External(source) => source.downcast_ref(),
        _ => None,
    }
}

fn bug(error: ParquetError) -> Failure {
    Failure::bug(format!("Parquet could not be written: {error}"))
}
