//! Parquet files read back: columns that folders tell, only what is declared, and files that are damaged or lie.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use etlplus_connectors::{Intake, Memory, Reservation, source};
use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, parse};
use parquet::arrow::ArrowWriter;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;

use crate::support::{id, job, load};

/// As much memory as is asked for.
#[derive(Debug)]
struct Plenty;

impl Memory for Plenty {
    fn reserve(&self, _name: &str) -> Box<dyn Reservation> {
        Box::new(Plenty)
    }
}

impl Reservation for Plenty {
    fn try_resize(&mut self, _bytes: usize) -> bool {
        true
    }
}

fn reader(folder: &Path, path: &str, schema: &str) -> JobSpec {
    let yaml = format!(
        "name: orders\nsource: {{ parquet: {{ path: {path:?}, extra_fields: ignore }} }}\nschema: {schema}\n\
         target: {{ csv: {{ path: out.csv }} }}\n"
    );
    let pipeline = Arc::new(parse(&yaml).unwrap_or_else(|mistakes| panic!("{mistakes:?}")));
    let number: JobId = id(1);
    JobSpec::new(number, pipeline, folder, &Default::default(), chrono::DateTime::UNIX_EPOCH).unwrap()
}

async fn read(job: &JobSpec) -> Result<Vec<RecordBatch>, Failure> {
    let source = source::open(&job.pipeline().source, job, None).await?;
    let total = source.bytes_total();
    let mut intake = Intake::start(source, &Plenty);
    let (mut batches, mut bytes) = (Vec::new(), 0);
    while let Some(rows) = intake.next().await? {
        assert!(rows.rejects.is_empty(), "{:?}", rows.rejects);
        bytes += rows.bytes;
        batches.push(rows.batch);
    }
    assert_eq!(Some(bytes), total, "progress ends at the size of all files");
    Ok(batches)
}

fn numbers(batches: &[RecordBatch], column: &str) -> Vec<i64> {
    let arrays = batches.iter().map(|batch| batch.column_by_name(column).unwrap().as_primitive::<Int64Type>());
    arrays.flat_map(|array| array.values().to_vec()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_many_files_and_row_groups_come_in_order_with_what_the_folders_tell() {
    let folder = tempfile::tempdir().unwrap();
    let target = "{ parquet: { folder: out, partition_by: [country] } }";
    load(&job(folder.path(), 1, target), 0..700_000).await.unwrap();
    let job = reader(folder.path(), "out/*/*.parquet", "{ country: string, id: int64, amount: \"decimal(12,2)\" }");
    let batches = read(&job).await.unwrap();
    let ids = numbers(&batches, "id");
    assert_eq!(ids.len(), 700_000);
    let countries =
        batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().map(|v| v.map(str::to_owned)));
    let mut next = std::collections::HashMap::new();
    for (id, country) in ids.iter().zip(countries) {
        let expected = (id % 10 != 0).then(|| ["DE", "AT", "CH"][(id % 3) as usize]);
        assert_eq!(country.as_deref(), expected, "order {id}");
        let last = next.insert(country, *id);
        assert!(last.is_none_or(|last| last < *id), "order {id} came after {last:?}");
    }
}

/// A file of two row groups with the columns `a`, `b` and `c`.
fn two_groups(path: &Path) {
    let numbers =
        |from: i64| Arc::new(Int64Array::from_iter_values((from..from + 1000).map(|n| n * 7919 % 10_007))) as ArrayRef;
    let batch =
        |from| RecordBatch::try_from_iter([("a", numbers(from)), ("b", numbers(from)), ("c", numbers(from))]).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_compression(parquet::basic::Compression::ZSTD(Default::default()))
        .build();
    let mut writer =
        ArrowWriter::try_new(fs::File::create(path).unwrap(), batch(0).schema(), Some(properties)).unwrap();
    for from in [0, 1000] {
        writer.write(&batch(from)).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_not_declared_are_not_read_and_a_damaged_one_is_told_with_its_row_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.parquet");
    two_groups(&path);
    // The second row group's column b gets bytes that do not decompress.
    let chunk =
        SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap().metadata().row_group(1).column(1).clone();
    let (start, length) = chunk.byte_range();
    let mut bytes = fs::read(&path).unwrap();
    let end = (start + length) as usize;
    bytes[end - 200..end].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let batches = read(&reader(folder.path(), "in.parquet", "{ c: int64, a: int64 }")).await.unwrap();
    assert_eq!(numbers(&batches, "a").len(), 2000);
    let failure = read(&reader(folder.path(), "in.parquet", "{ a: int64, b: int64 }")).await.unwrap_err();
    assert_eq!(failure.code, "parquet_unreadable");
    assert!(failure.message.contains("row group 2 of") && failure.message.contains("in.parquet"), "{failure}");
}

/// A file whose page claims `claimed` of the bytes that it has before compression.
fn with_claim(path: &Path, claimed: impl Fn(u64) -> u64) {
    let batch = RecordBatch::try_from_iter([("a", Arc::new(StringArray::from(vec!["x"; 1000])) as ArrayRef)]).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_compression(parquet::basic::Compression::ZSTD(Default::default()))
        .build();
    let mut honest = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.clone())).unwrap();
    honest.write(&batch).unwrap();
    let honest = Bytes::from(honest.into_inner().unwrap());
    let metadata = SerializedFileReader::new(honest.clone()).unwrap().metadata().row_group(0).column(0).clone();
    let (start, length) = metadata.byte_range();
    let schema = metadata_schema(&honest);
    let page = &honest[start as usize..(start + length) as usize];
    // The page's type and its size before compression, each a byte for its field and a number of seven bits a byte.
    assert_eq!((page[0], page[2]), (0x15, 0x15));
    let size_end = 3 + page[3..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let mut lying = page[..3].to_vec();
    let honest = page[3..size_end].iter().rev().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f)) / 2;
    let mut zigzag = claimed(honest) * 2;
    while zigzag >= 0x80 {
        lying.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    lying.push(zigzag as u8);
    lying.extend_from_slice(&page[size_end..]);
    let close = ColumnCloseResult {
        bytes_written: lying.len() as u64,
        rows_written: 1000,
        metadata: ColumnChunkMetaData::builder(metadata.column_descr_ptr())
            .set_compression_codec(metadata.compression_codec())
            .set_encodings_mask(*metadata.encodings_mask())
            .set_num_values(1000)
            .set_total_compressed_size(lying.len() as i64)
            .set_total_uncompressed_size(metadata.uncompressed_size())
            .set_data_page_offset(0)
            .build()
            .unwrap(),
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    let mut writer = SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    group.append_column(&Bytes::from(lying), close).unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

fn metadata_schema(file: &Bytes) -> parquet::schema::types::TypePtr {
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    reader.metadata().file_metadata().schema_descr().root_schema_ptr()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_claims_to_be_huge_is_refused_before_it_is_decompressed() {
    let folder = tempfile::tempdir().unwrap();
    let job = reader(folder.path(), "in.parquet", "{ a: string }");
    // The control: the honest claim is read, and a page that is shorter than it claims is damaged, not too large.
    with_claim(&folder.path().join("in.parquet"), |honest| honest);
    assert_eq!(read(&job).await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 1000);
    with_claim(&folder.path().join("in.parquet"), |honest| honest + 1);
    assert_eq!(read(&job).await.unwrap_err().code, "parquet_unreadable");
    with_claim(&folder.path().join("in.parquet"), |_| 2_000_000_000);
    let failure = read(&job).await.unwrap_err();
    assert_eq!(failure.code, "page_too_large");
    assert!(failure.message.contains("2000000000") && failure.message.contains("in.parquet"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_neither_file_nor_folders_have_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("month=2024-01")).unwrap();
    two_groups(&folder.path().join("month=2024-01/in.parquet"));
    let job = reader(folder.path(), "*/in.parquet", "{ month: string, year: int32 }");
    assert_eq!(read(&job).await.unwrap_err().code, "missing_column");
    let job = reader(folder.path(), "*/in.parquet", "{ month: string }");
    let batches = read(&job).await.unwrap();
    assert!(
        batches.iter().all(|batch| batch.column(0).as_string::<i32>().iter().all(|month| month == Some("2024-01")))
    );
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2000);
    assert!(batches[0].column(0).null_count() == 0);
}
