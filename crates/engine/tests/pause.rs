//! A job that is paused moves no row, keeps what it has, and loses nothing.

mod support;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use etlplus_core::ports::{Control, Executor, Outcome};
use etlplus_engine::Engine;
use support::Folder;

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long rows that were on their way may still take to come to rest.
const REST: Duration = Duration::from_millis(300);
/// How often a test looks at the counters.
const LOOK: Duration = Duration::from_millis(1);
const ROWS: u64 = 100_000;

/// The sort needs the whole input, and writing its wide rows takes its time, so that there is a while after the last row of
/// the one and before the last of the other.
const PIPELINE: &str = "\
name: paused
source: { csv: { path: in.csv } }
schema: { id: int64 unique, group: int64, amount: int64 >= 0 }
transforms:
  - name: sorted
    sql: SELECT id, repeat(md5(CAST(id AS VARCHAR)), 20) AS digest FROM input ORDER BY 2
target: { csv: { path: out.csv } }
";

/// Lets a job go with its test: one that waits for ever would keep the failure from being told.
struct Released<'a>(&'a Control);

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn folder() -> Folder {
    let folder = Folder::new();
    let rows = (0..ROWS).map(|id| format!("{id},{},{}\n", id % 1_000, if id % 100 == 0 { -1 } else { 5 }));
    folder.write("in.csv", format!("id,group,amount\n{}", rows.collect::<String>()));
    folder
}

fn read(control: &Control) -> [u64; 4] {
    let progress = control.counters.read();
    [progress.bytes_read, progress.records_processed(), progress.rows_transformed, progress.rows_loaded]
}

/// Waits until the counters stand still, and gives them.
fn at_rest(control: &Control) -> [u64; 4] {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let before = read(control);
        thread::sleep(REST);
        if read(control) == before {
            return before;
        }
        assert!(Instant::now() < deadline, "the job never comes to rest");
    }
}

fn until(control: &Control, is_so: impl Fn([u64; 4]) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so(read(control)) {
        assert!(Instant::now() < deadline, "it never came to that: {:?}", read(control));
        thread::sleep(LOOK);
    }
}

#[test]
fn a_job_that_is_paused_again_and_again_gives_the_rows_of_one_that_is_not() {
    let (still, moved) = (folder(), folder());
    let expected = still.complete(PIPELINE);
    let job = moved.job(PIPELINE);
    let control = Arc::new(Control::default());
    let report = thread::scope(|scope| {
        let running = scope.spawn(|| Engine::new().run(&job, &control));
        let released = Released(&control);
        for share in 1..4 {
            until(&control, |[bytes, ..]| bytes >= expected.progress.bytes_read * share / 8);
            control.pause();
            let rest = at_rest(&control);
            assert!(!running.is_finished(), "it was paused before its end: {rest:?}");
            thread::sleep(REST);
            assert_eq!(read(&control), rest, "nothing moves");
            control.resume();
        }
        // The whole input is read, and the query works on: this pause holds the rows of the target.
        until(&control, |[.., loaded]| loaded > 0);
        control.pause();
        let [bytes, _, _, loaded] = at_rest(&control);
        assert!(bytes == expected.progress.bytes_read && loaded < expected.progress.rows_loaded, "{loaded} are loaded");
        assert!(!running.is_finished() && !moved.path("out.csv").exists(), "nothing is put in place during a pause");
        control.resume();
        let report = running.join().expect("the job ends");
        drop(released);
        report
    });
    assert!(matches!(report.outcome, Outcome::Completed(_)), "{:?}", report.outcome);
    assert_eq!(report.progress, expected.progress);
    assert!(moved.read("out.csv") == still.read("out.csv"), "the rows differ");
    assert_eq!(moved.rejects("out.csv.rejects.ndjson").len() as u64, ROWS / 100);
}

#[test]
fn a_job_that_is_paused_can_be_cancelled() {
    let folder = folder();
    let job = folder.job(PIPELINE);
    let control = Arc::new(Control::default());
    control.pause();
    let report = thread::scope(|scope| {
        let running = scope.spawn(|| Engine::new().run(&job, &control));
        let released = Released(&control);
        assert_eq!(at_rest(&control)[1], 0, "it begins no row");
        assert!(!running.is_finished());
        drop(released);
        running.join().expect("the job ends")
    });
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert_eq!(folder.names(), ["in.csv"], "it leaves nothing");
}
