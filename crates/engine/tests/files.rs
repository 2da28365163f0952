//! Files that are missing, broken or in the way; targets that appear whole or not at all.

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::sync::Arc;
use std::thread;

use etlplus_core::FailureKind;
use etlplus_core::ports::{Control, Executor, Outcome};
use etlplus_engine::Engine;
use support::{Folder, failure};

fn pipeline(source: &str) -> String {
    format!("name: t\nsource:\n  {source}\nschema: {{ n: int64 }}\ntarget:\n  csv: {{ path: out.csv }}\n")
}

#[test]
fn sources_that_cannot_be_read_say_why() {
    let folder = Folder::new();
    fs::create_dir(folder.path("folder")).expect("a folder");
    folder.write("empty.csv", "").write("twice.csv", "n,a,n\n1,2,3\n").write("other.csv", "m\n1\n");
    folder.write("extra.csv", "n,x\n1,2\n").write("broken.parquet", "PAR1 no");
    for (source, code) in [
        ("csv: { path: missing.csv }", "file_not_found"),
        ("csv: { path: 'no-*.csv' }", "file_not_found"),
        ("csv: { path: folder }", "is_a_directory"),
        ("csv: { path: empty.csv }", "empty_file"),
        ("csv: { path: twice.csv, extra_fields: ignore }", "repeated_column"),
        ("csv: { path: other.csv }", "missing_column"),
        ("csv: { path: extra.csv }", "undeclared_column"),
        ("parquet: { path: broken.parquet }", "parquet_unreadable"),
    ] {
        let found = folder.check(&pipeline(source));
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        assert_eq!(found[0].position.line, 3, "{source}");
        let failed = folder.fail(&pipeline(source));
        assert_eq!((failed.code.as_str(), &failed.message), (code, &found[0].message), "{source}");
        assert!(!failed.remedy.is_empty());
    }
    assert!(
        !folder.names().iter().any(|name| name.starts_with("out") || name.starts_with('.')),
        "{:?}",
        folder.names()
    );
}

#[test]
fn a_parquet_file_cut_short_anywhere_is_an_error_and_no_panic() {
    let folder = Folder::new();
    let rows: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    folder.write("in.csv", format!("n\n{rows}"));
    folder.complete("name: t\nsource:\n  csv: { path: in.csv }\nschema: { n: int64 }\ntarget:\n  parquet: { path: whole.parquet }\n");
    let whole = fs::read(folder.path("whole.parquet")).expect("the file");
    for cut in [0, 1, 4, 100, whole.len() / 2, whole.len() - 1] {
        folder.write("cut.parquet", &whole[..cut]);
        let failed = folder.fail(&pipeline("parquet: { path: cut.parquet }"));
        assert_eq!((failed.kind, failed.code.as_str()), (FailureKind::BadData, "parquet_unreadable"), "{cut} bytes");
    }
    // Damage in the pages, which only reading finds: the footer is whole.
    let mut damaged = whole.clone();
    damaged[8..60].fill(0xA5);
    folder.write("damaged.parquet", &damaged);
    let failed = folder.fail(&pipeline("parquet: { path: damaged.parquet }"));
    assert_eq!(failed.kind, FailureKind::BadData, "{failed:?}");
    assert!(!folder.names().contains(&"out.csv".to_owned()));
}

#[test]
fn a_glob_finds_no_hidden_files() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).expect("a folder");
    folder.write("in/b.csv", "n\n2\n").write("in/a.csv", "n\n1\n").write("in/.other.csv.job.etlplus-tmp", "n\n3\n");
    folder.complete(&pipeline("csv: { path: 'in/*' }"));
    assert_eq!(folder.read("out.csv"), "n\n1\n2\n", "in the order of their names");
}

#[test]
fn a_link_that_leads_nowhere_is_not_passed_over() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).expect("a folder");
    folder.write("in/1.csv", "n\n1\n");
    symlink("/nowhere/2.csv", folder.path("in/2.csv")).expect("a link");
    let failed = folder.fail(&pipeline("csv: { path: 'in/*.csv' }"));
    assert!(failed.code == "file_not_found" && failed.message.contains("2.csv"), "{failed:?}");
}

#[test]
fn no_damage_to_a_parquet_file_loads_fewer_rows_in_silence() {
    let folder = Folder::new();
    let rows: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    folder.write("in.csv", format!("n\n{rows}"));
    folder.complete("name: t\nsource:\n  csv: { path: in.csv }\nschema: { n: int64 }\ntarget:\n  parquet: { path: whole.parquet }\n");
    let whole = fs::read(folder.path("whole.parquet")).expect("the file");
    let footer =
        whole.len() - 8 - u32::from_le_bytes(whole[whole.len() - 8..][..4].try_into().expect("four bytes")) as usize;
    let mut failures = 0;
    // Each byte of the footer in turn, in one of its bits.
    for place in footer..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        folder.write("damaged.parquet", &damaged);
        let report = folder.run(&pipeline("parquet: { path: damaged.parquet }"));
        match report.outcome {
            Outcome::Completed(target) => assert_eq!(target.rows, 20_000, "byte {place}"),
            Outcome::Failed(failure) => {
                assert_ne!(failure.kind, FailureKind::Bug, "byte {place}: {failure:?}");
                failures += 1;
            }
            Outcome::Cancelled => unreachable!("nobody cancels"),
        }
    }
    assert!(failures > 50, "only {failures} of the damages were noticed");
}

#[test]
fn ten_thousand_columns() {
    let folder = Folder::new();
    let list =
        |text: &dyn Fn(usize) -> String, separator: &str| (0..10_000).map(text).collect::<Vec<_>>().join(separator);
    let row = list(&|column| column.to_string(), ",");
    folder.write("in.csv", format!("{}\n{row}\n{row},1\n", list(&|column| format!("c{column}"), ",")));
    let schema = list(&|column| format!("  c{column}: int32\n"), "");
    let report = folder.complete(&format!(
        "name: t\nsource:\n  csv: {{ path: in.csv }}\nschema:\n{schema}target:\n  csv: {{ path: out.csv }}\n"
    ));
    assert_eq!((report.progress.records_successful, report.progress.records_failed), (1, 1));
    assert!(folder.read("out.csv").ends_with(&format!("{row}\n")));
}

#[test]
fn a_source_that_changes_while_it_is_read_fails_the_job() {
    let folder = Folder::new();
    let rows = "1\n".repeat(3_000_000);
    folder.write("in.csv", format!("n\n{rows}")).write("out.csv", "old");
    let job = folder.job(&pipeline("csv: { path: in.csv }"));
    let control = Arc::new(Control::default());
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| Engine::new().run(&job, &control));
        // The fault: once rows were read, and before the last one is, the file grows.
        while control.counters.read().bytes_read == 0 && !run.is_finished() {
            thread::yield_now();
        }
        let read = control.counters.read();
        let mut file = fs::OpenOptions::new().append(true).open(folder.path("in.csv")).expect("the file");
        file.write_all(b"2\n").expect("a row");
        assert!(read.bytes_read < read.bytes_total, "the fault came too late to be one");
        run.join().expect("no panic")
    });
    let failed = failure(report);
    assert_eq!((failed.kind, failed.code.as_str()), (FailureKind::Transient, "source_changed"), "{failed:?}");
    assert_eq!(folder.read("out.csv"), "old");
    // The control: left alone, the same file is loaded.
    folder.complete(&pipeline("csv: { path: in.csv }"));
}

#[test]
fn a_cancelled_job_leaves_nothing_behind() {
    let folder = Folder::new();
    folder.write("in.csv", format!("n\n{}", "1\n".repeat(3_000_000))).write("out.csv", "old");
    let job = folder.job(&pipeline("csv: { path: in.csv }"));
    let control = Arc::new(Control::default());
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| Engine::new().run(&job, &control));
        while control.counters.read().bytes_read == 0 && !run.is_finished() {
            thread::yield_now();
        }
        control.cancel();
        run.join().expect("no panic")
    });
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(report.progress.bytes_read < report.progress.bytes_total, "it ended before it was cancelled");
    assert_eq!(folder.names(), ["in.csv", "out.csv"]);
    assert_eq!(folder.read("out.csv"), "old");
}

#[test]
fn targets_are_replaced_as_a_whole() {
    let folder = Folder::new();
    folder.write("in.csv", "n\n1\n").write("real.csv", "old");
    symlink(folder.path("real.csv"), folder.path("out.csv")).expect("a link");
    // What killed jobs left, and what no job of this target made.
    folder.write(".real.csv.killed.etlplus-tmp", "half").write(".other.csv.killed.etlplus-tmp", "half");
    folder.write(".real.csv.notes", "mine");
    folder.complete(&pipeline("csv: { path: in.csv }"));
    assert_eq!(folder.read("real.csv"), "n\n1\n");
    assert!(folder.path("out.csv").is_symlink(), "the file behind the link is replaced, not the link");
    assert_eq!(
        folder.names(),
        [".other.csv.killed.etlplus-tmp", ".real.csv.notes", "in.csv", "out.csv", "out.csv.rejects.ndjson", "real.csv"]
    );
}

#[test]
fn what_another_job_is_writing_is_left_alone() {
    let folder = Folder::new();
    folder.write("in.csv", "n\n1\n").write(".out.csv.running.etlplus-tmp", "half");
    let running = fs::File::open(folder.path(".out.csv.running.etlplus-tmp")).expect("the file");
    running.lock().expect("a lock");
    folder.complete(&pipeline("csv: { path: in.csv }"));
    assert!(folder.names().contains(&".out.csv.running.etlplus-tmp".to_owned()));
    drop(running);
    folder.complete(&pipeline("csv: { path: in.csv }"));
    assert!(!folder.names().contains(&".out.csv.running.etlplus-tmp".to_owned()));
}

#[test]
fn targets_in_the_way_are_named() {
    let folder = Folder::new();
    folder.write("in.csv", "n\n1\n").write("file", "");
    fs::create_dir(folder.path("folder")).expect("a folder");
    let with_target = |path: &str, rejects: &str| {
        format!(
            "name: t\nsource:\n  csv: {{ path: in.csv }}\nschema: {{ n: int64 }}\ntarget:\n  csv: {{ path: {path} }}\n{rejects}"
        )
    };
    for (text, part) in [
        (with_target("in.csv", ""), "is also read"),
        (with_target("folder", ""), "is a folder"),
        (with_target("out.csv", "rejects: { path: ./out.csv }\n"), "the same file"),
        (with_target("out.csv", "rejects: { path: in.csv }\n"), "is also read"),
    ] {
        let found = folder.check(&text);
        assert!(found.len() == 1 && found[0].message.contains(part), "{text}: {found:?}");
    }
    assert_eq!(folder.fail(&with_target("file/out.csv", "")).code, "not_a_directory");
    folder.complete(&with_target("new/folders/out.csv", ""));
}

#[test]
fn a_target_keeps_its_permissions() {
    let folder = Folder::new();
    folder.write("in.csv", "n\n1\n").write("out.csv", "old");
    fs::set_permissions(folder.path("out.csv"), fs::Permissions::from_mode(0o600)).expect("permissions");
    folder.complete(&pipeline("csv: { path: in.csv }"));
    assert_eq!(folder.read("out.csv"), "n\n1\n");
    assert_eq!(fs::metadata(folder.path("out.csv")).expect("the target").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_pipe_in_the_place_of_the_target_is_left_alone() {
    let folder = Folder::new();
    folder.write("in.csv", "n\n1\n");
    let made = std::process::Command::new("mkfifo").arg(folder.path("out.csv")).status().expect("mkfifo");
    assert!(made.success());
    let found = folder.check(&pipeline("csv: { path: in.csv }"));
    assert!(found[0].message.contains("is a device, a pipe or a socket"), "{found:?}");
    assert_eq!(folder.fail(&pipeline("csv: { path: in.csv }")).code, "not_a_file");
    assert!(fs::metadata(folder.path("out.csv")).expect("the pipe").file_type().is_fifo());
}

#[test]
fn permissions_are_respected() {
    let folder = Folder::new();
    folder.write("in.csv", "n\n1\n");
    fs::set_permissions(folder.path("in.csv"), fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::File::open(folder.path("in.csv")).is_ok() {
        // The superuser may read everything; tests/cli_bad_input.rs of the binary drops its rights to see this.
        return;
    }
    assert_eq!(folder.fail(&pipeline("csv: { path: in.csv }")).code, "permission_denied");
}
