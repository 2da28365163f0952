"""The case "rules" for DuckDB: what its reader of CSV does not check is SQL that one writes oneself."""

from pathlib import Path
from typing import Any

from duckdb_orders import connect, read_orders
from orders import TYPES

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

# The rules of pipelines/rules.yaml. A column in REQUIRED must have a value as well.
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


def strictly(data: Path, out: Path) -> None:
    """The strict way: all fields as texts, and every cast and rule spelt out. Gives what etlplus gives."""
    connection = read_orders_of(data, dict.fromkeys(TYPES, "VARCHAR"))
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
    write(connection, out / "duckdb-rules.parquet", out / "duckdb-rules.rejects.csv")


def own_casts(data: Path, out: Path) -> None:
    """The short way: DuckDB's own casts while it reads. They take texts that are no values (` 5`), and round 19.999."""
    connection = read_orders_of(data, TYPES)
    checks = []
    for name in TYPES:
        is_kept = RULES.get(name, "true")
        is_kept = f"{name} IS NOT NULL AND ({is_kept})" if name in REQUIRED else f"{name} IS NULL OR ({is_kept})"
        checks.append(f"CASE WHEN {is_kept} THEN NULL ELSE '{name}' END")
    connection.execute(
        f"CREATE TEMP TABLE judged AS SELECT rowid AS row_number, *, concat_ws(' ', {', '.join(checks)}) AS broken FROM read"
    )
    name = "duckdb-own-casts-rules"
    write(connection, out / f"{name}.parquet", out / f"{name}.rejects.csv")


def read_orders_of(data: Path, types: dict[str, str]) -> Any:
    """The dirty orders as the table `read`, and what could not be read in DuckDB's own table of rejects."""
    connection = connect()
    more = ", nullstr = ['', 'NULL'], store_rejects = true, rejects_limit = 0, max_line_size = 16384"
    connection.execute(f"CREATE TEMP TABLE read AS SELECT * FROM {read_orders(data / 'orders-dirty.csv', types, more)}")
    return connection


def write(connection: Any, target: Path, rejects: Path) -> None:
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
