//! Rejects as Parquet, `errors` as a list.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, ListBuilder, RecordBatch, StringArray, StringBuilder,
    StructBuilder, UInt64Builder, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, UInt64Type};
use etlplus_core::{BrokenRule, Reject};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::columns::{ERRORS, FILE, HEADER, LINE, NAMES, OFFSET, RAW, RAW_HEX, RAW_TRUNCATED, ROW};
use super::read::{Malformed, ReadReject};
use crate::target::AtomicFile;

/// Rejects that are gathered before they are encoded ...
const BATCH_ROWS: usize = 1024;
/// ... and the bytes of their texts, which end a batch too: one text may have 64 KiB.
const BATCH_BYTES: usize = 4 << 20;
/// A row group ends when its encoded pages have this size, which bounds the writer's memory.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// Rows that are read at a time.
const READ_ROWS: usize = 256;

fn error_fields() -> Fields {
    Fields::from(vec![
        Field::new("field", DataType::Utf8, true),
        Field::new("rule", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
        Field::new("message", DataType::Utf8, false),
    ])
}

fn errors_type() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Struct(error_fields()), false)))
}

fn schema() -> SchemaRef {
    let types = |name: &str| match name {
        LINE | OFFSET => (DataType::UInt64, true),
        ROW => (DataType::UInt64, false),
        ERRORS => (errors_type(), false),
        HEADER | RAW_HEX => (DataType::Utf8, true),
        RAW_TRUNCATED => (DataType::Boolean, false),
        _ => (DataType::Utf8, false),
    };
    let field = |name: &str| {
        let (data_type, is_nullable) = types(name);
        Field::new(name, data_type, is_nullable)
    };
    Arc::new(Schema::new(NAMES.map(field).to_vec()))
}

/// Writes one row for each reject.
pub(super) struct ParquetRejects {
    writer: ArrowWriter<AtomicFile>,
    gathered: Gathered,
}

impl ParquetRejects {
    pub(super) fn new(file: AtomicFile) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .set_created_by(concat!("etlplus ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ArrowWriter::try_new(file, schema(), Some(properties)).map_err(io_error)?;
        Ok(Self { writer, gathered: Gathered::new() })
    }

    pub(super) fn path(&self) -> &Path {
        self.writer.inner().path()
    }

    pub(super) fn write(&mut self, reject: &Reject) -> io::Result<()> {
        self.gathered.add(reject);
        if self.gathered.rows >= BATCH_ROWS || self.gathered.bytes >= BATCH_BYTES { self.encode() } else { Ok(()) }
    }

    fn encode(&mut self) -> io::Result<()> {
        let gathered = std::mem::replace(&mut self.gathered, Gathered::new());
        self.writer.write(&gathered.into_batch()?).map_err(io_error)
    }

    pub(super) fn finish(mut self) -> io::Result<AtomicFile> {
        self.encode()?;
        self.writer.into_inner().map_err(io_error)
    }
}

/// Rejects on their way to the file.
struct Gathered {
    rows: usize,
    bytes: usize,
    file: StringBuilder,
    line: UInt64Builder,
    row: UInt64Builder,
    offset: UInt64Builder,
    errors: ListBuilder<StructBuilder>,
    header: StringBuilder,
    raw: StringBuilder,
    raw_hex: StringBuilder,
    raw_truncated: BooleanBuilder,
}

impl Gathered {
    fn new() -> Self {
        let errors = StructBuilder::from_fields(error_fields(), 0);
        let item = Field::new("item", DataType::Struct(error_fields()), false);
        Self {
            rows: 0,
            bytes: 0,
            file: StringBuilder::new(),
            line: UInt64Builder::new(),
            row: UInt64Builder::new(),
            offset: UInt64Builder::new(),
            errors: ListBuilder::new(errors).with_field(item),
            header: StringBuilder::new(),
            raw: StringBuilder::new(),
            raw_hex: StringBuilder::new(),
            raw_truncated: BooleanBuilder::new(),
        }
    }

    fn add(&mut self, reject: &Reject) {
        let Reject { file, line, row, offset, errors, header, raw, raw_hex, raw_truncated } = reject;
        self.rows += 1;
        self.bytes += file.len() + raw.len() + header.as_ref().map_or(0, |header| header.len());
        self.bytes += raw_hex.as_ref().map_or(0, String::len);
        self.file.append_value(file);
        self.line.append_option(*line);
        self.row.append_value(*row);
        self.offset.append_option(*offset);
        for error in errors {
            self.add_error(error);
        }
        self.errors.append(true);
        self.header.append_option(header.as_ref());
        self.raw.append_value(raw);
        self.raw_hex.append_option(raw_hex.as_ref());
        self.raw_truncated.append_value(*raw_truncated);
    }

    fn add_error(&mut self, error: &BrokenRule) {
        let BrokenRule { field, rule, value, message } = error;
        let texts = [field.as_ref(), Some(rule), value.as_ref(), Some(message)];
        let item = self.errors.values();
        for (column, text) in texts.into_iter().enumerate() {
            self.bytes += text.map_or(0, String::len);
            let builder = item.field_builder::<StringBuilder>(column).expect("each column was made for texts");
            builder.append_option(text);
        }
        item.append(true);
    }

    fn into_batch(mut self) -> io::Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.file.finish()),
            Arc::new(self.line.finish()),
            Arc::new(self.row.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.errors.finish()),
            Arc::new(self.header.finish()),
            Arc::new(self.raw.finish()),
            Arc::new(self.raw_hex.finish()),
            Arc::new(self.raw_truncated.finish()),
        ];
        RecordBatch::try_new(schema(), columns).map_err(io::Error::other)
    }
}

/// The error of the system where it is one.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// Reads one reject from each row, by the names of the columns; other programs may have written other types of text.
pub(super) struct ParquetReader {
    batches: ParquetRecordBatchReader,
    batch: Option<(Columns, usize)>,
    row: u64,
    rows_total: u64,
    file_bytes: u64,
    told: u64,
}

/// The columns of some rows.
struct Columns {
    rows: usize,
    file: ArrayRef,
    line: ArrayRef,
    row: ArrayRef,
    offset: ArrayRef,
    errors: ArrayRef,
    header: ArrayRef,
    raw: ArrayRef,
    raw_hex: ArrayRef,
    raw_truncated: BooleanArray,
}

impl ParquetReader {
    pub(super) fn new(file: File, file_bytes: u64) -> Result<Self, Malformed> {
        let damaged = |error: ParquetError| Malformed::Whole(format!("is no whole Parquet file: {error}"));
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        if builder.schema().field_with_name(RAW).is_err() {
            let why = format!("has no column {RAW}; a reject file has {}", NAMES.join(", "));
            return Err(Malformed::Whole(why));
        }
        let rows_total = builder.metadata().file_metadata().num_rows().unsigned_abs();
        let batches = builder.with_batch_size(READ_ROWS).build().map_err(damaged)?;
        Ok(Self { batches, batch: None, row: 0, rows_total, file_bytes, told: 0 })
    }

    pub(super) fn rows_total(&self) -> u64 {
        self.rows_total
    }

    pub(super) fn next(&mut self) -> Option<Result<ReadReject, Malformed>> {
        loop {
            if let Some((columns, row)) = &mut self.batch
                && *row < columns.rows
            {
                *row += 1;
                let reject = columns.reject(*row - 1, self.row + 1);
                self.row += 1;
                let read = self.file_bytes.checked_mul(self.row).map_or(0, |bytes| bytes / self.rows_total.max(1));
                let bytes = read.saturating_sub(self.told);
                self.told += bytes;
                return Some(Ok(ReadReject { reject, line: None, row: self.row, bytes }));
            }
            let columns = self.batches.next()?.map_err(|error| error.to_string()).and_then(|batch| Columns::of(&batch));
            match columns {
                Ok(columns) => self.batch = Some((columns, 0)),
                Err(why) => return Some(Err(Malformed::Whole(format!("cannot be read: {why}")))),
            }
        }
    }
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self, String> {
        let column = |name: &str, data_type: &DataType| match batch.column_by_name(name) {
            Some(column) => cast(column, data_type).map_err(|error| format!("column {name}: {error}")),
            None => Ok(new_null_array(data_type, batch.num_rows())),
        };
        let (text, number) = (&DataType::Utf8, &DataType::UInt64);
        Ok(Self {
            rows: batch.num_rows(),
            file: column(FILE, text)?,
            line: column(LINE, number)?,
            row: column(ROW, number)?,
            offset: column(OFFSET, number)?,
            errors: column(ERRORS, &readable_errors_type())?,
            header: column(HEADER, text)?,
            raw: column(RAW, text)?,
            raw_hex: column(RAW_HEX, text)?,
            raw_truncated: column(RAW_TRUNCATED, &DataType::Boolean)?.as_boolean().clone(),
        })
    }

    fn reject(&self, index: usize, row: u64) -> Reject {
        let text = |array: &ArrayRef| text_at(array.as_string::<i32>(), index);
        let number = |array: &ArrayRef| array.is_valid(index).then(|| array.as_primitive::<UInt64Type>().value(index));
        Reject {
            file: text(&self.file).unwrap_or_default(),
            line: number(&self.line),
            row: number(&self.row).unwrap_or(row),
            offset: number(&self.offset),
            errors: self.errors(index),
            header: text(&self.header).map(Arc::from),
            raw: text(&self.raw).unwrap_or_default(),
            raw_hex: text(&self.raw_hex),
            raw_truncated: self.raw_truncated.is_valid(index) && self.raw_truncated.value(index),
        }
    }

    fn errors(&self, index: usize) -> Vec<BrokenRule> {
        if self.errors.is_null(index) {
            return Vec::new();
        }
        let list = self.errors.as_list::<i32>().value(index);
        let columns: Vec<_> = list.as_struct().columns().iter().map(|column| column.as_string::<i32>()).collect();
        let error = |item: usize| BrokenRule {
            field: text_at(columns[0], item),
            rule: text_at(columns[1], item).unwrap_or_default(),
            value: text_at(columns[2], item),
            message: text_at(columns[3], item).unwrap_or_default(),
        };
        (0..list.len()).map(error).collect()
    }
}

/// As written, but whatever other programs may have made null.
fn readable_errors_type() -> DataType {
    let fields: Fields = error_fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    DataType::List(Arc::new(Field::new("item", DataType::Struct(fields), true)))
}

fn text_at(texts: &StringArray, index: usize) -> Option<String> {
    texts.is_valid(index).then(|| texts.value(index).to_owned())
}
