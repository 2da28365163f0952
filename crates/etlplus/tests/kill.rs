//! Killed at any moment, the target is the old or the new.

mod support;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::Folder;

const SIGKILL: i32 = 9;
const OLD: &str = "order_id,amount,placed_on\n0,0.01,2025-12-31\n";
const ROWS: usize = 400_000;

/// What the target may be, and what it must not.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Old,
    New,
    Torn,
}

fn judge(content: &str, new: &str) -> Target {
    match content {
        _ if content == OLD => Target::Old,
        _ if content == new => Target::New,
        _ => Target::Torn,
    }
}

fn folder() -> Folder {
    let rows: String = (1..=ROWS).map(|id| format!("{id},10.00,2026-01-01\n")).collect();
    Folder::with_orders(format!("order_id,amount,placed_on\n{rows}")).file("out/orders.csv", OLD)
}

fn start(folder: &Folder) -> Child {
    let mut command = folder.command(&["run", "orders.yaml", "--quiet"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// Kills `child` and says whether that is what ended it.
fn kill(mut child: Child) -> bool {
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for").signal() == Some(SIGKILL)
}

/// The sizes of the files that are being written; a file that is renamed meanwhile is none of them any more.
fn temporary_sizes(folder: &Path) -> Vec<u64> {
    let entries = fs::read_dir(folder).expect("the folder is readable").flatten();
    let temporary = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".etlplus-tmp"));
    temporary.filter_map(|entry| Some(entry.metadata().ok()?.len())).collect()
}

fn has_temporary_file(folder: &Path) -> bool {
    !temporary_sizes(folder).is_empty()
}

/// Gives `child` back once a file that it writes has `bytes`, or once it has ended.
fn once_written(folder: &Path, bytes: u64, mut child: Child) -> Child {
    let is_there = |sizes: Vec<u64>| bytes == 0 || sizes.into_iter().any(|size| size >= bytes);
    while !is_there(temporary_sizes(folder)) && child.try_wait().expect("a child can be asked").is_none() {
        std::thread::yield_now();
    }
    child
}

#[test]
fn the_target_is_the_old_or_the_new() {
    const KILLS: u32 = 25;
    let folder = folder();
    assert!(start(&folder).wait().expect("the program ends").success());
    let new = folder.read("out/orders.csv");
    assert_eq!(new.lines().count(), ROWS + 1);

    let (mut killed, mut old) = (0, 0);
    for round in 0..KILLS {
        fs::write(folder.path("out/orders.csv"), OLD).expect("the old target");
        let child = start(&folder);
        // The moments are spread over the writing, by how much of the target is there.
        let share = new.len() as u64 * u64::from(round) / u64::from(KILLS);
        killed += u32::from(kill(once_written(&folder.path("out"), share, child)));
        let target = judge(&folder.read("out/orders.csv"), &new);
        assert_ne!(target, Target::Torn, "in round {round}");
        old += u32::from(target == Target::Old);
    }
    assert!(killed >= KILLS / 2, "only {killed} of {KILLS} kills met a running job");
    assert!(old >= KILLS / 2, "only {old} of {KILLS} kills came before the target was in place");

    // What the killed ones left behind is gone after the next run.
    assert!(start(&folder).wait().expect("the program ends").success());
    assert_eq!(folder.read("out/orders.csv"), new);
    assert!(!has_temporary_file(&folder.path("out")));
}

#[test]
fn a_kill_while_the_target_is_written_leaves_the_old_one() {
    let folder = folder();
    let child = start(&folder);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !has_temporary_file(&folder.path("out")) {
        assert!(Instant::now() < deadline, "the program never began to write");
        std::thread::yield_now();
    }
    assert!(kill(child), "the job was over before it could be killed");
    assert!(has_temporary_file(&folder.path("out")), "the kill came while the target was written");
    assert_eq!(folder.read("out/orders.csv"), OLD);
}

/// The control: a writer that puts its rows straight into the target is caught by the same judgement.
#[test]
fn a_writer_without_a_rename_is_caught() {
    let folder = folder();
    let target = folder.path("out/orders.csv");
    let script = "printf 'order_id,amount,placed_on\\n1,10.00,' > \"$0\"; echo written; exec sleep 60";
    let mut child =
        Command::new("sh").args(["-c", script]).arg(&target).stdout(Stdio::piped()).spawn().expect("a shell starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it was asked for");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    assert!(kill(child));
    assert_eq!(judge(&folder.read("out/orders.csv"), "the new rows"), Target::Torn);
}
