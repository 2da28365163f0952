"""A PostgreSQL server of the bench's own: on a free port of 127.0.0.1, over a temporary folder, with the settings that
`initdb` leaves."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from common import Missing, output, say
from measure import cpu_seconds_of_tree

# Users as whom a server can run where the bench is run by root, as whom it refuses to.
LESSER_USERS = ("postgres", "nobody")
USER, DATABASE = "bench", "postgres"
START_SECONDS_MAX = 60

COLUMNS = """
    order_id bigint, customer_id bigint, placed_at timestamp, ship_by date, country text, sku text, quantity integer,
    unit_price numeric(12,2), weight double precision, gift boolean, status text, email text, note text
"""


class Postgres:
    """A running server; it and its folder are gone at the end of the block."""

    def __init__(self) -> None:
        initdb, postgres = program("initdb"), program("postgres")
        self.folder = Path(tempfile.mkdtemp(prefix="etlplus-bench-"))
        self.user = next(iter(user for user in LESSER_USERS if has_user(user)), None) if os.getuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        self.port = free_port()
        self.url = f"postgres://{USER}@127.0.0.1:{self.port}/{DATABASE}"
        data = self.folder / "data"
        say(f"making a PostgreSQL server in {self.folder}")
        self.run_as_user([initdb, "--pgdata", data, "--username", USER, "--encoding", "UTF8", "--auth", "trust"])
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder}
        switches = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = self.start_as_user([postgres, "-D", data, *switches])
        self.wait_until_ready()

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(self, *_: Any) -> None:
        # Fast: it does not wait for those who are connected.
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(START_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)

    def as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {"cwd": self.folder}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": self.folder}

    def run_as_user(self, command: list) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **self.as_user())

    def start_as_user(self, command: list) -> subprocess.Popen:
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, **self.as_user())

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        ready = [program("pg_isready"), "--quiet", "--dbname", self.url]
        while subprocess.run(ready).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                words = (self.folder / "server.log").read_text(errors="replace")
                self.__exit__()
                raise SystemExit(f"PostgreSQL did not start: {words}")
            time.sleep(0.1)

    def psql(self, *commands: str) -> list:
        """The command that does these in one session, and ends at the first mistake."""
        base = [program("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1", self.url]
        return base + [part for command in commands for part in ("-c", command)]

    def ask(self, *commands: str) -> str:
        return output(self.psql(*commands)).strip()

    def make_table(self, name: str) -> None:
        """A new and empty table of orders, after what earlier runs left to be written has been."""
        quietly = "SET client_min_messages TO warning"
        self.ask(quietly, f"DROP TABLE IF EXISTS {name}", f"CREATE TABLE {name} ({COLUMNS})", "CHECKPOINT")

    def cpu_seconds(self) -> float:
        """Of all its processes so far, once nobody but the one who asks is connected."""
        others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        while self.ask(others) != "0":
            time.sleep(0.05)
        return cpu_seconds_of_tree(self.process.pid)

    def version(self) -> str:
        return self.ask("SHOW server_version")


def program(name: str) -> str:
    """From the PATH, or from where Debian keeps those that are not on it."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = shutil.which(name) or next(iter(map(str, reversed(debian))), None)
    if found is None:
        raise Missing(f"{name} was not found: install PostgreSQL (Debian: apt-get install postgresql)")
    return found


def has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]
