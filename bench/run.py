#!/usr/bin/env python3
"""Measures etlplus beside DuckDB and Polars: time, CPU and memory of whole processes that do the same work.

    bench/run.py [--rows N] [--runs N]

Builds etlplus, installs the peers into a virtual environment under the cache folder, makes the data with
`etlplus demo --data-only`, runs each case several times and prints the medians. Ends with 1 if two engines that should
give the same result do not. docs/benchmarks.md explains the cases.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from common import CACHE, HERE, build, machine, output, say

SEED = 42

# The engines that do each case; etlplus first, since the others are shown in relation to it.
CASES = {
    "load": ["etlplus", "duckdb", "polars"],
    "dirty": ["etlplus", "duckdb", "duckdb-own-casts"],
    "revenue": ["etlplus", "duckdb", "polars"],
}
# Takes texts that are no values, so that its result is another one; docs/benchmarks.md says which.
KNOWN_TO_DIFFER = "duckdb-own-casts"


class Reading(NamedTuple):
    """What one process took."""

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000, help="orders in each file [default: 2000000]")
    parser.add_argument("--runs", type=int, default=3, help="runs of each case, of which the median counts [default: 3]")
    arguments = parser.parse_args()
    etlplus = build()
    python = peers_python()
    folder = CACHE / "bench" / str(arguments.rows)
    prepare(folder, etlplus, arguments.rows)
    readings = measure_all(folder, etlplus, python, arguments.runs)
    outcomes = json.loads(output([python, HERE / "peers.py", "outcomes", folder]))
    print_facts(folder, etlplus, python, arguments)
    print_table(readings, outcomes)
    return print_differences(outcomes)


def peers_python() -> Path:
    """A Python with the peers in the versions that requirements.txt names."""
    environment = CACHE / "bench-venv"
    python = environment / "bin" / "python"
    if not python.exists():
        say(f"making {environment}")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "--requirement", HERE / "requirements.txt"], check=True)
    return python


def prepare(folder: Path, etlplus: Path, rows: int) -> None:
    say(f"making {rows:,} clean and {rows:,} dirty orders in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "data"
    command = [etlplus, "demo", "--data-only", "--folder", data, "--rows", str(rows), "--seed", str(SEED)]
    data.mkdir(parents=True)
    subprocess.run(command, check=True)
    make_comparable(data / "orders.csv", data / "orders-dirty.csv")
    (folder / "out").mkdir()
    shutil.copytree(HERE / "pipelines", folder / "pipelines")


def make_comparable(source: Path, target: Path) -> None:
    """The dirty orders without what DuckDB's reader cannot tell (a mixture of line ends), and without the rows that the
    two readers take for something else: a stray opening quote, a space behind a closing one, a comma after the last field.
    """
    with source.open("rb") as lines, target.open("wb") as kept:
        for line in lines:
            line = line.removesuffix(b"\n").removesuffix(b"\r") + b"\n"
            is_stray = line.endswith((b',"Leave at the door\n', b',"Please call bef\n')) or b',"mia@example.org,' in line
            if not is_stray and not line.endswith(b",Call me,\n") and b',"paid" ,' not in line:
                kept.write(line)


def measure_all(folder: Path, etlplus: Path, python: Path, runs: int) -> dict[tuple[str, str], list[Reading]]:
    """Round after round, so that what slows the machine down for a while does so to each engine."""
    readings: dict[tuple[str, str], list[Reading]] = {}
    for run in range(1, runs + 1):
        for case, engines in CASES.items():
            for engine in engines:
                say(f"run {run} of {runs}: {case}, {engine}")
                if engine == "etlplus":
                    command = [etlplus, "run", "--quiet", folder / "pipelines" / f"{case}.yaml"]
                else:
                    command = [python, "-B", HERE / "peers.py", case, engine, folder]
                readings.setdefault((case, engine), []).append(measure(command))
    return readings


def measure(command: list) -> Reading:
    """Runs `command`, and says what it took from its start to its end, all its threads included."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # Not `process.wait`, which would throw away what the kernel says about the process.
    _, status, usage = os.wait4(process.pid, 0)
    wall_seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}")
    return Reading(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def print_facts(folder: Path, etlplus: Path, python: Path, arguments: argparse.Namespace) -> None:
    versions = "import duckdb, polars; print('duckdb', duckdb.__version__ + ', polars', polars.__version__)"
    sizes = [f"{path.name} {path.stat().st_size / 2**20:.0f} MiB" for path in sorted((folder / "data").glob("orders-*"))]
    print(f"\n{output([etlplus, '--version']).strip()}, {output([python, '-c', versions]).strip()}, ", end="")
    print(f"Python {platform.python_version()}, {platform.system()} {platform.release()}")
    print(machine())
    print(f"{arguments.rows:,} orders, seed {SEED}: {', '.join(sizes)}; median of {arguments.runs} runs\n")


def print_table(readings: dict[tuple[str, str], list[Reading]], outcomes: dict[str, list[str]]) -> None:
    """Medians, and in brackets how many times etlplus's figure each is."""
    print("| case | engine | wall s | CPU s | peak MiB | rows out |")
    print("|---|---|---:|---:|---:|---:|")
    for (case, engine), runs in readings.items():
        median = [statistics.median(figures) for figures in zip(*runs)]
        base = [statistics.median(figures) for figures in zip(*readings[case, "etlplus"])]
        cells = [
            f"{value:.{digits}f} ({value / max(unit, 0.001):.2f}x)" for value, unit, digits in zip(median, base, (2, 2, 0))
        ]
        rows = int(outcomes[f"{engine}-{case}"][0])
        print(f"| {case} | {engine} | {' | '.join(cells)} | {rows:,} |")
    print()


def print_differences(outcomes: dict[str, list[str]]) -> int:
    """Says where results differ, and answers with the exit code."""
    exit_code = 0
    for case, engines in CASES.items():
        for engine in engines[1:]:
            for name in [case, f"{case}.rejects"]:
                ours, theirs = outcomes.get(f"etlplus-{name}"), outcomes.get(f"{engine}-{name}")
                if ours == theirs:
                    continue
                print(f"{name}: {engine} gives {theirs}, etlplus {ours}")
                exit_code |= engine != KNOWN_TO_DIFFER
    print("results that should be the same DIFFER" if exit_code else "results that should be the same are the same")
    return int(exit_code)


if __name__ == "__main__":
    sys.exit(main())
