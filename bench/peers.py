"""The peers' side of the benchmark: each case as one would write it for DuckDB or Polars.

    peers.py CASE PEER FOLDER     does the case once, from FOLDER/data to FOLDER/out
    peers.py outcomes FOLDER      prints what every output in FOLDER/out holds, as JSON

Every process does one case once, so that it can be measured from outside as a whole.
"""

import json
import sys
from pathlib import Path
from typing import Any, Callable

Case = Callable[[Path, Path], None]

TYPES = {
    "order_id": "BIGINT",
    "customer_id": "BIGINT",
    "placed_at": "TIMESTAMP",
    "ship_by": "DATE",
    "country": "VARCHAR",
    "sku": "VARCHAR",
    "quantity": "INTEGER",
    "unit_price": "DECIMAL(12,2)",
    "weight": "DOUBLE",
    "gift": "BOOLEAN",
    "status": "VARCHAR",
    "email": "VARCHAR",
    "note": "VARCHAR",
}

# What TRY_CAST would take and the pipeline's strict types do not: spaces around numbers, numbers that it would round,
# times with a zone, without seconds, or with more than six decimals.
STRICT_FORMS = {
    "BIGINT": "[+-]?[0-9]+",
    "INTEGER": "[+-]?[0-9]+",
    "DECIMAL(12,2)": "[+-]?([0-9]+\\.?[0-9]{0,2}|\\.[0-9]{1,2})0*",
    "DOUBLE": "[0-9.eE+-]+",
    "BOOLEAN": "(?i)true|false|1|0",
    "DATE": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "TIMESTAMP": "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6}0*)?",
}

# The rules of pipelines/dirty.yaml. A column in REQUIRED must have a value as well.
RULES = {
    "customer_id": "customer_id >= 1",
    "placed_at": "placed_at BETWEEN TIMESTAMP '2020-01-01' AND TIMESTAMP '2026-01-01'",
    "ship_by": "ship_by >= DATE '2020-01-01'",
    "country": "length(country) = 2 AND regexp_full_match(country, '[A-Z]+')",
    "sku": "regexp_full_match(sku, '[A-Z]{2}-[0-9]{4}')",
    "quantity": "quantity BETWEEN 1 AND 1000",
    "unit_price": "unit_price > 0",
    "weight": "weight >= 0 AND weight < 1000",
    "status": "status IN ('new', 'paid', 'shipped', 'returned', 'cancelled')",
    "email": "length(email) BETWEEN 6 AND 80 AND regexp_full_match(email, '[^@ ]+@[^@ ]+')",
    "note": "length(note) <= 500",
}
REQUIRED = ("order_id", "placed_at", "country", "sku", "quantity", "unit_price", "status", "email")


def duckdb_connection() -> Any:
    import duckdb

    return duckdb.connect()


def csv_columns(types: dict[str, str]) -> str:
    return "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in types.items()) + "}"


def read_orders(path: Path, types: dict[str, str], more: str = "") -> str:
    """DuckDB's reader of a file of orders, told all there is to tell, so that it need not guess."""
    return (
        f"read_csv('{path}', columns = {csv_columns(types)}, auto_detect = false, header = true, delim = ',', "
        f"quote = '\"', escape = '\"', allow_quoted_nulls = false {more})"
    )


def duckdb_load(data: Path, out: Path) -> None:
    duckdb_connection().execute(
        f"""
        COPY (
            SELECT *, quantity * unit_price AS amount, date_trunc('month', placed_at) AS month
            FROM {read_orders(data / "orders-clean.csv", TYPES)}
            WHERE status IN ('paid', 'shipped')
        ) TO '{out / "duckdb-load.parquet"}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
        """
    )


def duckdb_revenue(data: Path, out: Path) -> None:
    duckdb_connection().execute(
        f"""
        COPY (
            SELECT
                c.region,
                coalesce(u.segment, 'guest') AS segment,
                date_trunc('month', o.placed_at) AS month,
                count(*) AS orders,
                sum(o.quantity * o.unit_price) AS revenue
            FROM {read_orders(data / "orders-clean.csv", TYPES)} o
            JOIN read_csv('{data / "countries.csv"}', header = true) c ON c.code = o.country
            LEFT JOIN read_json(
                '{data / "customers.ndjson"}',
                format = 'newline_delimited',
                columns = {{'customer_id': 'BIGINT', 'segment': 'VARCHAR'}}
            ) u ON u.customer_id = o.customer_id
            WHERE o.status IN ('paid', 'shipped')
            GROUP BY ALL
            ORDER BY ALL
        ) TO '{out / "duckdb-revenue.csv"}' (FORMAT csv, HEADER true)
        """
    )


def duckdb_dirty(data: Path, out: Path) -> None:
    """The strict way: all fields as texts, and every cast and rule spelt out. Gives what etlplus gives."""
    connection = read_dirty(data, dict.fromkeys(TYPES, "VARCHAR"))
    texts, casts, checks = [], [], []
    for name, kind in TYPES.items():
        # In quotes, too, "" and "NULL" are no value, except where texts belong.
        texts.append(name if kind == "VARCHAR" else f"nullif(nullif({name}, ''), 'NULL') AS {name}")
        is_in_form = f"regexp_full_match(texts.{name}, '{STRICT_FORMS[kind]}')" if kind in STRICT_FORMS else "true"
        casts.append(f"CASE WHEN {is_in_form} THEN TRY_CAST(texts.{name} AS {kind}) END AS {name}")
        is_kept = f"{name} IS NOT NULL AND ({RULES.get(name, 'true')})"
        if name not in REQUIRED:
            casts.append(f"texts.{name} IS NULL AS no_{name}")
            is_kept = f"no_{name} OR ({is_kept})"
        checks.append(f"CASE WHEN {is_kept} THEN NULL ELSE '{name}' END")
    connection.execute(
        f"""
        CREATE TEMP TABLE judged AS
        SELECT *, concat_ws(' ', {", ".join(checks)}) AS broken
        FROM (
            SELECT row_number, {", ".join(casts)}
            FROM (SELECT rowid AS row_number, {", ".join(texts)} FROM read) AS texts
        )
        """
    )
    write_dirty(connection, out / "duckdb-dirty.parquet", out / "duckdb-dirty.rejects.csv")


def duckdb_own_casts_dirty(data: Path, out: Path) -> None:
    """The short way: DuckDB's own casts while it reads. They take texts that are no values (` 5`), and round 19.999."""
    connection = read_dirty(data, TYPES)
    checks = []
    for name in TYPES:
        is_kept = RULES.get(name, "true")
        is_kept = f"{name} IS NOT NULL AND ({is_kept})" if name in REQUIRED else f"{name} IS NULL OR ({is_kept})"
        checks.append(f"CASE WHEN {is_kept} THEN NULL ELSE '{name}' END")
    connection.execute(
        f"CREATE TEMP TABLE judged AS SELECT rowid AS row_number, *, concat_ws(' ', {', '.join(checks)}) AS broken FROM read"
    )
    name = "duckdb-own-casts-dirty"
    write_dirty(connection, out / f"{name}.parquet", out / f"{name}.rejects.csv")


def read_dirty(data: Path, types: dict[str, str]) -> Any:
    """The dirty orders as the table `read`, and what could not be read in DuckDB's own table of rejects."""
    connection = duckdb_connection()
    more = ", nullstr = ['', 'NULL'], store_rejects = true, rejects_limit = 0, max_line_size = 16384"
    connection.execute(f"CREATE TEMP TABLE read AS SELECT * FROM {read_orders(data / 'orders-dirty.csv', types, more)}")
    return connection


def write_dirty(connection: Any, target: Path, rejects: Path) -> None:
    """Of the good rows with the same number the first one stays."""
    connection.execute(
        f"""
        CREATE TEMP TABLE repeated AS
        SELECT row_number FROM judged WHERE broken = ''
        QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY row_number) > 1
        """
    )
    connection.execute(
        f"""
        COPY (
            SELECT {", ".join(TYPES)} FROM judged
            WHERE broken = '' AND row_number NOT IN (SELECT row_number FROM repeated)
        ) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
        """
    )
    connection.execute(
        f"""
        COPY (
            SELECT line, string_agg(error_type, ' ') AS broken, any_value(csv_line) AS text
            FROM reject_errors GROUP BY line
            UNION ALL
            SELECT row_number, coalesce(nullif(broken, ''), 'repeated'), read::VARCHAR
            FROM judged JOIN read ON read.rowid = judged.row_number
            WHERE broken <> '' OR row_number IN (SELECT row_number FROM repeated)
        ) TO '{rejects}' (FORMAT csv, HEADER true)
        """
    )


def polars_types() -> dict[str, Any]:
    import polars

    return {
        "BIGINT": polars.Int64,
        "INTEGER": polars.Int32,
        "TIMESTAMP": polars.Datetime("us"),
        "DATE": polars.Date,
        "DECIMAL(12,2)": polars.Decimal(12, 2),
        "DOUBLE": polars.Float64,
        "BOOLEAN": polars.Boolean,
        "VARCHAR": polars.String,
    }


def polars_orders(data: Path) -> Any:
    import polars

    types = polars_types()
    schema = {name: types[kind] for name, kind in TYPES.items()}
    return polars.scan_csv(data / "orders-clean.csv", schema=schema)


def polars_load(data: Path, out: Path) -> None:
    import polars
    from polars import col

    orders = polars_orders(data).filter(col("status").is_in(["paid", "shipped"]))
    orders = orders.with_columns(
        (col("quantity") * col("unit_price")).alias("amount"),
        col("placed_at").dt.truncate("1mo").alias("month"),
    )
    orders.sink_parquet(out / "polars-load.parquet", compression="zstd", compression_level=1)


def polars_revenue(data: Path, out: Path) -> None:
    import polars
    from polars import col

    countries = polars.scan_csv(data / "countries.csv")
    customers = polars.scan_ndjson(
        data / "customers.ndjson", schema={"customer_id": polars.Int64, "segment": polars.String}
    )
    revenue = (
        polars_orders(data)
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


CASES: dict[tuple[str, str], Case] = {
    ("load", "duckdb"): duckdb_load,
    ("load", "polars"): polars_load,
    ("revenue", "duckdb"): duckdb_revenue,
    ("revenue", "polars"): polars_revenue,
    ("dirty", "duckdb"): duckdb_dirty,
    ("dirty", "duckdb-own-casts"): duckdb_own_casts_dirty,
}

# What two outputs must have in common to be the same result.
OUTCOMES = {
    "load": "count(*), sum(amount), sum(quantity), count(note), count(DISTINCT note), count(ship_by), count(customer_id), max(month)",
    "dirty": "count(*), sum(unit_price), sum(quantity), count(note), count(ship_by), count(customer_id), round(sum(weight), 3)",
    "revenue": "count(*), sum(orders), round(sum(revenue), 2), count(DISTINCT region), count(DISTINCT month::TIMESTAMP)",
}


def outcomes(out: Path) -> dict[str, list[str]]:
    """What every output holds: rows first, then sums; rows alone for rejects."""
    connection = duckdb_connection()
    found = {}
    for path in sorted(out.iterdir()):
        case = path.stem.rsplit("-", 1)[-1]
        if path.suffix == ".ndjson":
            # One line is one reject by definition, and reading its text as JSON could take two for one.
            with path.open("rb") as file:
                found[path.stem] = [str(sum(1 for _ in file))]
        elif case in OUTCOMES:
            row = connection.execute(f"SELECT {OUTCOMES[case]} FROM '{path}'").fetchone()
            found[path.stem] = [str(value) for value in row]
        elif case.endswith(".rejects"):
            row = connection.execute(f"SELECT count(*) FROM read_csv('{path}', all_varchar = true)").fetchone()
            found[path.stem] = [str(row[0])]
    return found


def main() -> None:
    if sys.argv[1:2] == ["outcomes"]:
        print(json.dumps(outcomes(Path(sys.argv[2]) / "out")))
        return
    case, peer, folder = sys.argv[1:]
    CASES[case, peer](Path(folder) / "data", Path(folder) / "out")


if __name__ == "__main__":
    main()
