"""Each case as one would write it for DuckDB."""

import importlib.util
from pathlib import Path
from typing import Any

import duckdb_rules
from duckdb_orders import connect, read_ndjson, read_orders

PARQUET = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"


def load_from(connection: Any, orders: str, target: Path) -> None:
    connection.execute(
        f"""
        COPY (
            SELECT *, quantity * unit_price AS amount, date_trunc('month', placed_at) AS month
            FROM {orders}
            WHERE status IN ('paid', 'shipped')
        ) TO '{target}' {PARQUET}
        """
    )


def load(data: Path, out: Path) -> None:
    load_from(connect(), read_orders(data / "orders-clean.csv"), out / "duckdb-load.parquet")


def dirty(data: Path, out: Path) -> None:
    """Rows that cannot be read are put aside, and written to a file as well."""
    connection = connect()
    aside = ", store_rejects = true, rejects_limit = 0"
    load_from(connection, read_orders(data / "orders-damaged.csv", more=aside), out / "duckdb-dirty.parquet")
    connection.execute(
        f"""
        COPY (SELECT line, line_byte_position AS "offset", column_name, error_type, csv_line FROM reject_errors)
        TO '{out / "duckdb-dirty.rejects.csv"}' (FORMAT csv, HEADER true)
        """
    )


def ndjson(data: Path, out: Path) -> None:
    load_from(connect(), read_ndjson(data / "orders.ndjson"), out / "duckdb-ndjson.parquet")


def write_ndjson(data: Path) -> None:
    """The clean orders as one JSON object a line, times as ISO 8601 has them."""
    connect().execute(
        f"""
        COPY (
            SELECT * REPLACE (strftime(placed_at, '%Y-%m-%dT%H:%M:%S') AS placed_at)
            FROM {read_orders(data / "orders-clean.csv")}
        ) TO '{data / "orders.ndjson"}' (FORMAT json)
        """
    )


def revenue(data: Path, out: Path) -> None:
    segments = {"customer_id": "BIGINT", "segment": "VARCHAR"}
    connect().execute(
        f"""
        COPY (
            SELECT
                c.region,
                coalesce(u.segment, 'guest') AS segment,
                date_trunc('month', o.placed_at) AS month,
                count(*) AS orders,
                sum(o.quantity * o.unit_price) AS revenue
            FROM {read_orders(data / "orders-clean.csv")} o
            JOIN read_csv('{data / "countries.csv"}', header = true) c ON c.code = o.country
            LEFT JOIN {read_ndjson(data / "customers.ndjson", segments)} u ON u.customer_id = o.customer_id
            WHERE o.status IN ('paid', 'shipped')
            GROUP BY ALL
            ORDER BY ALL
        ) TO '{out / "duckdb-revenue.csv"}' (FORMAT csv, HEADER true)
        """
    )


def pg_unload(_: Path, out: Path, url: str, engine: str = "duckdb") -> None:
    connection = connect()
    load_postgres(connection)
    connection.execute(f"ATTACH '{url}' AS server (TYPE postgres, READ_ONLY)")
    connection.execute(f"COPY (SELECT * FROM server.orders) TO '{out / f'{engine}-pg-unload.parquet'}' {PARQUET}")


def pg_unload_from_wheel(data: Path, out: Path, url: str) -> None:
    pg_unload(data, out, url, "duckdb-1.5")


def install_postgres() -> None:
    """From extensions.duckdb.org, where no package of Python has the extension."""
    if wheel_of_postgres() is None:
        connect().execute("INSTALL postgres")


def load_postgres(connection: Any) -> None:
    wheel = wheel_of_postgres()
    connection.execute(f"LOAD '{wheel}'" if wheel else "LOAD postgres")


def wheel_of_postgres() -> Path | None:
    """The extension as PyPI's package for DuckDB 1.5 brings it; there is none for 2.0."""
    package = importlib.util.find_spec("duckdb_extension_postgres_scanner")
    if package is None:
        return None
    return next(Path(package.origin).parent.glob("extensions/*/*.duckdb_extension"))


def start() -> None:
    connect()


CASES = {
    ("load", "duckdb"): load,
    ("dirty", "duckdb"): dirty,
    ("rules", "duckdb"): duckdb_rules.strictly,
    ("rules", "duckdb-own-casts"): duckdb_rules.own_casts,
    ("revenue", "duckdb"): revenue,
    ("ndjson", "duckdb"): ndjson,
    ("pg-unload", "duckdb"): pg_unload,
    ("pg-unload", "duckdb-1.5"): pg_unload_from_wheel,
}
