"""A case that several engines do: measured side by side, and held to give the same result."""

import math
import os
import statistics
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Iterator

from common import say
from data import Work
from goals import Goal, ratio
from measure import Reading, measure, sync_seconds

ETLPLUS = "etlplus"
# Takes texts that are no values, so that its result is another one; docs/benchmarks.md says which.
KNOWN_TO_DIFFER = "duckdb-own-casts"
# A figure that could not be had.
UNKNOWN = float("nan")


@dataclass
class Run:
    """One run of one engine."""

    reading: Reading
    # From its start to when its output was durable, and to when it was written; equal where that is not told apart.
    durable_seconds: float
    written_seconds: float
    # What the engine has to do before it can begin.
    start_seconds: float
    # Processor time of a server that works for it.
    server_cpu_seconds: float = 0.0


@dataclass
class Limits:
    """What has to be reached. Times are shares of a peer's; of several peers, the best counts."""

    wall: dict[tuple[str, ...], float] = field(default_factory=dict)
    peak_mib: float | None = None


@dataclass
class Case:
    """A case whose engines read files below `Work.data` and write one below `Work.out`."""

    name: str
    engines: list[str]
    data: list[str]
    limits: Limits = field(default_factory=Limits)
    # Of the rows that are asked for: cases that take long for a row, or whose goal is set for fewer, do fewer.
    part: float = 1
    # Whether times are shown with fsync and without. Where the output is small it takes no time.
    is_synced: bool = True

    def command(self, work: Work, engine: str) -> list:
        if engine == ETLPLUS:
            return [work.tools.etlplus, "run", "--quiet", work.pipelines / f"{self.name}.yaml"]
        return work.tools.peers(self.name, engine, work.path)

    def start_command(self, work: Work, engine: str) -> list:
        if engine == ETLPLUS:
            return [work.tools.etlplus, "validate", work.pipelines / f"{self.name}.yaml"]
        return work.tools.peers("start", engine)

    @contextmanager
    def prepared(self, work: Work) -> Iterator[None]:
        """All that has to be there while the case runs."""
        for name in self.data:
            work.need(name)
        # The writing of new data would slow down whoever comes first.
        os.sync()
        if self.is_synced:
            work.tools.without_sync.build()
        yield
        work.clear()

    def before(self, work: Work, engine: str) -> None:
        """Done before each run, and not measured."""

    def server_cpu_seconds(self) -> float:
        return 0.0

    def outcomes(self, work: Work) -> dict[str, dict]:
        return work.tools.outcomes(self.name, work.path, self.engines)

    def run_once(self, work: Work, engine: str) -> Run:
        start = measure(self.start_command(work, engine), is_silent=True).wall_seconds
        self.before(work, engine)
        server = self.server_cpu_seconds()
        command = self.command(work, engine)
        reading = measure(command)
        written = durable = reading.wall_seconds
        server = self.server_cpu_seconds() - server
        if self.is_synced:
            # The disk is at rest again before the next engine begins, whoever that is.
            waited = sync_seconds(work.outputs(engine, self.name))
            if engine == ETLPLUS:
                without = work.tools.without_sync.measure(command, work.path)
                written = without.wall_seconds if without else UNKNOWN
                sync_seconds(work.outputs(engine, self.name))
            else:
                durable += waited
        return Run(reading, durable, written, start, server)

    def measure_all(self, work: Work, runs: int) -> dict[str, list[Run]]:
        """Round after round, so that what slows the machine down for a while does so to each engine."""
        found: dict[str, list[Run]] = {engine: [] for engine in self.engines}
        for run in range(1, runs + 1):
            for engine in self.engines:
                say(f"run {run} of {runs}: {self.name}, {engine}")
                found[engine].append(self.run_once(work, engine))
        return found

    def run(self, work: Work, runs: int) -> tuple[list[Goal], list[str]]:
        """Prints its table; answers with what was to be reached and with what differs that should be the same."""
        with self.prepared(work):
            found = self.measure_all(work, runs)
            outcomes = self.outcomes(work)
            sizes = [(path.name, path.stat().st_size) for path in map(work.need, self.data)]
        files = ", ".join(f"{name} {size / 2**20:,.0f} MiB" for name, size in sizes if size > 2**20)
        print(f"`{self.name}`: {work.rows:,} orders{f', {files}' if files else ''}; medians of {runs} runs\n")
        self.print_table(found, outcomes)
        return self.goals(found), differences(self.name, outcomes)

    def print_table(self, found: dict[str, list[Run]], outcomes: dict[str, dict]) -> None:
        """Medians, and in brackets how many times etlplus's figure each is."""
        figures = {engine: self.figures(runs) for engine, runs in found.items()}
        counts = {"rows": "rows out", "rejects": "rejects", "lines_right": "right lines"}
        counts = {key: name for key, name in counts.items() if key in outcomes[ETLPLUS]}
        names = [*figures[ETLPLUS], *counts.values()]
        print(f"| engine | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
        for engine, columns in figures.items():
            cells = [cell(name, value, figures[ETLPLUS][name]) for name, value in columns.items()]
            cells += [f"{outcomes[engine][key]:,}" for key in counts]
            print(f"| {engine} | {' | '.join(cells)} |")
        print()

    def figures(self, runs: list[Run]) -> dict[str, float]:
        walls = {"wall s": [run.reading.wall_seconds for run in runs]}
        if self.is_synced:
            walls = {
                "wall s, no fsync": [run.written_seconds for run in runs],
                "wall s, fsync": [run.durable_seconds for run in runs],
            }
        columns = walls | {
            "start s": [run.start_seconds for run in runs],
            "CPU s": [run.reading.cpu_seconds for run in runs],
            "peak MiB": [run.reading.peak_mib for run in runs],
        }
        if any(run.server_cpu_seconds for run in runs):
            columns["server's CPU s"] = [run.server_cpu_seconds for run in runs]
        return {name: statistics.median(column) for name, column in columns.items()}

    def goals(self, found: dict[str, list[Run]]) -> list[Goal]:
        goals = []
        for peers, limit in self.limits.wall.items():
            peers = [peer for peer in peers if peer in found]
            if not peers:
                continue
            peer = min(peers, key=lambda peer: statistics.median(run.written_seconds for run in found[peer]))
            ours, theirs = found[ETLPLUS], found[peer]
            wall = [run.reading.wall_seconds for run in ours], [run.reading.wall_seconds for run in theirs]
            as_is = "wall time, etlplus alone with fsync," if self.is_synced else "wall time"
            goals.append(ratio(self.name, as_is, peer, limit, *wall))
            if self.is_synced:
                without = [run.written_seconds for run in ours], [run.written_seconds for run in theirs]
                both = [run.durable_seconds for run in ours], [run.durable_seconds for run in theirs]
                goals.append(ratio(self.name, "wall time, none with fsync,", peer, limit, *without))
                goals.append(ratio(self.name, "wall time, both with fsync,", peer, limit, *both))
        if self.limits.peak_mib is not None:
            peak = statistics.median(run.reading.peak_mib for run in found[ETLPLUS])
            must = f"peak memory <= {self.limits.peak_mib:.0f} MiB"
            goals.append(Goal(self.name, must, self.limits.peak_mib, peak, "{:.0f} MiB"))
        return goals


def cell(name: str, value: float, ours: float) -> str:
    if math.isnan(value):
        return "unknown"
    written = f"{value:.0f}" if name == "peak MiB" else f"{value:.2f}"
    return written if name == "start s" or math.isnan(ours) else f"{written} ({value / max(ours, 0.001):.2f}x)"


def differences(case: str, outcomes: dict[str, dict]) -> list[str]:
    """What differs that should be the same."""
    ours, faults = outcomes[ETLPLUS], []
    for engine, theirs in outcomes.items():
        for what in ("rows", "sums", "rejects"):
            if engine != KNOWN_TO_DIFFER and ours.get(what) != theirs.get(what):
                faults.append(f"{case}: {what} of {engine} are {theirs.get(what)}, of {ETLPLUS} {ours.get(what)}")
    if "damaged" in ours and not ours["damaged"] == ours["rejects"] == ours["places_right"]:
        faults.append(f"{case}: not every row that was damaged is rejected by {ETLPLUS} with its line and offset: {ours}")
    return faults
