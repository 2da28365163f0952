//! Corrected rows, read as rows of the source that rejected them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::json::LineDelimitedWriter;
use chrono::DateTime;
use etlplus_connectors::source::{self, open_rejects};
use etlplus_connectors::{Intake, Memory, RejectFile, Reservation};
use etlplus_core::pipeline::{JobSpec, RejectFormat, parse};
use etlplus_core::ports::Control;
use etlplus_core::{Failure, Reject};
use parquet::arrow::ArrowWriter;

use super::{FORMATS, job_id, read, reject, write};

#[derive(Debug)]
pub(crate) struct Unlimited;

impl Memory for Unlimited {
    fn reserve(&self, _: &str) -> Box<dyn Reservation> {
        Box::new(Self)
    }
}

impl Reservation for Unlimited {
    fn try_resize(&mut self, _: usize) -> bool {
        true
    }
}

pub(crate) fn job(folder: &Path, source: &str) -> JobSpec {
    let text = format!("name: t\n{source}\ntarget: {{ sqlite: {{ path: t.db, table: t }} }}\n");
    let pipeline = parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"));
    JobSpec::new(job_id(), Arc::new(pipeline), folder, &BTreeMap::new(), DateTime::UNIX_EPOCH).unwrap()
}

/// The rows that passed, as JSON, and the rejects of the others.
pub(crate) async fn all(mut intake: Intake) -> Result<(Vec<String>, Vec<Reject>), Failure> {
    let (mut passed, mut rejects) = (Vec::new(), Vec::new());
    while let Some(rows) = intake.next().await? {
        let mut writer = LineDelimitedWriter::new(Vec::new());
        writer.write(&rows.batch).unwrap();
        writer.finish().unwrap();
        passed.extend(String::from_utf8(writer.into_inner()).unwrap().lines().map(str::to_owned));
        rejects.extend(rows.rejects);
    }
    Ok((passed, rejects))
}

pub(crate) async fn replay(job: &JobSpec, path: &Path) -> Result<(Vec<String>, Vec<Reject>), Failure> {
    let open = open_rejects(path, &job.pipeline().source, job).await?;
    all(Intake::start(open, &Unlimited)).await
}

fn broken(rejects: &[Reject]) -> Vec<(u64, Option<u64>, &str)> {
    rejects.iter().map(|reject| (reject.row, reject.line, reject.errors[0].rule.as_str())).collect()
}

/// Rows of two files whose headers differ are rejected, corrected and read, in every format of reject files.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_csv_come_under_the_headers_of_their_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "id;name\n1;fine\nx;one\n").unwrap();
    fs::write(folder.path().join("b.csv"), "name;id\ntwo;y\n\"th;ree\";z\nfour;1\n").unwrap();
    let source = "source: { csv: { path: '[ab].csv', delimiter: ';' } }\nschema: { id: int64 unique, name: string }";
    let job = job(folder.path(), source);
    for format in FORMATS {
        let open = source::open(&job.pipeline().source, &job, None).await.unwrap();
        let (passed, rejects) = all(Intake::start(open, &Unlimited)).await.unwrap();
        assert_eq!(passed, [r#"{"id":1,"name":"fine"}"#]);
        assert_eq!(rejects[0].header.as_deref(), Some("id;name"));
        assert_eq!(rejects[2].header.as_deref(), Some("name;id"));
        let corrected: Vec<_> = rejects
            .into_iter()
            .map(|reject| Reject { raw: reject.raw.replace('x', "2").replace(";y", ";3"), ..reject })
            .collect();
        let path = write(&folder, format, &corrected);
        let (passed, rejects) = replay(&job, &path).await.unwrap();
        assert_eq!(
            passed,
            [r#"{"id":2,"name":"one"}"#, r#"{"id":3,"name":"two"}"#, r#"{"id":1,"name":"four"}"#],
            "{format:?}"
        );
        let line = (format != RejectFormat::Parquet).then_some(if format == RejectFormat::Csv { 4 } else { 3 });
        assert_eq!(broken(&rejects), [(3, line, "type")], "{format:?}");
        assert_eq!(rejects[0].file, path.display().to_string());
        assert_eq!((rejects[0].header.as_deref(), rejects[0].offset), (Some("name;id"), None));
        assert_eq!(rejects[0].raw, "\"th;ree\";z");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_raw_text_is_one_record_whatever_quotes_it_opens() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), "source: { csv: { path: a.csv } }\nschema: { id: int64, name: string }");
    let header = Some("id,name".into());
    let under = |raw: &str| Reject { header: header.clone(), ..reject(raw) };
    let rejects = [
        under("1,\"open"),
        under("2,\"closed\"\n"),
        under("3,a\n4,b"),
        under("5,\"a\nb\""),
        Reject { raw_truncated: true, ..under("6,cut") },
        under(""),
        under("7"),
    ];
    let path = write(&folder, RejectFormat::Ndjson, &rejects);
    let (passed, rejects) = replay(&job, &path).await.unwrap();
    assert_eq!(passed, [r#"{"id":2,"name":"closed"}"#, r#"{"id":5,"name":"a\nb"}"#]);
    let expected = [
        (1, Some(1), "unclosed_quote"),
        (3, Some(3), "several_records"),
        (5, Some(5), "raw_truncated"),
        (6, Some(6), "empty_record"),
        (7, Some(7), "field_count"),
    ];
    assert_eq!(broken(&rejects), expected);
    assert!(rejects[2].raw_truncated, "what was cut stays cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_fail_again_until_somebody_corrects_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), b"id,name\n1,caf\xE9\n2,caf\xE9\n").unwrap();
    let job = job(folder.path(), "source: { csv: { path: a.csv } }\nschema: { id: int64, name: string }");
    let open = source::open(&job.pipeline().source, &job, None).await.unwrap();
    let (_, mut rejects) = all(Intake::start(open, &Unlimited)).await.unwrap();
    assert_eq!(rejects[0].raw_hex.as_deref(), Some("312c636166e9"));
    rejects[1].raw = "2,café".to_owned();
    let (passed, again) = replay(&job, &write(&folder, RejectFormat::Csv, &rejects)).await.unwrap();
    assert_eq!(passed, [r#"{"id":2,"name":"café"}"#]);
    assert_eq!(broken(&again), [(1, Some(2), "utf8")]);
    assert_eq!(again[0].raw_hex.as_deref(), Some("312c636166e9"), "no byte was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_does_not_say_its_header_is_not_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let with_header = job(folder.path(), "source: { csv: { path: a.csv } }\nschema: { a: string, b: string }");
    let path = write(&folder, RejectFormat::Ndjson, &[reject("1,2")]);
    let failure = replay(&with_header, &path).await.unwrap_err();
    assert_eq!(failure.code, "reject_without_header");
    let without =
        job(folder.path(), "source: { csv: { path: a.csv, header: false } }\nschema: { a: string, b: string }");
    assert_eq!(replay(&without, &path).await.unwrap().0, [r#"{"a":"1","b":"2"}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_objects_of_sources_that_are_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let schema = "schema: { id: int64, at: timestamp, b: binary, u: uuid }";
    let declared = job(folder.path(), &format!("source: {{ parquet: {{ path: a.parquet }} }}\n{schema}"));
    let raw = r#"{"id": 1,
        "at": "2026-01-31T12:00:00", "b": "\\x00ff", "u": "C0FFEE00-0000-4000-8000-000000000000"}"#;
    let path = write(&folder, RejectFormat::Parquet, &[reject(raw), reject("{\"id\": \"x\"}")]);
    let (passed, rejects) = replay(&declared, &path).await.unwrap();
    let expected = r#"{"id":1,"at":"2026-01-31T12:00:00","b":"00ff","u":"c0ffee00-0000-4000-8000-000000000000"}"#;
    assert_eq!(passed, [expected]);
    assert_eq!(broken(&rejects), [(2, None, "type")]);
}

/// What a row of columns shows as JSON comes back as it was: no value is lost on the way there.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_columns_come_back_from_json_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![-1, -2]))),
        ("whole", Arc::new(Float64Array::from(vec![2.0, 3.0]))),
        ("f", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        ("b", Arc::new(BinaryArray::from(vec![b"\x00\xff".as_slice(), b""]))),
        ("doc", Arc::new(StringArray::from(vec![Some(r#"{"a": "b"}"#), None]))),
        ("day", Arc::new(Date32Array::from(vec![20_000, 0]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(folder.path().join("a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let schema = "schema: { id: int64 > 0, whole: int64, f: float64, b: binary, doc: json, day: date }";
    let declared = job(folder.path(), &format!("source: {{ parquet: {{ path: a.parquet }} }}\n{schema}"));
    let open = source::open(&declared.pipeline().source, &declared, None).await.unwrap();
    let (_, rejects) = all(Intake::start(open, &Unlimited)).await.unwrap();
    let corrected: Vec<_> =
        rejects.into_iter().map(|reject| Reject { raw: reject.raw.replace("\"id\":-", "\"id\":"), ..reject }).collect();
    let (passed, rejects) = replay(&declared, &write(&folder, RejectFormat::Csv, &corrected)).await.unwrap();
    let expected = r#"{"id":1,"whole":2,"f":0.1,"b":"00ff","doc":"{\"a\": \"b\"}","day":"2024-10-04"}"#;
    assert_eq!(passed, [expected]);
    assert_eq!(broken(&rejects), [(2, Some(3), "type")], "what is no number has not become a row without one");
}

/// More rows than are checked at a time keep their places.
#[tokio::test(flavor = "multi_thread")]
async fn many_rows_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), "source: { ndjson: { path: a.ndjson } }\nschema: { id: int64 unique }");
    let rows: Vec<_> = (0..30_000).map(|id| reject(&format!("{{\"id\":{}}}", id % 29_990))).collect();
    let path = write(&folder, RejectFormat::Ndjson, &rows);
    let open = open_rejects(&path, &job.pipeline().source, &job).await.unwrap();
    assert_eq!(open.bytes_total(), Some(fs::metadata(&path).unwrap().len()));
    let mut intake = Intake::start(open, &Unlimited);
    let (mut passed, mut bytes, mut rejects) = (0, 0, Vec::new());
    while let Some(rows) = intake.next().await.unwrap() {
        passed += rows.batch.num_rows();
        bytes += rows.bytes;
        rejects.extend(rows.rejects);
    }
    assert_eq!((passed, bytes), (29_990, fs::metadata(&path).unwrap().len()));
    let expected: Vec<_> = (29_991..=30_000).map(|row| (row, Some(row), "unique")).collect();
    assert_eq!(broken(&rejects), expected);
    let again = folder.path().join("again.ndjson");
    let control = Control::default();
    let mut file = RejectFile::create(&again, RejectFormat::Ndjson, &job_id(), &control).unwrap();
    rejects.iter().for_each(|reject| file.write(reject).unwrap());
    file.commit(&control).unwrap();
    assert_eq!(read(&again).unwrap().len(), 10);
}
