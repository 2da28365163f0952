//! What is written is read back equal.

use std::fs;
use std::sync::Arc;

use etlplus_connectors::RejectFile;
use etlplus_core::pipeline::RejectFormat;
use etlplus_core::ports::Control;
use etlplus_core::{BrokenRule, Reject};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{FORMATS, job_id, read, reject, write};

/// Texts with everything that a format could stumble over.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z,;\"'\\\\{}\\[\\]\t ]{0,12}",
        any::<String>(),
        Just("\r\n".to_owned()),
        Just("NULL".to_owned()),
        Just(String::new()),
        Just("\u{feff}a".to_owned()),
    ]
}

fn broken_rule() -> impl Strategy<Value = BrokenRule> {
    (option::of(text()), text(), option::of(text()), text()).prop_map(|(field, rule, value, message)| BrokenRule {
        field,
        rule,
        value,
        message,
    })
}

fn any_reject() -> impl Strategy<Value = Reject> {
    let place = (text(), option::of(any::<u64>()), any::<u64>(), option::of(any::<u64>()));
    // A header and the hex of a row are never without a character.
    let rest = (option::of("[a-z,\"\n]{1,9}"), text(), option::of("([0-9a-f]{2}){1,4}"), any::<bool>());
    (place, vec(broken_rule(), 0..4), rest).prop_map(|((file, line, row, offset), errors, rest)| {
        let (header, raw, raw_hex, raw_truncated) = rest;
        let header = header.map(Into::into);
        Reject { file, line, row, offset, errors, header, raw, raw_hex, raw_truncated }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_reject_is_read_back_equal(rejects in vec(any_reject(), 0..20)) {
        let folder = tempfile::tempdir().unwrap();
        for format in FORMATS {
            let path = write(&folder, format, &rejects);
            let found = read(&path).unwrap();
            let bytes: u64 = found.iter().map(|found| found.bytes).sum();
            prop_assert!(bytes <= fs::metadata(&path).unwrap().len());
            prop_assert_eq!(found.iter().map(|found| found.row).collect::<Vec<_>>(), (1..=rejects.len() as u64).collect::<Vec<_>>());
            let found: Vec<_> = found.into_iter().map(|found| found.reject).collect();
            prop_assert_eq!(&found, &rejects, "{:?}", format);
        }
    }
}

#[test]
fn many_long_rows_come_back_from_parquet_in_bounded_groups() {
    let folder = tempfile::tempdir().unwrap();
    let rejects: Vec<_> =
        (0..400).map(|row| Reject { row, ..reject(&format!("{row},{}", noise(row, 60_000))) }).collect();
    let path = write(&folder, RejectFormat::Parquet, &rejects);
    let found: Vec<_> = read(&path).unwrap().into_iter().map(|found| found.reject).collect();
    assert!(found == rejects);
    let file = std::fs::File::open(&path).unwrap();
    let metadata = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
    assert!(metadata.num_row_groups() > 1, "24 MB of texts are not held until the end");
}

/// A text that does not compress.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b' ' + 2 + (state % 90) as u8)
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn csv_keeps_to_rfc_4180() {
    let folder = tempfile::tempdir().unwrap();
    let one = Reject { line: None, header: Some("a,b".into()), ..reject("1,\"x\"") };
    let text = fs::read_to_string(write(&folder, RejectFormat::Csv, &[one])).unwrap();
    let expected = concat!(
        "file,line,row,offset,errors,header,raw,rawHex,rawTruncated\r\n",
        r#""in.csv",,1,10,"[{""field"":""id"",""rule"":""type"",""value"":""x"",""message"":""is no whole number""}]","#,
        r#""a,b","1,""x""",,false"#,
        "\r\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_file_without_rejects_is_one_of_its_format() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        assert_eq!(read(&write(&folder, format, &[])).unwrap(), [], "{format:?}");
    }
}

/// A server shows NDJSON page by page, whatever the format of the pipeline's own file.
#[test]
fn the_job_s_own_copy_is_ndjson_whatever_the_format() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let copy = folder.path().join("copy.ndjson");
        let control = Arc::new(Control::default().keeping_rejects(copy.clone()));
        let path = folder.path().join(format!("own.{}", format.ending()));
        let mut file = RejectFile::create(&path, format, &job_id(), &control).unwrap();
        file.write(&reject("1")).unwrap();
        file.commit(&control).unwrap();
        let line = serde_json::to_string(&reject("1")).unwrap() + "\n";
        assert_eq!(fs::read_to_string(&copy).unwrap(), line, "{format:?}");
        assert_eq!(read(&path).unwrap()[0].reject, reject("1"));
        fs::remove_file(&copy).unwrap();
    }
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "no copy is left without rejects, and nothing temporary: {names:?}");
}
