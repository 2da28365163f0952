//! Processes of their own, which the tests can kill and confine: this very program, asked to run one of its tests that does
//! nothing otherwise.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const FOLDER: &str = "ETLPLUS_CONNECTORS_TEST_FOLDER";

/// The folder, in a process that was started for one test; `None` otherwise.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// `command`, which is this program or leads to it, with what makes it run `test` in `folder`.
pub(crate) fn on(mut command: Command, test: &str, folder: &Path) -> Command {
    command.args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).stdout(Stdio::piped());
    command
}

pub(crate) fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("this program has a path"))
}

/// Says something to the parent.
pub(crate) fn tell(word: &str, text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n@{word} {text}").and_then(|()| out.flush()).expect("the parent listens");
}

/// A child and what it tells.
pub(crate) struct Told {
    pub(crate) child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Told {
    pub(crate) fn by(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let out = child.stdout.take().expect("its output is piped");
        Self { child, lines: BufReader::new(out).lines() }
    }
}

impl Iterator for Told {
    type Item = (String, String);

    /// The next word and its text; `None` at the end of the output, which is the end of the process.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some((word, text)) = line.strip_prefix('@').and_then(|line| line.split_once(' ')) {
                return Some((word.to_owned(), text.to_owned()));
            }
        }
    }
}
