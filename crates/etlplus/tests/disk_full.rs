//! A disk that fills up while the target is written. Needs the right to mount a small file system; without it the test
//! says so and leaves the rest to tests/files.rs of the engine.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::Folder;

/// A file system of one megabyte in memory, gone with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a folder to mount at");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_fails_the_job_and_keeps_the_old_target() {
    let rows: String = (1..=200_000).map(|id| format!("{id},10.00,2026-01-01\n")).collect();
    let folder = Folder::with_orders(format!("order_id,amount,placed_on\n{rows}"));
    let Some(disk) = SmallDisk::mount(&folder.path("out")) else {
        #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
        {
            eprintln!("left out: no right to mount a file system");
        }
        return;
    };
    std::fs::write(folder.path("out/orders.csv"), "old").expect("the old target");
    folder.run_orders().exits(3).tells(&["disk_full", "No space left on device", "free some space"]);
    assert_eq!(folder.read("out/orders.csv"), "old");
    let left: Vec<_> = std::fs::read_dir(&disk.0).expect("the disk").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".etlplus-tmp")), "{left:?}");

    // The control: the same job on a disk that is large enough.
    drop(disk);
    folder.run_orders().exits(0);
    assert_eq!(folder.read("out/orders.csv").lines().count(), 200_001);
}
