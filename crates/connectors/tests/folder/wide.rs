//! Parquet whose rows are far wider than they are in the file: how much of them is in memory at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type};
use etlplus_connectors::{Intake, Memory, Reservation, source};
use etlplus_core::Failure;
use etlplus_core::pipeline::{JobSpec, parse};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use crate::support::id;

const ROWS: usize = 16_384;
const TEXT_BYTES: usize = 100_000;
/// What `limits.memory` says.
const MEMORY: usize = 64 << 20;
/// A text of the dictionary is about 16 of these rows: far fewer bytes than all rows, and no less than one.
const BATCH_MAX_BYTES: usize = 4 << 20;

/// Grants so much, and remembers the most that was asked for.
#[derive(Debug, Clone)]
struct Limited {
    limit: usize,
    most: Arc<AtomicUsize>,
    of: Arc<Mutex<BTreeMap<String, usize>>>,
    name: String,
}

impl Limited {
    fn new(limit: usize) -> Self {
        Self { limit, most: Arc::default(), of: Arc::default(), name: String::new() }
    }
}

impl Memory for Limited {
    fn reserve(&self, name: &str) -> Box<dyn Reservation> {
        Box::new(Self { name: name.to_owned(), ..self.clone() })
    }
}

impl Reservation for Limited {
    fn try_resize(&mut self, bytes: usize) -> bool {
        let mut of = self.of.lock().unwrap();
        of.insert(self.name.clone(), bytes);
        self.most.fetch_max(of.values().sum(), Ordering::Relaxed);
        bytes <= self.limit
    }
}

/// A file with one long text, which stands in each row.
fn write(path: &Path, skip_arrow_metadata: bool) {
    let texts = StringArray::from(vec!["x".repeat(TEXT_BYTES)]);
    let keys = Int32Array::from(vec![0; ROWS]);
    let column = DictionaryArray::<Int32Type>::new(keys, Arc::new(texts));
    let numbers = Int64Array::from_iter_values(0..ROWS as i64);
    let batch = RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef), ("t", Arc::new(column) as ArrayRef)])
        .unwrap();
    let options = ArrowWriterOptions::new().with_skip_arrow_metadata(skip_arrow_metadata);
    let mut writer = ArrowWriter::try_new_with_options(File::create(path).unwrap(), batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

async fn start(folder: &Path, memory: &Limited, more: &str) -> Result<Intake, Failure> {
    let yaml = format!(
        "name: wide\nsource: {{ parquet: {{ path: in.parquet }} }}\n{more}target: {{ csv: {{ path: out.csv }} }}\n\
         limits: {{ memory: {MEMORY} }}\n"
    );
    let pipeline = Arc::new(parse(&yaml).unwrap_or_else(|mistakes| panic!("{mistakes:?}")));
    let job = JobSpec::new(id(1), pipeline, folder, &BTreeMap::new(), chrono::DateTime::UNIX_EPOCH).unwrap();
    Ok(Intake::start(source::open(&job.pipeline().source, &job, None).await?, memory))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_a_dictionary_has_once_is_not_held_for_thousands_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let declared = "schema: { n: int64, t: string }\n";
    for (skip_arrow_metadata, schema) in [(true, declared), (true, ""), (false, declared)] {
        write(&folder.path().join("in.parquet"), skip_arrow_metadata);
        let memory = Limited::new(MEMORY);
        let mut intake = start(folder.path(), &memory, schema).await.unwrap();
        let (mut next, mut largest) = (0, 0);
        while let Some(rows) = intake.next().await.unwrap() {
            largest = largest.max(rows.batch.get_array_memory_size());
            for number in rows.batch.column(0).as_primitive::<Int64Type>().values() {
                assert_eq!(*number, next);
                next += 1;
            }
            let texts = rows.batch.column(1).as_string::<i32>();
            assert!(texts.iter().all(|text| text.is_some_and(|text| text.len() == TEXT_BYTES)));
        }
        assert_eq!(next, ROWS as i64);
        assert!(largest <= BATCH_MAX_BYTES, "{largest} bytes at a time");
        let most = memory.most.load(Ordering::Relaxed);
        assert!((largest..MEMORY).contains(&most), "{most} bytes of memory were taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_need_more_than_the_memory_fail_the_job() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.parquet"), true);
    let mut intake = start(folder.path(), &Limited::new(1 << 20), "").await.unwrap();
    let Err(failure) = intake.next().await else { panic!("it had the memory") };
    assert_eq!(failure.code, "memory_exceeded");
}
