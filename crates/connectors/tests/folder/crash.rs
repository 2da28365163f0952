//! Jobs whose process is killed: at every step the folder has the old rows or the new ones, or the next who looks at it
//! completes what was committed; and a re-run loads them once.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etlplus_connectors::target;
use etlplus_core::pipeline::JobSpec;

use crate::support::{assert_clean, id, ids_in, job, load, names};

const FOLDER: &str = "ETLPLUS_FOLDER_TEST_FOLDER";
const MODE: &str = "ETLPLUS_FOLDER_TEST_MODE";
/// Rows of the first job, which is left to end, and of the second, which is killed.
const OLD: std::ops::Range<i64> = 0..20;
const NEW: std::ops::Range<i64> = 400..440;
const SIGKILL: i32 = 9;
/// Kills at moments from a job's start to its end.
const KILLS: u32 = 6;

/// A job with a file for each of many days, so that putting them in place takes a while.
fn daily(folder: &Path, number: u64, mode: &str) -> JobSpec {
    job(folder, number, &format!("{{ parquet: {{ folder: out, partition_by: [day] }}, mode: {mode} }}"))
}

/// What the killed process does.
#[test]
#[ignore = "is run by other tests, in a process of its own"]
fn second_job() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mode = std::env::var(MODE).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    runtime.block_on(load(&daily(Path::new(&folder), 2, &mode), NEW)).unwrap();
}

fn spawn(folder: &Path, mode: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["crash::second_job", "--exact", "--ignored", "--test-threads=1"]);
    command.env(FOLDER, folder).env(MODE, mode).stdout(Stdio::null()).spawn().unwrap()
}

/// A step of a load, as it shows on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Files are being written.
    Writing,
    /// The load is noted in the log; whether its files are in place is another matter.
    Noted,
    /// The first of its files is in place.
    Placed,
}

/// What tells the steps of the second job.
struct Watch<'a> {
    folder: &'a Path,
    mode: &'a str,
    inode: u64,
}

impl<'a> Watch<'a> {
    fn new(folder: &'a Path, mode: &'a str) -> Self {
        Self { folder, mode, inode: fs::metadata(folder.join("out")).unwrap().ino() }
    }

    fn has_come(&self, step: Step) -> bool {
        let out = self.folder.join("out");
        let beside = self.folder.join(format!(".out.{}.etlplus-tmp", id(2)));
        let stage = if self.mode == "append" { out.join(".etlplus").join(id(2).to_string()) } else { beside.clone() };
        let log = if self.mode == "append" { &out } else { &beside }.join(".etlplus/loads.log");
        match step {
            // The folder, its notes and one file.
            Step::Writing => fs::read_dir(&stage).is_ok_and(|entries| entries.count() > 1),
            Step::Noted => fs::read_to_string(&log).is_ok_and(|log| log.contains(&id(2).to_string())),
            Step::Placed if self.mode == "append" => {
                let day = out.join("day=2024-01-01");
                fs::read_dir(&day).is_ok_and(|entries| entries.count() > 1)
            }
            Step::Placed => fs::metadata(&out).is_ok_and(|now| now.ino() != self.inode),
        }
    }
}

/// Kills the second job once `is_time`; false where it had ended before.
fn kill_when(mut child: Child, mut is_time: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_time() {
        assert!(Instant::now() < deadline, "the moment does not come");
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap().signal() == Some(SIGKILL)
}

/// Looks at what a killed job left, runs the job again, and says whether it had been committed.
fn check_after_kill(folder: &Path, mode: &str, what: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    let out = folder.join("out");
    let old: Vec<_> = OLD.collect();
    let new: Vec<_> = if mode == "append" { OLD.chain(NEW).collect() } else { NEW.collect() };
    let seen = ids_in(&out);
    if mode == "replace" {
        assert!(seen == old || seen == new, "{what}: a reader sees {} rows", seen.len());
    } else {
        assert!(seen.len() >= old.len() && seen.len() <= new.len(), "{what}: a reader sees {} rows", seen.len());
    }
    // Whichever job looks first.
    runtime.block_on(async { target::of(&daily(folder, 3, mode)).state().await }).unwrap();
    let seen = ids_in(&out);
    let second = daily(folder, 2, mode);
    let loaded = runtime.block_on(async { target::of(&second).state().await }).unwrap().loaded;
    let is_committed = loaded.is_some();
    assert!(seen == if is_committed { new.clone() } else { old }, "{what}: {} rows, {loaded:?}", seen.len());
    assert_clean(&out);
    let again = runtime.block_on(load(&second, NEW)).unwrap();
    assert_eq!(again.is_none(), is_committed, "{what}");
    assert!(ids_in(&out) == new, "{what}: {} rows after the re-run", ids_in(&out).len());
    assert_clean(&out);
    is_committed
}

fn with_old_rows(mode: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    runtime.block_on(load(&daily(folder.path(), 1, mode), OLD)).unwrap();
    folder
}

/// Kills a job at `step`, as often as it takes to hit it: the parent looks, and the child goes on meanwhile.
fn kill_at(mode: &str, step: Step, is_hit: impl Fn(&Watch<'_>) -> bool) -> bool {
    for _ in 0..20 {
        let folder = with_old_rows(mode);
        let watch = Watch::new(folder.path(), mode);
        let fired = kill_when(spawn(folder.path(), mode), || watch.has_come(step));
        let hit = is_hit(&watch);
        let is_committed = check_after_kill(folder.path(), mode, &format!("{mode} {step:?}"));
        if fired && hit {
            return is_committed;
        }
    }
    panic!("{mode}: no kill came at {step:?}");
}

#[test]
fn an_append_that_is_killed_while_it_writes_did_not_happen() {
    assert!(!kill_at("append", Step::Writing, |watch| !watch.has_come(Step::Noted)));
}

#[test]
fn an_append_that_is_killed_once_it_is_noted_happened() {
    assert!(kill_at("append", Step::Noted, |watch| watch.has_come(Step::Noted)));
}

#[test]
fn an_append_that_is_killed_while_its_files_are_put_in_place_happened() {
    let is_between = |watch: &Watch<'_>| watch.has_come(Step::Placed) && watch.has_come(Step::Writing);
    assert!(kill_at("append", Step::Placed, is_between));
}

#[test]
fn a_replace_that_is_killed_while_it_writes_did_not_happen() {
    assert!(!kill_at("replace", Step::Writing, |watch| !watch.has_come(Step::Noted)));
}

#[test]
fn a_replace_that_is_killed_before_the_exchange_did_not_happen() {
    assert!(!kill_at("replace", Step::Noted, |watch| !watch.has_come(Step::Placed)));
}

#[test]
fn a_replace_that_is_killed_while_the_old_folder_is_removed_happened() {
    let is_between = |watch: &Watch<'_>| {
        let beside = names(watch.folder).iter().any(|name| name.ends_with(".etlplus-tmp"));
        watch.has_come(Step::Placed) && beside
    };
    assert!(kill_at("replace", Step::Placed, is_between));
}

/// At moments that fall anywhere in the life of a job.
#[test]
fn jobs_that_are_killed_at_any_time_leave_the_old_rows_or_the_new() {
    for mode in ["append", "replace"] {
        let mut life = Duration::from_millis(400);
        let (mut kills, mut not_committed, mut tries) = (0, 0, 0);
        while kills < KILLS {
            let folder = with_old_rows(mode);
            let begin = Instant::now();
            let child = spawn(folder.path(), mode);
            let moment = life * kills / KILLS;
            let fired = kill_when(child, || begin.elapsed() >= moment);
            let is_committed = check_after_kill(folder.path(), mode, &format!("{mode} after {moment:?}"));
            if fired {
                kills += 1;
                not_committed += u32::from(!is_committed);
            } else {
                // It lives for as long as the machine lets it.
                life = begin.elapsed().min(life) * 3 / 4;
            }
            tries += 1;
            assert!(tries < 8 * KILLS, "{mode}: only {kills} of {tries} kills fired");
        }
        assert!(not_committed > 0, "{mode}: no kill came before the commit");
    }
}
