"""What a process takes, from outside: time, CPU, memory, and how much of the time is spent on making its output durable."""

import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Iterable, NamedTuple

from common import CACHE, HERE

# A tick of the kernel's accounts, in seconds.
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Reading(NamedTuple):
    """What one process took."""

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


def measure(command: list, environment: dict[str, str] | None = None, is_silent: bool = False) -> Reading:
    """Runs `command`, and says what it took from its start to its end, all its threads included."""
    start = time.perf_counter()
    stderr = subprocess.DEVNULL if is_silent else None
    environment = os.environ | (environment or {})
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=environment)
    # Not `process.wait`, which would throw away what the kernel says about the process.
    _, status, usage = os.wait4(process.pid, 0)
    wall_seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}")
    return Reading(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def sync_seconds(paths: Iterable[Path]) -> float:
    """How long it takes to make these files and their folders durable."""
    paths = list(paths)
    start = time.perf_counter()
    for path in [*paths, *{path.parent for path in paths}]:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    return time.perf_counter() - start


class WithoutSync:
    """Runs a process whose calls of fsync do nothing. Its other calls, and its output, are the same."""

    library = CACHE / "bench-target" / "nosync.so"

    def build(self) -> None:
        self.library.parent.mkdir(parents=True, exist_ok=True)
        command = ["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", self.library, HERE / "nosync.c"]
        subprocess.run(command, check=True)

    def measure(self, command: list, folder: Path) -> Reading | None:
        """`None` where the process did not call fsync by the library of C, so that nothing could be left out."""
        counted = folder / "nosync"
        counted.unlink(missing_ok=True)
        reading = measure(command, {"LD_PRELOAD": str(self.library), "NOSYNC_COUNT": str(counted)})
        left_out = int(counted.read_text()) if counted.exists() else 0
        counted.unlink(missing_ok=True)
        return reading if left_out else None


def cpu_seconds_of_tree(pid: int) -> float:
    """Processor time so far of a process, of its children that live and of those that have ended and were waited for."""
    return sum(cpu_seconds_of(each) for each in [pid, *children(pid)])


def cpu_seconds_of(pid: int) -> float:
    try:
        # The name, in brackets, may hold anything. utime, stime, cutime and cstime are fields 14 to 17; the third follows it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:15]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields)) * TICK


def children(pid: int) -> list[int]:
    """Children of any thread of the process."""
    lists = (task / "children" for task in Path(f"/proc/{pid}/task").iterdir())
    return [int(child) for listed in lists for child in listed.read_text().split()]


def medians(readings: Iterable[Iterable[float]]) -> list[float]:
    return [statistics.median(figures) for figures in zip(*readings)]
