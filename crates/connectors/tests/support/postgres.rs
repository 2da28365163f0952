//! A PostgreSQL server of a test's own: real, on a free port of the loopback address, in a folder that goes with it.
//!
//! The binaries are those in the path, of Debian's package, or of the copy that `scripts/setup` unpacks.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The user who owns everything.
pub(crate) const USER: &str = "etl";
/// Her password.
pub(crate) const PASSWORD: &str = "correct horse";

/// How long a server may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A server. Dropped, it is ended and its folder removed; so it is where the test's process is killed.
pub(crate) struct PostgresServer {
    port: u16,
    folder: PathBuf,
    binaries: PathBuf,
    /// A shell that holds the server's process, and ends it once its own input ends.
    keeper: Child,
}

impl PostgresServer {
    /// Starts a server with the database `postgres` and the user [`USER`], and waits until it lets people in.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with settings such as `max_connections=3`.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let binaries = binaries();
        let folder = std::env::temp_dir().join(format!("etlplus-postgres-{}-{}", std::process::id(), unique()));
        make_folder(&folder);
        let template = template(&binaries);
        run(as_user(Command::new("cp").args(["-R", "-p"]).arg(&template).arg(folder.join("data"))));
        let password = folder.join("password");
        fs::write(&password, PASSWORD).unwrap();
        let (port, keeper) = start_server(&binaries, &folder, settings);
        Self { port, folder, binaries, keeper }
    }

    /// `postgres://etl@127.0.0.1:PORT/postgres`.
    pub(crate) fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address of one of its databases.
    pub(crate) fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// A file that holds the password of [`USER`].
    pub(crate) fn password_file(&self) -> PathBuf {
        self.folder.join("password")
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL; the rows of the last statement, each a line with `|` between its fields.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let output = self.try_sql(sql);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    /// The same where it may fail.
    pub(crate) fn try_sql(&self, sql: &str) -> Output {
        self.psql().arg("-c").arg(sql).output().unwrap()
    }

    /// A session that runs `sql` and then stays, with its transaction open, until it is dropped.
    pub(crate) fn session(&self, sql: &str) -> OpenSession {
        let mut child =
            self.psql().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "BEGIN;\n{sql};\n\\echo done").unwrap();
        let mut said = String::new();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        while !said.ends_with("done\n") {
            let read = std::io::BufRead::read_line(&mut stdout, &mut said).unwrap();
            assert!(read > 0, "the session ended: {said}");
        }
        OpenSession { child, stdin: Some(stdin) }
    }

    /// Ends the server at once, as a crash would.
    pub(crate) fn crash(&mut self) {
        self.keeper.stdin = None;
        let _ = self.keeper.wait();
    }

    /// Waits until `sql` gives `wanted`.
    pub(crate) fn wait_for(&self, sql: &str, wanted: &str) {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let found = self.sql(sql);
            if found == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{sql} gives {found}, not {wanted}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn psql(&self) -> Command {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER, "-d", "postgres"]);
        psql.args(["-p", &self.port.to_string()]).env("PGPASSWORD", PASSWORD);
        psql
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.crash();
        // The keeper has removed it, but for what it could not.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A session with an open transaction.
pub(crate) struct OpenSession {
    child: Child,
    stdin: Option<std::process::ChildStdin>,
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}

/// The folder of the server's programs.
fn binaries() -> PathBuf {
    let mut folders: Vec<_> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let unpacked = cache.map(|cache| cache.join("etlplus/foreign/postgres"));
    for root in [Some(PathBuf::from("/")), unpacked].into_iter().flatten() {
        let mut versions: Vec<_> = fs::read_dir(root.join("usr/lib/postgresql"))
            .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
            .unwrap_or_default();
        versions.sort();
        folders.extend(versions.into_iter().rev());
    }
    let has_all = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    folders.into_iter().find(has_all).expect("PostgreSQL is not there: run scripts/setup")
}

/// A data folder that is made once and copied for each server, since making one takes a second.
fn template(binaries: &Path) -> PathBuf {
    let version = Command::new(binaries.join("postgres")).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let version = version.split_whitespace().nth(2).unwrap_or("unknown");
    let name = format!("etlplus-postgres-template-{version}-{}", user().0);
    let folder = std::env::temp_dir().join(&name);
    let lock = std::env::temp_dir().join(format!("{name}.lock"));
    let lock = File::options().create(true).append(true).open(lock).unwrap();
    lock.lock().unwrap();
    let data = folder.join("data");
    if data.is_dir() {
        return data;
    }
    let _ = fs::remove_dir_all(&folder);
    make_folder(&folder);
    let password = folder.join("password");
    fs::write(&password, PASSWORD).unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
    let unfinished = folder.join("unfinished");
    let mut initdb = Command::new(binaries.join("initdb"));
    initdb.arg("--pgdata").arg(&unfinished).args(["--username", USER, "--auth", "scram-sha-256", "--pwfile"]);
    initdb.arg(&password).args(["--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"]);
    // Segments of 4 MiB: three quarters less to copy.
    run(as_user(initdb.args(["--wal-segsize", "4"])));
    fs::rename(&unfinished, &data).unwrap();
    data
}

/// Starts the server on a free port.
fn start_server(binaries: &Path, folder: &Path, settings: &[&str]) -> (u16, Child) {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        // Somebody else may take the port before the server does; then the next one is tried.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut keeper = Command::new("/bin/sh");
        keeper.args([
            "-c",
            "folder=$1; shift; \"$@\" & read -r end; kill -QUIT $! 2>/dev/null; wait; rm -rf \"$folder\"",
            "sh",
        ]);
        keeper.arg(folder).arg(binaries.join("postgres")).arg("-D").arg(folder.join("data"));
        keeper.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        for setting in settings {
            keeper.args(["-c", setting]);
        }
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        // A group of its own: whoever kills the test's group leaves the keeper, which then cleans up.
        keeper.process_group(0);
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).current_dir(folder);
        let mut keeper = as_user(&mut keeper).spawn().unwrap();
        let pid_file = folder.join("data/postmaster.pid");
        let said = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        loop {
            let is_ready = fs::read_to_string(&pid_file)
                .is_ok_and(|text| text.lines().last().is_some_and(|line| line.trim() == "ready"));
            if is_ready {
                return (port, keeper);
            }
            assert!(Instant::now() < deadline, "the server does not start: {}", said());
            if said().contains("could not bind") {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Ended without its folder being removed.
        keeper.kill().unwrap();
        keeper.wait().unwrap();
        fs::remove_file(folder.join("log")).unwrap();
    }
}

/// The user and group that servers run as: they refuse to run as root.
fn user() -> (u32, u32) {
    let me = (my_id(), 0);
    if me.0 != 0 {
        return me;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let mut fields = users.lines().find(|line| line.starts_with(&format!("{name}:")))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).expect("a user who is not root")
}

fn as_user(command: &mut Command) -> &mut Command {
    let (user, group) = user();
    // Only root can be somebody else.
    if my_id() == 0 {
        command.uid(user).gid(group);
    }
    command
}

fn make_folder(folder: &Path) {
    fs::create_dir(folder).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    let (user, group) = user();
    if my_id() == 0 {
        chown(folder, Some(user), Some(group)).unwrap();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A number that no other call in this process gives.
fn unique() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// The user that this process runs as.
fn my_id() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap())
}
