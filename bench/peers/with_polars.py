"""Each case as one would write it for Polars."""

from pathlib import Path
from typing import Any

import polars
from polars import col

from orders import TYPES

POLARS_TYPES = {
    "BIGINT": polars.Int64,
    "INTEGER": polars.Int32,
    "TIMESTAMP": polars.Datetime("us"),
    "DATE": polars.Date,
    "DECIMAL(12,2)": polars.Decimal(12, 2),
    "DOUBLE": polars.Float64,
    "BOOLEAN": polars.Boolean,
    "VARCHAR": polars.String,
}
SCHEMA = {name: POLARS_TYPES[kind] for name, kind in TYPES.items()}


def orders(data: Path) -> Any:
    return polars.scan_csv(data / "orders-clean.csv", schema=SCHEMA)


def load_from(orders: Any, target: Path) -> None:
    orders = orders.filter(col("status").is_in(["paid", "shipped"])).with_columns(
        (col("quantity") * col("unit_price")).alias("amount"),
        col("placed_at").dt.truncate("1mo").alias("month"),
    )
    orders.sink_parquet(target, compression="zstd", compression_level=1)


def load(data: Path, out: Path) -> None:
    load_from(orders(data), out / "polars-load.parquet")


def ndjson(data: Path, out: Path) -> None:
    """Its reader makes no decimals of numbers in JSON: they are doubles first. Times that it is told to read as such take it
    twice as long as texts of which they are made afterwards."""
    read = polars.scan_ndjson(
        data / "orders.ndjson",
        schema=SCHEMA | {"unit_price": polars.Float64, "placed_at": polars.String, "ship_by": polars.String},
    )
    typed = read.with_columns(
        col("unit_price").cast(SCHEMA["unit_price"]),
        col("placed_at").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us"),
        col("ship_by").str.to_date("%Y-%m-%d"),
    )
    load_from(typed, out / "polars-ndjson.parquet")


def revenue(data: Path, out: Path) -> None:
    countries = polars.scan_csv(data / "countries.csv")
    customers = polars.scan_ndjson(
        data / "customers.ndjson", schema={"customer_id": polars.Int64, "segment": polars.String}
    )
    revenue = (
        orders(data)
        .filter(col("status").is_in(["paid", "shipped"]))
        .join(countries, left_on="country", right_on="code")
        .join(customers, on="customer_id", how="left")
        .group_by(
            "region",
            col("segment").fill_null("guest"),
            col("placed_at").dt.truncate("1mo").alias("month"),
        )
        .agg(polars.len().alias("orders"), (col("quantity") * col("unit_price")).sum().alias("revenue"))
        .sort("region", "segment", "month")
    )
    revenue.sink_csv(out / "polars-revenue.csv")


def start() -> None:
    """All that it needs is imported."""


CASES = {("load", "polars"): load, ("ndjson", "polars"): ndjson, ("revenue", "polars"): revenue}
