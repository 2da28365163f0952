//! Rows as the bytes of a file, in one format each: chunks, which threads make at the same time, and files, to which they are
//! added one after another.

mod cell;
mod csv;
mod dictionary;
mod ndjson;
mod parquet;

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use etlplus_core::Failure;
use etlplus_core::pipeline::TargetFormat;

pub(super) use self::cell::Cells;
use self::csv::CsvEncoder;
use self::parquet::{ParquetEncoder, ParquetFile, RowGroup};
use super::Misfit;
use super::output::OutputFile;

pub use self::parquet::ScratchWriter;

/// Rows of one schema in one format.
pub(super) enum Encoder {
    Csv(Box<CsvEncoder>),
    Ndjson,
    Parquet(ParquetEncoder),
}

/// Some rows, encoded: what is added to a file at a time.
pub(super) enum Chunk {
    Text(Vec<u8>),
    RowGroup(RowGroup),
}

/// A file that takes chunks.
pub(super) enum EncodedFile {
    Text(OutputFile),
    Parquet(ParquetFile),
}

impl Encoder {
    /// An encoder of rows of `schema`.
    pub(super) fn new(format: &TargetFormat, schema: &SchemaRef) -> Result<Self, Failure> {
        Ok(match format {
            TargetFormat::Csv(options) => Self::Csv(Box::new(CsvEncoder::new(options.clone(), schema))),
            TargetFormat::Ndjson => Self::Ndjson,
            TargetFormat::Parquet(options) => Self::Parquet(ParquetEncoder::new(options, schema)?),
        })
    }

    /// How many rows a chunk should have, where there are so many.
    pub(super) fn chunk_rows(format: &TargetFormat) -> usize {
        match format {
            TargetFormat::Csv(_) | TargetFormat::Ndjson => TEXT_CHUNK_ROWS,
            TargetFormat::Parquet(_) => parquet::ROW_GROUP_ROWS,
        }
    }

    /// Looks at the first rows, before any is encoded, for what to decide by them.
    pub(super) fn learn(&self, rows: &[RecordBatch]) -> Result<(), Failure> {
        match self {
            Self::Csv(_) | Self::Ndjson => Ok(()),
            Self::Parquet(encoder) => encoder.learn(rows),
        }
    }

    /// Encodes rows, of which there is at least one.
    pub(super) fn encode(&self, rows: &[RecordBatch]) -> Result<Chunk, Failure> {
        match self {
            Self::Csv(encoder) => encoder.encode(rows).map(Chunk::Text),
            Self::Ndjson => ndjson::encode(rows).map(Chunk::Text),
            Self::Parquet(encoder) => encoder.encode(rows).map(Chunk::RowGroup),
        }
    }

    /// Begins a file.
    pub(super) fn begin(&self, output: OutputFile) -> Result<EncodedFile, Failure> {
        Ok(match self {
            Self::Csv(encoder) => EncodedFile::Text(write_text(output, &encoder.header())?),
            Self::Ndjson => EncodedFile::Text(output),
            Self::Parquet(encoder) => EncodedFile::Parquet(encoder.begin(output)?),
        })
    }
}

/// Rows of a chunk of text: enough that handing it over costs nothing beside making it.
const TEXT_CHUNK_ROWS: usize = 8192;

impl EncodedFile {
    /// Adds a chunk of the encoder that began the file.
    pub(super) fn append(self, chunk: Chunk) -> Result<Self, Failure> {
        match (self, chunk) {
            (Self::Text(output), Chunk::Text(text)) => Ok(Self::Text(write_text(output, &text)?)),
            (Self::Parquet(mut file), Chunk::RowGroup(group)) => {
                file.append(group)?;
                Ok(Self::Parquet(file))
            }
            _ => Err(Failure::bug("a chunk of one format came to a file of another")),
        }
    }

    /// Its size so far.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Text(output) => output.bytes(),
            Self::Parquet(file) => file.bytes(),
        }
    }

    /// Whether it takes another chunk.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Parquet(file) if file.is_full())
    }

    /// Writes what comes after the last row.
    pub(super) fn finish(self) -> Result<OutputFile, Failure> {
        match self {
            Self::Text(output) => Ok(output),
            Self::Parquet(file) => file.finish(),
        }
    }
}

fn write_text(mut output: OutputFile, text: &[u8]) -> Result<OutputFile, Failure> {
    match output.write_all(text) {
        Ok(()) => Ok(output),
        Err(error) => Err(output.write_failure(&error)),
    }
}

/// Why rows of `schema` cannot be written in `format`; empty where they can.
pub(super) fn misfits(format: &TargetFormat, schema: &Schema) -> Vec<Misfit> {
    let unfit = schema.fields().iter().filter(|field| !is_writable(format, field.data_type()));
    unfit
        .map(|field| Misfit {
            message: format!("column {:?} is {}, which the target cannot hold", field.name(), field.data_type()),
            remedy: "convert it in SQL, for example with CAST(... AS VARCHAR)".to_owned(),
        })
        .collect()
}

fn is_writable(format: &TargetFormat, data_type: &DataType) -> bool {
    match format {
        TargetFormat::Parquet(_) => !matches!(data_type, DataType::Null | DataType::Interval(_) | DataType::Union(..)),
        TargetFormat::Csv(_) => !data_type.is_nested() && !is_binary(data_type),
        TargetFormat::Ndjson => !is_binary(data_type) && !matches!(data_type, DataType::Union(..)),
    }
}

fn is_binary(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    matches!(data_type, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}
