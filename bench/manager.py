"""The case "manager": what the job manager costs, with monitoring and with people who watch."""

import statistics
import time

import serving
from common import say
from compare import ETLPLUS
from data import Work
from goals import Goal
from measure import children, cpu_seconds_of_tree, measure

PAIRS = 7
SUBSCRIBERS = 2
CPU_LIMIT = 1.03
# Far beyond what a process needs that has said its last word.
END_SECONDS_MAX = 60


class Manager:
    """The pipeline of the case `load` by `etlplus run`, and by a server that it is submitted to."""

    name, part, data = "manager", 1, ["orders-clean.csv"]

    def run(self, work: Work, _: int) -> tuple[list[Goal], list[str]]:
        """Prints its table; answers with what was to be reached and with what differs that should be the same."""
        work.need("orders-clean.csv")
        serving.prepare()
        serving.faults.clear()
        alone, managed, outcomes = [], [], []
        with serving.Server(work.tools.etlplus, serving.new_folder()) as server:
            # The first job of a server pays for what the others find done.
            server.jobs("tiny")
            for pair in range(PAIRS):
                say(f"manager, pair {pair + 1} of {PAIRS}")
                ways = [(alone, cpu_seconds_alone), (managed, cpu_seconds_managed)]
                # Whoever is second finds another machine: each is first in turn.
                for readings, way in ways if pair % 2 == 0 else reversed(ways):
                    readings.append(way(work, server))
                    outcome = work.tools.outcomes("load", work.path, [ETLPLUS])[ETLPLUS]
                    if outcome not in outcomes:
                        outcomes.append(outcome)
                    work.clear()
            server.end()
        ratios = [theirs / ours for ours, theirs in zip(alone, managed)]
        print(f"`manager`: the case `load`, {work.rows:,} orders; {PAIRS} alternated pairs, {SUBSCRIBERS} subscribers\n")
        print("| | CPU s, median | of each pair |\n|---|---:|---|")
        for name, readings in (("etlplus run", alone), ("server and runner", managed)):
            print(f"| {name} | {statistics.median(readings):.2f} | {' '.join(f'{reading:.2f}' for reading in readings)} |")
        print(f"| ratio | {statistics.median(ratios):.3f} | {' '.join(f'{ratio:.3f}' for ratio in ratios)} |\n")
        must = f"CPU time of server and runner <= {CPU_LIMIT:.2f} x etlplus run, median of the pairs"
        faults = [f"manager: results differ between runs: {outcomes}"] if len(outcomes) > 1 else []
        return [Goal(self.name, must, CPU_LIMIT, statistics.median(ratios), "{:.3f}")], faults + serving.faults


def cpu_seconds_alone(work: Work, _: serving.Server) -> float:
    return measure([work.tools.etlplus, "run", "--quiet", work.pipelines / "load.yaml"]).cpu_seconds


def cpu_seconds_managed(work: Work, server: serving.Server) -> float:
    """Of the server and of the job's own process, from before the first subscriber comes until that process is gone."""
    server_process = server.process.pid
    before = cpu_seconds_of_tree(server_process)
    server.jobs("load", {"folder": str(work.pipelines)}, clients=SUBSCRIBERS)
    deadline = time.monotonic() + END_SECONDS_MAX
    while children(server_process):
        if time.monotonic() > deadline:
            raise SystemExit("a job's process has not ended with its job")
        time.sleep(0.01)
    return cpu_seconds_of_tree(server_process) - before
