"""What the outputs of a case hold: two that hold the same are the same result."""

import csv
import json
from pathlib import Path
from typing import Any

from duckdb_orders import connect
from orders import TYPES

NUMBERS = ("BIGINT", "INTEGER", "DECIMAL(12,2)", "DOUBLE", "DECIMAL(38,2)")

# The columns of what each case writes.
SOLD = TYPES | {"amount": "DECIMAL(38,2)", "month": "TIMESTAMP"}
COLUMNS = {
    "load": SOLD,
    "dirty": SOLD,
    "ndjson": SOLD,
    "rules": TYPES,
    "revenue": {
        "region": "VARCHAR",
        "segment": "VARCHAR",
        "month": "TIMESTAMP",
        "orders": "BIGINT",
        "revenue": "DECIMAL(38,2)",
    },
    "pg-unload": TYPES,
}


def outcomes(case: str, folder: Path, engines: list[str]) -> dict[str, dict]:
    """For each engine: the number of rows, what they hold by column, and of cases with rejects these."""
    connection, found = connect(), {}
    for engine in engines:
        target = folder / "out" / f"{engine}-{case}.{'csv' if case == 'revenue' else 'parquet'}"
        rows, *sums = connection.execute(f"SELECT {', '.join(sums_of(COLUMNS[case]))} FROM '{target}'").fetchone()
        found[engine] = {"rows": rows, "sums": [str(value) for value in sums]}
        rejects = next((folder / "out").glob(f"{engine}-{case}.rejects.*"), None)
        if rejects:
            found[engine]["rejects"] = reject_count(connection, rejects)
        truth = folder / "data" / f"{case}.truth"
        if rejects and truth.exists():
            found[engine] |= held_to_truth(rejects, truth)
    return found


def sums_of(columns: dict[str, str]) -> list[str]:
    """Rows, and of each column the values that there are and their sum, where they are no numbers that of their hashes. A sum
    of doubles depends on their order in its last digits."""
    sums = ["count(*)"]
    for name, kind in columns.items():
        value = f"{name}::{kind}"
        total = f"sum({value})" if kind in NUMBERS else f"sum(hash({value})::HUGEINT)"
        sums += [f"count({name})", f"round(fsum({name}), 3)" if kind == "DOUBLE" else total]
    return sums


def reject_count(connection: Any, rejects: Path) -> int:
    if rejects.suffix == ".ndjson":
        # One line is one reject by definition, and reading its text as JSON could take two for one.
        with rejects.open("rb") as file:
            return sum(1 for _ in file)
    return connection.execute(f"SELECT count(*) FROM read_csv('{rejects}', all_varchar = true)").fetchone()[0]


def held_to_truth(rejects: Path, truth: Path) -> dict[str, int]:
    """How many rows were damaged, how many of them were rejected with the line that they are on, and how many of these with
    their byte offset. DuckDB counts bytes from 1, which is right in its own way."""
    damaged = {tuple(map(int, line.split())) for line in truth.read_text().splitlines()}
    with rejects.open(encoding="utf-8", errors="replace", newline="") as file:
        read = map(json.loads, file) if rejects.suffix == ".ndjson" else csv.DictReader(file)
        told = {(int(reject["line"]), int(reject["offset"])) for reject in read}
    places = damaged & told
    lines = places | (damaged & {(line, offset - 1) for line, offset in told})
    return {"damaged": len(damaged), "lines_right": len(lines), "places_right": len(places)}
