"""Folders of one size each: the data that cases read, made when first asked for, and what engines make of it."""

import shutil
import subprocess
from pathlib import Path

from common import CACHE, HERE, say
from damage import damage
from tools import Tools

SEED = 42
FOLDER = CACHE / "bench" / "run"


class Work:
    """A folder of `rows` orders. Pipelines find it by relative paths: they are copied into it."""

    def __init__(self, tools: Tools, rows: int) -> None:
        self.tools, self.rows = tools, rows
        self.path = FOLDER / str(rows)
        self.data, self.out, self.pipelines = (self.path / name for name in ("data", "out", "pipelines"))
        if not self.path.exists():
            self.data.mkdir(parents=True)
            self.out.mkdir()
            shutil.copytree(HERE / "pipelines", self.pipelines)

    def need(self, name: str) -> Path:
        """A file of data. Those that no case needs any more are removed by `keep_only`."""
        path = self.data / name
        if not path.exists():
            say(f"making {name} of {self.rows:,} orders")
            MAKERS[name](self, path)
        return path

    def keep_only(self, names: set[str]) -> None:
        """Removes all other files of data, but what these are made from."""
        names = names | {SOURCES[name] for name in names if name in SOURCES}
        for path in self.data.iterdir():
            if path.name not in names:
                path.unlink()

    def outputs(self, engine: str, case: str) -> list[Path]:
        return list(self.out.glob(f"{engine}-{case}.*"))

    def clear(self) -> None:
        shutil.rmtree(self.out)
        self.out.mkdir()

    def remove(self) -> None:
        shutil.rmtree(self.path)


def make_orders(work: Work, target: Path) -> None:
    """All that comes with the orders is made at once, and each file is put where it is missing."""
    made = work.path / "made"
    command = [work.tools.etlplus, "demo", "--data-only", "--folder", made]
    subprocess.run([*command, "--rows", str(work.rows), "--seed", str(SEED)], check=True)
    for name in ("orders.csv", "orders-clean.csv", "countries.csv", "customers.ndjson"):
        if name == target.name or (name != "orders.csv" and not (work.data / name).exists()):
            (made / name).rename(work.data / name)
    shutil.rmtree(made)


def make_comparable(work: Work, target: Path) -> None:
    """The dirty orders without what DuckDB's reader cannot tell (a mixture of line ends), and without the rows that the
    two readers take for something else: a stray opening quote, a space behind a closing one, a comma after the last field.
    """
    source = work.need(SOURCES[target.name])
    with source.open("rb") as lines, target.open("wb") as kept:
        for line in lines:
            line = line.removesuffix(b"\n").removesuffix(b"\r") + b"\n"
            is_stray = line.endswith((b',"Leave at the door\n', b',"Please call bef\n')) or b',"mia@example.org,' in line
            if not is_stray and not line.endswith(b",Call me,\n") and b',"paid" ,' not in line:
                kept.write(line)
    source.unlink()


def make_damaged(work: Work, target: Path) -> None:
    damage(work.need(SOURCES[target.name]), target, work.data / "dirty.truth")


def make_ndjson(work: Work, target: Path) -> None:
    work.need(SOURCES[target.name])
    work.tools.run_peers("ndjson", work.path)


# What is made from another file.
SOURCES = {
    "orders-dirty.csv": "orders.csv",
    "orders-damaged.csv": "orders-clean.csv",
    "orders.ndjson": "orders-clean.csv",
}
MAKERS = {
    "orders.csv": make_orders,
    "orders-clean.csv": make_orders,
    "countries.csv": make_orders,
    "customers.ndjson": make_orders,
    "orders-dirty.csv": make_comparable,
    "orders-damaged.csv": make_damaged,
    "orders.ndjson": make_ndjson,
}


def repeat(source: Path, target: Path, times: int) -> None:
    """A file of CSV with the records of another one several times over, under one header."""
    with target.open("wb") as repeated:
        for time in range(times):
            with source.open("rb") as file:
                header = file.readline()
                if time == 0:
                    repeated.write(header)
                shutil.copyfileobj(file, repeated, 1 << 20)
