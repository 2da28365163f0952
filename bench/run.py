#!/usr/bin/env python3
"""Measures etlplus beside its peers: time, CPU and memory of whole processes that do the same work.

    bench/run.py [CASE ...] [--rows N] [--runs N] [--binary PATH]

Builds etlplus, installs the peers into virtual environments under the cache folder, makes the data with
`etlplus demo --data-only`, runs each case several times, and prints the medians and whether they are what has to be reached.
Ends with 1 if two engines that should give the same result do not. docs/benchmarks.md explains the cases.
"""

import argparse
import os
import platform
import shutil
import sys
from pathlib import Path

from common import Missing, machine
from compare import Case, Limits
from data import FOLDER, SEED, Work
from goals import Goal, print_goals
from growth import Growth
from manager import Manager
from postgres_cases import PostgresLoad, PostgresUnload
from tools import Tools

CLEAN = ["orders-clean.csv"]
LOOKUPS = ["countries.csv", "customers.ndjson"]
DUCKDBS = ("duckdb", "duckdb-1.5")

# In an order in which data can soon be removed. etlplus comes first in each, since the others are shown in relation to it.
CASES = [
    Case(
        "load",
        ["etlplus", "duckdb", "polars"],
        CLEAN,
        Limits({("duckdb",): 0.75, ("polars",): 0.95}, peak_mib=300),
    ),
    Case("dirty", ["etlplus", "duckdb"], ["orders-damaged.csv"], Limits({("duckdb",): 0.70})),
    Case(
        "revenue",
        ["etlplus", "duckdb", "polars"],
        CLEAN + LOOKUPS,
        Limits({("duckdb",): 0.75}, peak_mib=400),
        is_synced=False,
    ),
    Case("ndjson", ["etlplus", "duckdb", "polars"], ["orders.ndjson"], Limits({("duckdb", "polars"): 0.80})),
    Manager(),
    Growth(),
    PostgresLoad("pg-load", ["etlplus", "psql"], CLEAN, Limits({("psql",): 0.75}), part=0.1, is_synced=False),
    PostgresUnload(
        "pg-unload",
        ["etlplus", "duckdb", "duckdb-1.5", "connectorx"],
        CLEAN,
        Limits({DUCKDBS: 0.70, ("connectorx",): 0.50}),
        part=0.1,
    ),
    Case("rules", ["etlplus", "duckdb", "duckdb-own-casts"], ["orders-dirty.csv"], part=0.2),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [case.name for case in CASES]
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(names)} [default: all]")
    parser.add_argument("--rows", type=int, default=10_000_000, help="orders in a file [default: 10000000]")
    parser.add_argument("--runs", type=int, default=3, help="runs of each case, of which the median counts [default: 3]")
    parser.add_argument("--binary", type=Path, help="an etlplus to measure, instead of building one")
    arguments = parser.parse_args()
    unknown = set(arguments.cases) - set(names)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    # A case takes minutes, and each table is to be seen as soon as it is there.
    sys.stdout.reconfigure(line_buffering=True)
    tools = Tools(arguments.binary)
    shutil.rmtree(FOLDER, ignore_errors=True)
    print_facts(tools, arguments)
    chosen = [case for case in CASES if case.name in (arguments.cases or names)]
    try:
        goals, faults = run_all(chosen, tools, arguments)
    finally:
        # Gigabytes, which are soon made again.
        shutil.rmtree(FOLDER, ignore_errors=True)
    print_goals(goals)
    print(f"load average at the end: {os.getloadavg()[0]:.2f}")
    for fault in faults:
        print(fault)
    print("results that should be the same DIFFER" if faults else "results that should be the same are the same")
    return int(bool(faults))


def run_all(cases: list, tools: Tools, arguments: argparse.Namespace) -> tuple[list[Goal], list[str]]:
    """What was to be reached, and what differs that should be the same. Prints each case's table when it is there."""
    goals: list[Goal] = []
    faults: list[str] = []
    for number, case in enumerate(cases, start=1):
        work = Work(tools, max(1, round(arguments.rows * case.part)))
        try:
            reached, differing = case.run(work, arguments.runs)
            goals += reached
            faults += differing
        except Missing as missing:
            print(f"`{case.name}` is left out: {missing}\n")
        later = [other for other in cases[number:] if other.part == case.part]
        work.keep_only({name for other in later for name in other.data})
    return goals, faults


def print_facts(tools: Tools, arguments: argparse.Namespace) -> None:
    print(f"\n{tools.versions()}, Python {platform.python_version()}, {platform.system()} {platform.release()}")
    print(machine())
    print(f"{arguments.rows:,} orders, seed {SEED}; load average at the begin: {os.getloadavg()[0]:.2f}\n")


if __name__ == "__main__":
    sys.exit(main())
