"""What the benchmarks need: the release binary, the machine's facts, and small helpers."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "etlplus"


class Missing(Exception):
    """Something that a case cannot do without is not there; the others can."""


def build() -> Path:
    """The release binary, built if need be."""
    say("building etlplus")
    command = ["cargo", "build", "--release", "--locked", "--package", "etlplus"]
    subprocess.run(command, cwd=HERE.parent, check=True)
    return target_folder() / "release" / "etlplus"


def target_folder() -> Path:
    metadata = output(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=HERE.parent)
    return Path(json.loads(metadata)["target_directory"])


def machine() -> str:
    return f"{os.cpu_count()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory"


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def output(command: list, cwd: Path = HERE) -> str:
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr)
