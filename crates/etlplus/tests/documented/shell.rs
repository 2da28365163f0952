//! Runs the commands of a document in one shell.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::document::{Block, Document};
use crate::same;
use crate::server::Server;
use crate::support::Folder;

/// Far beyond what the commands of a document take.
const DEADLINE: Duration = Duration::from_secs(300);

/// Lines of an output that are shown with a problem: a loop may have said the same until the deadline.
const SAID_LINES: usize = 60;

/// The server's address, as the documents have it.
const ADDRESS: &str = "127.0.0.1:8080";
/// The folder in which the documents' commands are run.
pub(crate) const FOLDER: &str = "/tmp/shop";

/// Commands that go on until they are ended, and what they have said by then.
const GO_ON: [(&str, &str); 4] = [
    ("etlplus serve", "^http://"),
    ("etlplus demo", "Ctrl-C ends"),
    ("etlplus watch", "."),
    ("curl -sN \"", "PENDING"),
];
/// How a command ends that SIGTERM ended.
const TERMINATED: i32 = 128 + 15;

/// A command, and how it has to end.
struct Step {
    line: usize,
    text: String,
    /// What the document shows of its output; `None` where it shows nothing.
    output: Option<Vec<String>>,
    exits: i32,
    figures_vary: bool,
    /// What it has said when it is to be ended, for one that goes on.
    until: Option<&'static str>,
}

/// What is wrong with the commands of `document`, each with its place. `shared` has the files that all documents use.
pub(crate) fn problems(document: &Document, shared: &Document) -> Vec<String> {
    let data = Folder::new();
    let server = Server::start(&data, &[]);
    let folder = Folder::new();
    for block in shared.blocks.iter().chain(&document.blocks) {
        if let Some(name) = &block.file {
            write(&folder.path(name), &block.text());
        }
    }
    let steps: Vec<_> = document.blocks.iter().flat_map(steps).collect();
    let results = Folder::new();
    run(&script(&steps, &folder, &server, &results), &folder, &server);
    let problems = steps.iter().enumerate().filter_map(|(number, step)| {
        let problem = judge(step, &folder, &results, number)?;
        Some(format!("{}:{}: `{}`\n{problem}", document.name, step.line, step.text))
    });
    problems.collect()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("the file has a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}

fn steps(block: &Block) -> Vec<Step> {
    let plain = |line, text| Step { line, text, output: None, exits: 0, figures_vary: false, until: None };
    let mut steps: Vec<_> = block.first.iter().map(|(line, text)| plain(*line, text.clone())).collect();
    if block.language != "console" || block.not_run.is_some() {
        return steps;
    }
    for command in block.commands() {
        let shown = Some(command.output.clone()).filter(|output| !output.is_empty());
        // The reader makes the file that `cat` shows.
        if let (Some(name), Some(content)) = (command.text.strip_prefix("cat "), &shown) {
            let made = format!("cat >{name} <<'END OF FILE'\n{}\nEND OF FILE", content.join("\n"));
            steps.push(plain(command.line, made));
        }
        let until = GO_ON.iter().find(|(begin, _)| goes_on(&command.text, begin)).map(|(_, said)| *said);
        let figures_vary = block.figures_vary;
        steps.push(Step { output: shown, figures_vary, until, ..plain(command.line, command.text) });
    }
    if let Some(last) = steps.last_mut() {
        last.exits = block.exits;
    }
    steps
}

/// Whether `command` is the one that `begin` begins, with options alone: `watch ID` and `demo --once` end by themselves.
fn goes_on(command: &str, begin: &str) -> bool {
    let command = command.split(" #").next().unwrap_or_default();
    let Some(rest) = command.strip_prefix(begin) else { return false };
    !rest.contains(" $") && !["--once", "--data-only", "|"].iter().any(|ends| rest.contains(ends))
}

/// One script of all steps. What step N prints is in the file N of `results`, its exit code in N.code.
fn script(steps: &[Step], folder: &Folder, server: &Server, results: &Folder) -> String {
    let address = server.address.trim_start_matches("http://");
    let at = results.path("");
    let (at, folder) = (at.display(), folder.path("").display().to_string());
    let mut script = format!("server={}\n", server.address);
    for (number, step) in steps.iter().enumerate() {
        let text = step.text.replace(ADDRESS, address).replace(FOLDER, folder.trim_end_matches('/'));
        let text = match step.until {
            None => text,
            // It is run where a reader opens another terminal, on a port that is free.
            Some(said) => format!(
                "( export ETLPLUS_SERVER__LISTEN=127.0.0.1:0\nexec {text}\n) &\n\
                 until grep -q '{said}' {at}/{number} || ! kill -0 $!; do sleep 0.05; done\n\
                 kill -TERM $!; wait $!"
            ),
        };
        script += &format!("{{\n{text}\n}} >{at}/{number} 2>&1 </dev/null\necho $? >{at}/{number}.code\n");
    }
    script
}

/// Runs the script to its end, or to the deadline.
fn run(script: &str, folder: &Folder, server: &Server) {
    let program = Path::new(env!("CARGO_BIN_EXE_etlplus")).parent().expect("the program is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", script]).current_dir(folder.path("")).stdin(Stdio::null());
    bash.env("PATH", format!("{}:{path}", program.display())).env("ETLPLUS_SERVER", &server.address);
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "ETLPLUS_TOKEN", "ETLPLUS_CONFIG", "ETLPLUS_LOG"] {
        bash.env_remove(variable);
    }
    // A group of its own, so that a command that hangs is ended with the shell.
    let mut bash = bash.process_group(0).spawn().expect("bash is there");
    let begin = Instant::now();
    while bash.try_wait().expect("it can be waited for").is_none() && begin.elapsed() < DEADLINE {
        std::thread::sleep(Duration::from_millis(20));
    }
    let group = rustix::process::Pid::from_child(&bash);
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let _ = bash.wait();
}

/// What is wrong with a step.
fn judge(step: &Step, folder: &Folder, results: &Folder, number: usize) -> Option<String> {
    let output = fs::read(results.path(&number.to_string())).unwrap_or_default();
    let output = String::from_utf8_lossy(&output);
    let beginning = output.lines().take(SAID_LINES).collect::<Vec<_>>().join("\n");
    let Ok(code) = fs::read_to_string(results.path(&format!("{number}.code"))) else {
        return Some(format!("did not end, or was not reached; it printed:\n{beginning}"));
    };
    let code: i32 = code.trim().parse().expect("bash writes a number");
    let is_right = code == step.exits || (step.until.is_some() && code == TERMINATED);
    if !is_right {
        return Some(format!("ended with {code}, not with {}; it printed:\n{beginning}", step.exits));
    }
    let shown = step.output.as_ref()?;
    let printed: Vec<_> = output.lines().map(str::to_owned).collect();
    let root = folder.path("").display().to_string();
    let rules = same::Rules { folder: root.trim_end_matches('/'), figures_vary: step.figures_vary };
    rules.difference(shown, &printed, step.until.is_some())
}
