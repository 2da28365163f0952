//! Long headers: the rejects of a file share one, and a reject file does not repeat it.

use std::fs;
use std::sync::Arc;

use etlplus_connectors::source;
use etlplus_connectors::{Intake, RejectFile};
use etlplus_core::Reject;
use etlplus_core::pipeline::RejectFormat;
use etlplus_core::ports::Control;

use super::replayed::{Unlimited, all, job, replay};
use super::{FORMATS, job_id, read, reject, write};

const SOURCE: &str = "source: { csv: { path: '[ab].csv', extra_fields: ignore } }\nschema: { id: int64 }";
/// The most rejects that come at a time, and those of the last few bytes.
const TOGETHER_MAX: usize = (1 << 16) + 64;

/// `id` and so many other names, about 2 KB.
fn long_header(first: &str) -> String {
    let names: Vec<_> = (0..300).map(|number| format!("name{number}")).collect();
    format!("{first},{}", names.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn short_rows_under_a_long_header_take_little_memory_and_a_small_file() {
    const ROWS: usize = 150_000;
    let folder = tempfile::tempdir().unwrap();
    let header = long_header("id");
    fs::write(folder.path().join("a.csv"), format!("{header}\n{}", "x\n".repeat(ROWS))).unwrap();
    let job = job(folder.path(), SOURCE);
    let open = source::open(&job.pipeline().source, &job, None).await.unwrap();
    let mut intake = Intake::start(open, &Unlimited);
    let (path, control) = (folder.path().join("r.ndjson"), Control::default());
    let mut file = RejectFile::create(&path, RejectFormat::Ndjson, &job_id(), &control).unwrap();
    let (mut count, mut shared): (usize, Option<Arc<str>>) = (0, None);
    while let Some(rows) = intake.next().await.unwrap() {
        assert!(rows.rejects.len() <= TOGETHER_MAX, "{} rejects at a time", rows.rejects.len());
        for reject in &rows.rejects {
            count += 1;
            let own = reject.header.as_ref().unwrap();
            assert!(Arc::ptr_eq(own, shared.get_or_insert_with(|| own.clone())), "each has a header of its own");
            assert_eq!(reject.row, count as u64);
            file.write(reject).unwrap();
        }
    }
    file.commit(&control).unwrap();
    assert_eq!((count, shared.as_deref()), (ROWS, Some(header.as_str())));
    let bytes = fs::metadata(&path).unwrap().len();
    assert!(bytes < ROWS as u64 * 300, "{bytes} bytes for {ROWS} rejects");
    assert!(read(&path).unwrap().iter().all(|read| read.reject.header.as_deref() == Some(header.as_str())));
}

/// A header that was left out is that of the row's own file, in every format and in whichever order the rows come.
#[tokio::test(flavor = "multi_thread")]
async fn rows_without_their_long_header_are_read_under_that_of_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (long_header("id"), format!("name,{}", long_header("id")));
    let rest = ",".repeat(300);
    fs::write(folder.path().join("a.csv"), format!("{first}\nx1{rest}\nx2{rest}\n")).unwrap();
    fs::write(folder.path().join("b.csv"), format!("{second}\n7,x3{rest}\n8,x4{rest}\n")).unwrap();
    let job = job(folder.path(), SOURCE);
    for format in FORMATS {
        let open = source::open(&job.pipeline().source, &job, None).await.unwrap();
        let (_, rejects) = all(Intake::start(open, &Unlimited)).await.unwrap();
        let mend = |reject: &Reject| Reject { raw: reject.raw.replace('x', ""), ..reject.clone() };
        let mended: Vec<_> = [0, 2, 1, 3, 3, 0].iter().map(|index| mend(&rejects[*index])).collect();
        let path = write(&folder, format, &mended);
        let (passed, again) = replay(&job, &path).await.unwrap();
        let expected = [1, 3, 2, 4, 4, 1].map(|id| format!("{{\"id\":{id}}}"));
        assert_eq!((passed.as_slice(), again.as_slice()), (expected.as_slice(), [].as_slice()), "{format:?}");
    }
}

#[test]
fn a_reject_without_a_header_takes_none_from_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let header: Arc<str> = long_header("id").into();
    let of = |file: &str, header: Option<&Arc<str>>| Reject {
        file: file.to_owned(),
        header: header.cloned(),
        ..reject("1")
    };
    let rejects = [of("a.csv", Some(&header)), of("a.csv", Some(&header)), of("b.csv", None)];
    for format in FORMATS {
        let read: Vec<_> = read(&write(&folder, format, &rejects)).unwrap();
        let headers: Vec<_> = read.iter().map(|read| read.reject.header.as_deref()).collect();
        assert_eq!(headers, [Some(&*header), Some(&*header), None], "{format:?}");
    }
}
