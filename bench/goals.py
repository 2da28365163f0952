"""What has to be reached, and whether it was."""

import math
import statistics
from typing import NamedTuple


class Goal(NamedTuple):
    """A figure of etlplus that must not be greater than `limit`."""

    case: str
    # The figure and its limit in words, as `wall time <= 0.75 x duckdb`.
    must: str
    limit: float
    found: float
    # How the figure is written.
    form: str = "{:.2f}"

    def is_reached(self) -> bool:
        return self.found <= self.limit


def ratio(case: str, what: str, peer: str, limit: float, ours: list[float], theirs: list[float]) -> Goal:
    found = statistics.median(ours) / statistics.median(theirs)
    return Goal(case, f"{what} <= {limit:.2f} x {peer}", limit, found)


def print_goals(goals: list[Goal]) -> None:
    if not goals:
        return
    print("| case | must reach | found | |\n|---|---|---:|---|")
    for goal in goals:
        is_known = not math.isnan(goal.found)
        found = goal.form.format(goal.found) if is_known else "unknown"
        print(f"| {goal.case} | {goal.must} | {found} | {'ok' if goal.is_reached() else 'MISSED' if is_known else ''} |")
    print()
