"""Cases with PostgreSQL: into one of its tables, and out of one."""

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from common import HERE, say
from compare import ETLPLUS, Case
from data import Work
from postgres import Postgres

# What two tables must have in common to be the same result.
SUMS = ["count(*)"] + [
    f"{fold}({column})"
    for fold, columns in {
        "count": ("customer_id", "ship_by", "note"),
        "sum": ("order_id", "customer_id", "quantity", "unit_price", "gift::int"),
    }.items()
    for column in columns
]
SUMS += ["round(sum(weight)::numeric, 3)", "sum(extract(epoch FROM placed_at))", "sum(ship_by - DATE '2020-01-01')"]
SUMS += [f"sum(hashtext({column}))" for column in ("country", "sku", "status", "email", "note")]


class PostgresCase(Case):
    """With a server of its own while it runs."""

    server: Postgres

    @contextmanager
    def prepared(self, work: Work) -> Iterator[None]:
        with super().prepared(work), Postgres() as self.server:
            say(f"PostgreSQL {self.server.version()}")
            # A URL cannot be a parameter.
            template = (HERE / "pipelines" / f"{self.name}.yaml").read_text()
            (work.pipelines / f"{self.name}.yaml").write_text(template.replace("POSTGRES_URL", self.server.url))
            yield

    def server_cpu_seconds(self) -> float:
        return self.server.cpu_seconds()

    def copy_in(self, work: Work, table: str) -> list:
        """As `replace` does it: the old rows are there until the new ones are."""
        orders = work.data / "orders-clean.csv"
        copy = f"\\copy {table} from '{orders}' (format csv, header)"
        return self.server.psql("BEGIN", f"TRUNCATE {table}", copy, "COMMIT")


class PostgresLoad(PostgresCase):
    """CSV into a table."""

    def command(self, work: Work, engine: str) -> list:
        return super().command(work, engine) if engine == ETLPLUS else self.copy_in(work, f"orders_{engine}")

    def start_command(self, work: Work, engine: str) -> list:
        return super().start_command(work, engine) if engine == ETLPLUS else self.server.psql("SELECT 1")

    def before(self, work: Work, engine: str) -> None:
        self.server.make_table(f"orders_{engine}")

    def outcomes(self, work: Work) -> dict[str, dict]:
        found = {}
        for engine in self.engines:
            rows, *sums = self.server.ask(f"SELECT {', '.join(SUMS)} FROM orders_{engine}").split("|")
            found[engine] = {"rows": int(rows), "sums": sums}
        return found


class PostgresUnload(PostgresCase):
    """A table to Parquet."""

    @contextmanager
    def prepared(self, work: Work) -> Iterator[None]:
        with super().prepared(work):
            self.server.make_table("orders")
            subprocess.run(self.copy_in(work, "orders"), check=True)
            # What a table that is read has seen: its rows are marked as settled, and its statistics are there.
            self.server.ask("VACUUM (ANALYZE) orders")
            self.engines = self.obtainable(work)
            yield

    def obtainable(self, work: Work) -> list[str]:
        """Without DuckDB 2.0 where its extension cannot be fetched."""
        fetched = subprocess.run(work.tools.peers("postgres"), capture_output=True, text=True)
        if fetched.returncode == 0:
            return self.engines
        print(f"`{self.name}`: DuckDB 2.0 is left out, since its extension for PostgreSQL cannot be had: {last_words(fetched.stderr)}\n")
        return [engine for engine in self.engines if engine != "duckdb"]

    def command(self, work: Work, engine: str) -> list:
        if engine == ETLPLUS:
            return super().command(work, engine)
        return work.tools.peers(self.name, engine, work.path, self.server.url, python=self.python(work, engine))

    def start_command(self, work: Work, engine: str) -> list:
        if engine == ETLPLUS:
            return super().start_command(work, engine)
        return work.tools.peers("start", engine, python=self.python(work, engine))

    def python(self, work: Work, engine: str) -> Path:
        return work.tools.python_of_duckdb_1_5 if engine == "duckdb-1.5" else work.tools.python


def last_words(error: str) -> str:
    """The line of a Python traceback that says what happened."""
    return next((line for line in error.splitlines() if "Error" in line and not line.startswith(" ")), error.strip())
