//! Runs the real binary in a folder of its own.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A small pipeline over `orders.csv`, with a rule for each kind of mistake that the tests make.
pub(crate) const ORDERS: &str = "\
name: orders
source:
  csv: { path: orders.csv }
schema:
  order_id: int64 required unique
  amount: decimal(12,2) required > 0
  placed_on: date
target:
  csv: { path: out/orders.csv }
";

/// Three rows that pass.
pub(crate) const GOOD_ROWS: &str = "order_id,amount,placed_on\n1,10.00,2026-01-01\n2,20.50,\n3,0.01,2026-02-28\n";

/// A folder with files, in which commands run.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// One with the pipeline [`ORDERS`] in `orders.yaml`, and `rows` in `orders.csv`.
    pub(crate) fn with_orders(rows: impl AsRef<[u8]>) -> Self {
        Self::new().file("orders.yaml", ORDERS).file("orders.csv", rows)
    }

    /// The same folder with one more file.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("the file has a folder")).expect("the folder can be made");
        fs::write(path, content).expect("the file can be written");
        self
    }

    /// Where `name` is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The text of the file `name`.
    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} is not readable: {error}", path.display()))
    }

    /// The names of all files below, sorted, without those that a case began with.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(self.0.path(), self.0.path(), &mut names);
        names.sort();
        names
    }

    /// The program in this folder, with no terminal and no colours asked for.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_etlplus"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().expect("the program starts"))
    }

    /// Runs `orders.yaml`.
    pub(crate) fn run_orders(&self) -> Ran {
        self.run(&["run", "orders.yaml"])
    }

    /// Runs `orders.yaml`, which must not fail to answer, and gives the answer.
    pub(crate) fn run_orders_json(&self) -> serde_json::Value {
        self.run(&["run", "orders.yaml", "--quiet", "--output", "json"]).json()
    }
}

fn collect(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            collect(root, &path, names);
        } else {
            names.push(path.strip_prefix(root).expect("the file is inside").to_string_lossy().into_owned());
        }
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        let ran = Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
        ran
    }
}

impl Ran {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Asserts that stderr holds each of `parts`.
    #[track_caller]
    pub(crate) fn tells(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing in {self:#?}");
        }
        self
    }

    /// Asserts that stdout holds each of `parts`.
    #[track_caller]
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "{part:?} is missing in {self:#?}");
        }
        self
    }

    /// Asserts that stdout does not hold `part`.
    #[track_caller]
    pub(crate) fn prints_nothing_of(self, part: &str) -> Self {
        assert!(!self.stdout.contains(part), "{part:?} is in {self:#?}");
        self
    }

    /// Asserts that stdout is empty.
    #[track_caller]
    pub(crate) fn prints_nothing(self) -> Self {
        assert_eq!(self.stdout, "", "{self:#?}");
        self
    }

    /// The answer on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
