"""A table of PostgreSQL to Parquet as one would write it for ConnectorX, with Polars to write the file."""

import os
from pathlib import Path

import connectorx
import polars

from with_polars import SCHEMA


def pg_unload(_: Path, out: Path, url: str) -> None:
    """A connection for each core, each of which reads a range of order numbers. Its decimals come wider than the column is."""
    partitions = {"partition_on": "order_id", "partition_num": os.cpu_count()}
    table = connectorx.read_sql(url, "SELECT * FROM orders", return_type="arrow", **partitions)
    frame = polars.from_arrow(table).cast({"unit_price": SCHEMA["unit_price"]})
    frame.write_parquet(out / "connectorx-pg-unload.parquet", compression="zstd", compression_level=1)


def start() -> None:
    """All that it needs is imported."""


CASES = {("pg-unload", "connectorx"): pg_unload}
