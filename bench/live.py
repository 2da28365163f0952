#!/usr/bin/env python3
"""Measures the live channel of `etlplus serve`: how soon those who watch know, what it costs, and whether all arrives.

    bench/live.py [CASE ...] [--runs N] [--clients N] [--jobs N]

Builds the server, and the load and the peer in bench/peers-rs. Starts servers on free ports of 127.0.0.1 over new folders
below the cache folder, does each case several times and prints the medians. Ends with 1 if somebody did not get all that
he had to get. docs/benchmarks.md explains the cases.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

from common import HERE, build, machine, output, say, target_folder
from measure import medians
from serving import FOLDER, LOAD, PEER, Server, expect, faults, load, new_folder, prepare

LATENCY_JOBS = 200
# Longer than the tick in which frames are gathered under load.
PAUSE_MS = 50
SUBMITTERS = 16
# Parts in which the jobs of the case `store` are run, each of which gives a rate.
STORE_PARTS = 5
STARTS = 9
FANOUT_SECONDS = 8
FANOUT_RATE = 200
BURST_LINES, BURST_CLIENTS = 20_000, 10
# Lines of the burst that goes to all of --clients.
WIDE_BURST_LINES = 5_000
SETTLING_SECONDS = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)} [default: all]")
    parser.add_argument("--runs", type=int, default=3, help="runs of each case, of which the median counts [default: 3]")
    parser.add_argument("--clients", type=int, default=1_000, help="clients where there are many [default: 1000]")
    parser.add_argument("--jobs", type=int, default=10_000, help="ended jobs of a full store [default: 10000]")
    arguments = parser.parse_args()
    # A case takes minutes, and each table is to be seen as soon as it is there.
    sys.stdout.reconfigure(line_buffering=True)
    unknown = set(arguments.cases) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    etlplus = build()
    prepare()
    print_facts(etlplus, arguments)
    for name in arguments.cases or CASES:
        CASES[name](etlplus, arguments)
    print(f"load average at the end: {os.getloadavg()[0]:.2f}")
    for fault in faults:
        print(fault)
    print("counts that should be right are WRONG" if faults else "counts that should be right are right")
    return int(bool(faults))


def print_facts(etlplus: Path, arguments: argparse.Namespace) -> None:
    print(f"\n{output([etlplus, '--version']).strip()}, {platform.system()} {platform.release()}, {machine()}")
    print(f"a write of 4 KiB and its fdatasync here take {sync_seconds() * 1e3:.2f} ms (median of 100)")
    print(f"medians of {arguments.runs} runs; load average at the begin: {os.getloadavg()[0]:.2f}\n")


def sync_seconds() -> float:
    with (FOLDER / "sync").open("wb", buffering=0) as file:
        return statistics.median(seconds(lambda: (file.write(b"x" * 4096), os.fdatasync(file.fileno()))) for _ in range(100))


def latency(etlplus: Path, arguments: argparse.Namespace) -> None:
    """How soon a change is known, one job after the other."""
    rows: dict[tuple[str, str], list[list[float]]] = {}
    named = {
        "POST sent to 202 received": "accepted",
        "202 received to PENDING frame received": "pending",
        "POST sent to COMPLETED frame received": "ended",
        "timestamp of a status change to its receipt": "changes",
        "timestamp of a log line to its receipt": "lines",
    }
    # Without a pause a job's first frame still waits for the tick that the last job's end began.
    cases = {"1": (1, 0), f"1, a pause of {PAUSE_MS} ms before each job": (1, PAUSE_MS), "100": (100, 0)}
    for run in range(arguments.runs):
        for case, (clients, pause) in cases.items():
            say(f"run {run + 1} of {arguments.runs}: latency, clients: {case}")
            with Server(etlplus, new_folder()) as server:
                report = server.jobs("tiny", jobs=LATENCY_JOBS, clients=clients, pause_ms=pause, is_timed=True)
            for name, key in named.items():
                rows.setdefault((name, case), []).append([percentile(report[key], part) for part in (50, 99)])
    print(f"{LATENCY_JOBS} jobs, one after the other; the last two are over all clients, the others of the first\n")
    print("| from, to | clients | p50 ms | p99 ms |\n|---|---|---:|---:|")
    for name in named:
        for case in cases:
            print("| {} | {} | {:.1f} | {:.1f} |".format(name, case, *medians(rows[name, case])))
    print()


def store(etlplus: Path, arguments: argparse.Namespace) -> None:
    """Jobs per second of many submitters; and what a store that has grown by them does to the next start."""
    data, rates = new_folder(), []
    with Server(etlplus, data) as server:
        for part in range(STORE_PARTS):
            say(f"{arguments.jobs // STORE_PARTS} jobs, part {part + 1} of {STORE_PARTS}")
            report = server.jobs("tiny", jobs=arguments.jobs // STORE_PARTS, submitters=SUBMITTERS)
            rates.append(arguments.jobs // STORE_PARTS / report["seconds"])
        server.end()
    print(f"{SUBMITTERS} submitters, {arguments.jobs:,} jobs in {STORE_PARTS} parts: ", end="")
    print(f"{statistics.median(rates):.1f} jobs/s (first part {rates[0]:.1f}, last {rates[-1]:.1f})\n")
    print(f"| store | start to address, ms (median of {STARTS}) | resident after it, MiB |\n|---|---:|---:|")
    for name, folder in (("empty", None), (f"{arguments.jobs:,} ended jobs", data)):
        readings = []
        for _ in range(STARTS):
            with Server(etlplus, folder or new_folder()) as server:
                time.sleep(0.2)
                readings.append([server.start_seconds * 1e3, resident_kib(server.process.pid) / 1024])
                server.end()
        print("| {} | {:.1f} | {:.1f} |".format(name, *medians(readings)))
    print()


def fanout(etlplus: Path, arguments: argparse.Namespace) -> None:
    """The server's processor time for each message that a client got."""
    command = ["cargo", "build", "--release", "--locked", "--package", "etlplus-server", "--example", "fanout"]
    subprocess.run(command, cwd=HERE.parent, check=True)
    ours = [str(target_folder() / "release" / "examples" / "fanout"), str(arguments.clients + 10)]
    engines, rates = {"etlplus": ours, "axum-peer": [str(PEER)]}, (None, FANOUT_RATE)
    readings: dict[tuple[int | None, str], list[list[float]]] = {}
    wide = []
    for run in range(arguments.runs):
        for rate in rates:
            for engine, command in engines.items():
                say(f"run {run + 1} of {arguments.runs}: fan-out, {engine}, {rate or 'flat out'}")
                plan = {"command": command, "clients": arguments.clients, "rate": rate, "seconds": FANOUT_SECONDS}
                report = load("fanout", plan)
                delivered, due = report["delivered"], report["said"] * arguments.clients
                expect(delivered == due, f"fan-out, {engine}: messages delivered", delivered, due)
                cost = [report["server_cpu_seconds"] / delivered * 1e6, delivered / report["seconds"]]
                delays = [percentile(report["delays"], part) for part in (50, 99)]
                readings.setdefault((rate, engine), []).append([*cost, *delays, report["message_bytes"]])
        say(f"run {run + 1} of {arguments.runs}: fan-out, a job of a real server")
        wide.append(burst_once(etlplus, WIDE_BURST_LINES, arguments.clients, "DEBUG"))
    print(f"{arguments.clients:,} clients; `etlplus` is the live channel alone (crates/server/examples/fanout.rs)\n")
    print("| flow | server | CPU us for each message | messages/s delivered | p50 ms to the last | p99 ms | bytes |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for (rate, engine), runs in readings.items():
        base = medians(readings[rate, "etlplus"])[0]
        cpu, speed, *delays, size = medians(runs)
        flow = f"{rate} messages/s" if rate else "flat out"
        times = " | ".join(f"{delay:.1f}" for delay in delays)
        print(f"| {flow} | {engine} | {cpu:.3f} ({cpu / base:.1f}x) | {speed:,.0f} | {times} | {size:.0f} |")
    cost = statistics.median(run["server_cpu_seconds"] / sum(run["facts"]) for run in wide) * 1e6
    speed = statistics.median(sum(run["facts"]) / run["seconds"] for run in wide)
    print(f"| {WIDE_BURST_LINES:,} lines of a job | etlplus serve | {cost:.3f} | {speed:,.0f} | | | |\n")


def memory(etlplus: Path, arguments: argparse.Namespace) -> None:
    """Resident memory after the start, and for each connection that is idle."""
    readings: dict[str, list[list[float]]] = {}
    for _ in range(arguments.runs):
        with Server(etlplus, new_folder(), arguments.clients) as server:
            readings.setdefault("etlplus serve", []).append(resident_with(server.process.pid, server.address, arguments))
        with subprocess.Popen([PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            address = peer.stdout.readline().strip()
            readings.setdefault("axum-peer", []).append(resident_with(peer.pid, address, arguments))
            peer.kill()
    print(f"| server | resident after the start, MiB | with {arguments.clients:,} idle connections, MiB | KiB for each |")
    print("|---|---:|---:|---:|")
    for name, runs in readings.items():
        before, after = medians(runs)
        print(f"| {name} | {before / 1024:.1f} | {after / 1024:.1f} | {(after - before) / arguments.clients:.1f} |")
    print()


def resident_with(pid: int, address: str, arguments: argparse.Namespace) -> list[float]:
    time.sleep(SETTLING_SECONDS)
    before = resident_kib(pid)
    command = [LOAD, "hold", address, str(arguments.clients)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        held = load.stdout.readline().strip()
        expect(held == '"held"', "connections are held", held, '"held"')
        time.sleep(SETTLING_SECONDS)
        return [before, resident_kib(pid)]


def burst(etlplus: Path, arguments: argparse.Namespace) -> None:
    """A job that says much in a short time: all of it arrives, and what that does to the job."""
    levels = {"INFO": "no debug log", "DEBUG": f"debug log, {BURST_LINES:,} lines and more"}
    readings: dict[str, list[dict]] = {}
    for run in range(arguments.runs):
        for level in levels:
            say(f"run {run + 1} of {arguments.runs}: burst, {level}")
            readings.setdefault(level, []).append(burst_once(etlplus, BURST_LINES, BURST_CLIENTS, level))
    print(f"{2 * BURST_LINES:,} rows, of which {BURST_LINES:,} are rejected; {BURST_CLIENTS} clients\n")
    print("| job | lines of rejected rows at each client | facts at each | POST to COMPLETED frame, ms |\n|---|---:|---:|---:|")
    base = statistics.median(run["ended"][0] for run in readings["INFO"])
    for level, runs in readings.items():
        lines, facts = ({count for run in runs for count in run[key]} for key in ("rejected", "facts"))
        took = statistics.median(run["ended"][0] for run in runs)
        counts = " | ".join(" or ".join(f"{count:,}" for count in sorted(counts)) for counts in (lines, facts))
        print(f"| {levels[level]} | {counts} | {took:.0f} ({took / base:.2f}x) |")
    print()


def burst_once(etlplus: Path, lines: int, clients: int, level: str) -> dict:
    rows = FOLDER / f"burst-{lines}.csv"
    if not rows.exists():
        good_and_bad = (f"{row},{'much' if row % 2 else '1.50'}\n" for row in range(2 * lines))
        rows.write_text("order_id,amount\n" + "".join(good_and_bad))
    with Server(etlplus, new_folder(), clients) as server:
        job = {"logLevel": level, "parameters": {"rows": str(lines)}}
        # The first job of a server pays for what the others find done.
        server.jobs("tiny")
        report = server.jobs("burst", job, clients=clients)
    due = [lines if level == "DEBUG" else 0] * clients
    expect(report["rejected"] == due, "burst: lines at each client", sorted(set(report["rejected"])), due[0])
    return report


CASES: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "latency": latency,
    "store": store,
    "fanout": fanout,
    "memory": memory,
    "burst": burst,
}


def percentile(figures: list[float], part: int) -> float:
    return sorted(figures)[min(len(figures) * part // 100, len(figures) - 1)]


def resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def seconds(act: Callable[[], Any]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
