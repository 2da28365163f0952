//! A running server.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use etlplus_api::{JobMonitoringData, JobStatus, LogLevel, SubmitJob};
use etlplus_client::Client;

use crate::support::{Folder, Ran};

/// Far beyond what anything here takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A server over a folder, killed when dropped.
pub(crate) struct Server {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Server {
    /// Starts one whose data is in `data` below `folder`, on a free port, unless `arguments` say otherwise, and waits until it says where it listens.
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        Self::try_start(folder, arguments).unwrap_or_else(|ran| panic!("the server did not start: {ran:#?}"))
    }

    /// As [`Server::start`], with variables in its environment.
    pub(crate) fn start_with(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command(folder, arguments);
        let child = command.envs(variables.iter().copied()).stderr(Stdio::piped()).spawn().expect("it starts");
        Self::of(child).unwrap_or_else(|ran| panic!("the server did not start: {ran:#?}"))
    }

    /// As [`Server::start`], of one that asks everybody who they are; with its first token. Its log is in `server.log`.
    pub(crate) fn start_asking(folder: &Folder, arguments: &[&str]) -> (Self, String) {
        let log = File::create(folder.path("server.log")).expect("it can be made");
        let server = Self::start_logging_to(folder, arguments, log);
        let said = folder.read("server.log");
        let token = said.split_whitespace().find(|word| word.starts_with("etlp_"));
        let token = token.unwrap_or_else(|| panic!("no token was shown: {said}")).to_owned();
        (server, token)
    }

    /// As [`Server::start`], with its own log in `log`.
    pub(crate) fn start_logging_to(folder: &Folder, arguments: &[&str], log: File) -> Self {
        let child = command(folder, arguments).stderr(log).spawn().expect("it starts");
        Self::listening(child).unwrap_or_else(|_| panic!("the server did not start"))
    }

    /// As [`Server::start`]; hands back what it said where it ends instead.
    pub(crate) fn try_start(folder: &Folder, arguments: &[&str]) -> Result<Self, Ran> {
        Self::of(command(folder, arguments).stderr(Stdio::piped()).spawn().expect("it starts"))
    }

    /// The server that `child` is; what it said where it ends instead.
    pub(crate) fn of(child: Child) -> Result<Self, Ran> {
        let mut server =
            Self::listening(child).map_err(|child| Ran::from(child.wait_with_output().expect("it ends")))?;
        // Nobody reads its log further; a full pipe must not hold it up.
        let mut stderr = server.child.stderr.take().expect("it was asked for");
        std::thread::spawn(move || {
            let mut log = String::new();
            let _ = stderr.read_to_string(&mut log);
            assert!(!log.contains("panicked"), "{log}");
        });
        Ok(server)
    }

    /// Waits until it says where it listens; hands it back where it ends instead.
    fn listening(mut child: Child) -> Result<Self, Child> {
        let mut stdout = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut address = String::new();
        stdout.read_line(&mut address).expect("a line");
        if address.is_empty() {
            return Err(child);
        }
        Ok(Self { child, _stdout: stdout, address: address.trim().to_owned() })
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.address).expect("the address is one")
    }

    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().expect("the address has a port")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A command of the binary that talks to this server.
    pub(crate) fn command(&self, folder: &Folder, arguments: &[&str]) -> Command {
        let mut command = folder.command(arguments);
        command.env("ETLPLUS_SERVER", &self.address);
        command
    }

    /// Runs a command of the binary that talks to this server.
    pub(crate) fn run(&self, folder: &Folder, arguments: &[&str]) -> Ran {
        Ran::from(self.command(folder, arguments).output().expect("the program starts"))
    }

    /// Kills it as by `kill -9`.
    pub(crate) fn kill(mut self) -> ExitStatus {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends")
    }

    /// Asks it to end, as an operator does, and waits for it.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it lives");
        self.child.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(&["serve"]);
    for (option, value) in [("--listen", "127.0.0.1:0"), ("--data", "data")] {
        if !arguments.contains(&option) {
            command.args([option, value]);
        }
    }
    command.args(arguments).stdout(Stdio::piped());
    command
}

/// A job of the pipeline in the file `name` of `folder`.
pub(crate) fn job_of(folder: &Folder, name: &str) -> SubmitJob {
    SubmitJob {
        definition: Some(folder.read(name)),
        folder: Some(folder.path("").to_string_lossy().into_owned()),
        ..SubmitJob::default()
    }
}

/// The same with every line of its log.
pub(crate) fn talkative(job: SubmitJob) -> SubmitJob {
    SubmitJob { log_level: Some(LogLevel::Debug), ..job }
}

/// Asks until the job is where `is_there`.
pub(crate) async fn wait_for(
    client: &Client,
    id: &str,
    is_there: impl Fn(&JobMonitoringData) -> bool,
) -> JobMonitoringData {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let job = client.job(id).await.expect("the server answers");
        if is_there(&job) {
            return job;
        }
        assert!(Instant::now() < deadline, "it never came there: {job:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks until the job has ended.
pub(crate) async fn wait_for_end(client: &Client, id: &str) -> JobMonitoringData {
    wait_for(client, id, |job| job.status.is_terminal()).await
}

pub(crate) fn is_running(job: &JobMonitoringData) -> bool {
    job.status == JobStatus::Running
}

/// Orders of which `bad` have an amount that is no number, spread among `good` ones.
pub(crate) fn orders(good: u64, bad: u64) -> String {
    let mut text = String::from("order_id,amount,placed_on\n");
    for number in 0..good + bad {
        let is_bad = bad > 0 && number % ((good + bad) / bad) == 0 && number / ((good + bad) / bad) < bad;
        let amount = if is_bad { "much".to_owned() } else { format!("{}.50", number % 1000) };
        text += &format!("{number},{amount},2026-01-01\n");
    }
    text
}

/// The process ids of runners that have a file of `folder` open.
pub(crate) fn runners(folder: &Folder, server: Option<u32>) -> Vec<u32> {
    let root = folder.path("").canonicalize().expect("the folder is there");
    let has_open = |pid: &u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.any(|target| target.starts_with(&root))
    };
    let processes = std::fs::read_dir("/proc").expect("this is Linux").flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| Some(*pid) != server && *pid != std::process::id()).filter(has_open).collect()
}
