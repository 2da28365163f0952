"""The case "growth": time that grows as the input does, and memory that does not."""

import statistics
import subprocess

from common import say
from compare import ETLPLUS, differences
from data import Work, repeat
from goals import Goal
from measure import Reading, measure

# Sizes in relation to the rows that are asked for.
PARTS = (0.1, 1, 3)
# What the largest size may take: time for each row in relation to the middle one, since starting up is much of the smallest
# one's time, and memory in relation to the smallest.
TIME_LIMIT, MEMORY_LIMIT = 1.10, 1.10
# Whose result has to be the same. It is not measured.
WITNESS = "duckdb"


class Growth:
    """The pipeline of the case `load` at three sizes."""

    name, part, data = "growth", 1, ["orders-clean.csv"]

    def run(self, work: Work, runs: int) -> tuple[list[Goal], list[str]]:
        """Prints its table; answers with what was to be reached and with what differs that should be the same."""
        works = [sized(work, part) for part in PARTS]
        found: dict[int, list[Reading]] = {}
        for run in range(1, runs + 1):
            for each in works:
                say(f"run {run} of {runs}: growth, {each.rows:,} orders")
                command = [each.tools.etlplus, "run", "--quiet", each.pipelines / "load.yaml"]
                found.setdefault(each.rows, []).append(measure(command))
        print(f"`growth`: the case `load` at {len(PARTS)} sizes; medians of {runs} runs\n")
        print("| orders | wall s | wall s for each million | CPU s for each million | peak MiB |\n|---:|---:|---:|---:|---:|")
        medians = []
        for rows, readings in found.items():
            wall, cpu, peak = (statistics.median(figures) for figures in zip(*readings))
            medians.append((wall / rows * 1e6, peak))
            print(f"| {rows:,} | {wall:.2f} | {wall / rows * 1e6:.3f} | {cpu / rows * 1e6:.3f} | {peak:.0f} |")
        print()
        faults = [fault for each in works for fault in faults_of(each)]
        works[-1].remove()
        (_, small_peak), (middle_time, _), (large_time, large_peak) = medians
        small, middle, large = (f"{each.rows:,}" for each in works)
        must = f"wall time of a row at {large} orders <= {TIME_LIMIT:.2f} x at {middle}"
        time = Goal(self.name, must, TIME_LIMIT, large_time / middle_time)
        must = f"peak memory at {large} orders <= {MEMORY_LIMIT:.2f} x at {small}"
        peak = Goal(self.name, must, MEMORY_LIMIT, large_peak / small_peak)
        return [time, peak], faults


def sized(work: Work, part: float) -> Work:
    """More orders than were asked for are the same orders several times: no order number has to be unique here."""
    orders = work.need("orders-clean.csv")
    if part == 1:
        return work
    each = Work(work.tools, max(1, round(work.rows * part)))
    if part < 1:
        each.need("orders-clean.csv")
    else:
        repeat(orders, each.data / "orders-clean.csv", int(part))
    return each


def faults_of(work: Work) -> list[str]:
    say(f"growth: the same by {WITNESS}, {work.rows:,} orders")
    subprocess.run(work.tools.peers("load", WITNESS, work.path), check=True)
    outcomes = work.tools.outcomes("load", work.path, [ETLPLUS, WITNESS])
    work.clear()
    return differences(f"growth, {work.rows:,} orders", outcomes)
