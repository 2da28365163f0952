//! The NDJSON reader: whatever stands in a file, each of its lines is a row or a reject.
#![no_main]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use etlplus_connectors::{Intake, Memory, Reservation, source};
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{self, JobSpec};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

const PIPELINE: &str = "
name: fuzz
source:
  ndjson: { path: rows.ndjson, compression: none }
schema:
  number: int64
  price: decimal(12,2)
  share: float64
  day: date
  time: timestamptz
  flag: boolean
  text: string
  rest: json
target:
  ndjson: { path: out.ndjson }
rejects:
  max_percent: 100
";

/// Grants whatever is asked for.
#[derive(Debug)]
struct Unlimited;

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

/// A folder for each process, since several may fuzz at a time.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("etlplus-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
    folder
});

static JOB: LazyLock<JobSpec> = LazyLock::new(|| {
    let pipeline = Arc::new(pipeline::parse(PIPELINE).expect("the pipeline has no mistake"));
    let id = JobId::from_uuid(uuid::Uuid::nil());
    JobSpec::new(id, pipeline, Path::new(&*FOLDER), &BTreeMap::new(), chrono::Utc::now()).expect("nothing is missing")
});

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().max_blocking_threads(2).build().expect("a runtime can be made")
});

fuzz_target!(|text: &[u8]| {
    // Marks of other encodings make another text of it.
    if text.starts_with(b"\xFF\xFE") || text.starts_with(b"\xFE\xFF") || text.starts_with(b"\0\0\xFE\xFF") {
        return;
    }
    std::fs::write(FOLDER.join("rows.ndjson"), text).expect("a temporary file can be written");
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let is_row = |(_, line): &(usize, &[u8])| !matches!(line, [] | [b'\r']);
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').enumerate().filter(is_row).collect();
    let (rows, rejects) = RUNTIME.block_on(async {
        let opened = source::open(&JOB.pipeline().source, &JOB, None).await.expect("the file is there");
        let mut intake = Intake::start(opened, &Unlimited);
        let (mut rows, mut rejects) = (0, Vec::new());
        while let Some(block) = intake.next().await.expect("a line is never an error of the whole file") {
            rows += block.batch.num_rows();
            rejects.extend(block.rejects);
        }
        (rows, rejects)
    });
    assert_eq!(rows + rejects.len(), lines.len(), "each line has its fate");
    for reject in rejects {
        let (index, line) = lines[reject.row as usize - 1];
        assert_eq!(reject.line, Some(index as u64 + 1));
        assert!(!reject.errors.is_empty());
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert_eq!(reject.raw, String::from_utf8_lossy(line));
    }
});
