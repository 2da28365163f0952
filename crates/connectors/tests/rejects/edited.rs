//! Files that a person or another program has written to.

use std::fs;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, LargeStringArray, RecordBatch};
use parquet::arrow::ArrowWriter;

use super::read;

fn read_text(name: &str, text: &str) -> Result<Vec<super::ReadReject>, etlplus_core::Failure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    read(&path)
}

#[test]
fn csv_from_a_spreadsheet() {
    let text = "\u{feff}raw;rawTruncated;note;line\r\n\"1;\"\"a\"\"\r\nb\";FALSE;done;7\r\n2;;;\r\n";
    let found = read_text("r.csv", text).unwrap();
    let shown: Vec<_> = found.iter().map(|found| (found.reject.raw.as_str(), found.reject.line, found.line)).collect();
    assert_eq!(shown, [("1;\"a\"\r\nb", Some(7), Some(2)), ("2", None, Some(4))]);
    assert!(found.iter().all(|found| !found.reject.raw_truncated && found.reject.errors.is_empty()));
    assert_eq!(found[1].reject.row, 2, "a row without a number has its place in this file");
}

#[test]
fn ndjson_with_blank_lines_missing_keys_and_objects_for_texts() {
    let text =
        "\u{feff}{\"raw\":\"1,a\"}\n\n  \n{\"raw\":{\"id\":1},\"file\":\"x\",\"note\":\"mine\"}\r\n{\"raw\":\"end\"}";
    let found = read_text("r.ndjson", text).unwrap();
    let shown: Vec<_> = found.iter().map(|found| (found.reject.raw.as_str(), found.row, found.line)).collect();
    assert_eq!(shown, [("1,a", 1, Some(1)), ("{\"id\":1}", 2, Some(4)), ("end", 3, Some(5))]);
}

#[test]
fn parquet_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    let columns: [(&str, ArrayRef); 2] = [
        ("raw", Arc::new(LargeStringArray::from(vec!["a", "b"]))),
        ("line", Arc::new(Float64Array::from(vec![Some(3.0), None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let found = read(&path).unwrap();
    let shown: Vec<_> = found.iter().map(|found| (found.reject.raw.as_str(), found.reject.line, found.line)).collect();
    assert_eq!(shown, [("a", Some(3), None), ("b", None, None)]);
}

#[test]
fn what_is_no_reject_is_named_by_its_line() {
    for (name, text, parts) in [
        ("r.ndjson", "{\"raw\":\"a\"}\n{\"raw\":\n", ["line 2", "is no reject"]),
        ("r.ndjson", "{\"line\":1}\n", ["line 1", "missing field `raw`"]),
        ("r.csv", "id,amount\n1,2\n", ["line 1", "has no column raw"]),
        ("r.csv", "raw,line\na,1\nb,two\n", ["line 3", "\"two\" in column line"]),
        ("r.csv", "raw,errors\na,oops\n", ["line 2", "column errors"]),
    ] {
        let failure = read_text(name, text).unwrap_err();
        assert_eq!(failure.code, "reject_file_malformed", "{text}");
        for part in parts {
            assert!(failure.message.contains(part), "{part:?} is missing in {failure}");
        }
    }
    let damaged = read_text("r.parquet", "PAR1 and no more").unwrap_err();
    assert!(damaged.message.contains("no whole Parquet file"), "{damaged}");
    assert_eq!(read_text("r.csv", "").unwrap(), [], "an empty file has no rejects");
    let missing = read(std::path::Path::new("/nowhere/r.csv")).unwrap_err();
    assert_eq!(missing.code, "file_not_found");
}
