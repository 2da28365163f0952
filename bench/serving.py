"""A real server, and the load that submits jobs to it and watches them."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from common import CACHE, HERE

FOLDER = CACHE / "bench" / "live"
TOOLS = CACHE / "bench-target"
LOAD, PEER = TOOLS / "release" / "load", TOOLS / "release" / "axum-peer"

# Far beyond what one call of the load takes.
LOAD_SECONDS_MAX = 600

faults: list[str] = []


class Server:
    """A real server over the folder `data`, killed at the end of the block."""

    def __init__(self, etlplus: Path, data: Path, connections: int = 1_000) -> None:
        limits = ["--max-connections", str(connections + 10)]
        command = [etlplus, "serve", "--listen", "127.0.0.1:0", "--data", data, *limits]
        # All clients come from one address, faster than those of many people do.
        unhindered = os.environ | {"ETLPLUS_SERVER__REQUESTS_PER_SECOND": "1000000"}
        with (FOLDER / "server.log").open("ab") as log:
            start = time.perf_counter()
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=unhindered)
            self.address = self.process.stdout.readline().strip()
            self.start_seconds = time.perf_counter() - start
        if not self.address:
            raise SystemExit(f"the server did not start: see {FOLDER / 'server.log'}")

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        expect(self.process.wait() == 0, "a server that was told to end", self.process.returncode, 0)

    def jobs(self, pipeline: str, job: dict | None = None, **plan: Any) -> dict:
        """Submits jobs and watches them: bench/peers-rs/src/load/jobs.rs says how, and what it reports."""
        definition = (HERE / "pipelines" / f"{pipeline}.yaml").read_text()
        body = {"definition": definition, "folder": str(FOLDER), **(job or {})}
        defaults = {"jobs": 1, "submitters": 1, "clients": 1, "pause_ms": 0, "is_timed": False}
        plan = {"address": self.address, "pid": self.process.pid, "body": json.dumps(body), **defaults, **plan}
        report = load("jobs", plan)
        expect(not report["failed"], f"{pipeline}: jobs that did not end COMPLETED", report["failed"], "none")
        expect(report["is_whole"], f"{pipeline}: facts without a hole", report["is_whole"], True)
        counts = set(report["facts"])
        expect(len(counts) == 1, f"{pipeline}: facts are as many at each client", counts, "one count")
        return report


def prepare() -> None:
    """Builds the load and the peer, and makes an empty folder with the smallest job's input."""
    command = ["cargo", "build", "--release", "--locked", "--target-dir", TOOLS]
    subprocess.run(command, cwd=HERE / "peers-rs", check=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "tiny.csv").write_text("order_id,amount\n" + "".join(f"{row},{row}.50\n" for row in range(1, 11)))


def load(what: str, plan: dict) -> dict:
    """Its report. Where a client gets less than it has to, the load waits for ever, which is a failure as well."""
    command = [LOAD, what, json.dumps(plan)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=LOAD_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"load {what}: not all has arrived after {LOAD_SECONDS_MAX} s") from None
    if done.returncode != 0:
        raise SystemExit(f"load {what} ended with {done.returncode}")
    return json.loads(done.stdout)


def expect(is_so: bool, what: str, found: Any, due: Any) -> None:
    if not is_so:
        faults.append(f"{what}: {found}, and not {due}")


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="data-", dir=FOLDER))
